"""Errors that say who, what, and what to do next."""


class EverfreshError(Exception):
    """The base of every error that a user of everfresh may see; its text is one clear sentence."""


class DefinitionError(EverfreshError):
    """What an app declares makes no sense: an unknown dep, a cycle, two assets of one name, a bad policy."""


class NoSuchApp(DefinitionError):
    """What was named as an app isn't one; the text says how one is named."""


class SettingError(EverfreshError):
    """A setting is missing or wrong; the text names the setting."""


class BadEvent(EverfreshError):
    """An event from outside can't be read; it goes to the dead letters with this text."""


class LoadError(EverfreshError):
    """An input can't be read; the text says which, why, and what to do."""


class BadResult(EverfreshError):
    """A function returned what nobody can publish; the text says what, and what would do."""


class LogUnavailable(EverfreshError):
    """The log can't be reached or refused the write; nothing of the batch was kept."""


class EventTooLarge(EverfreshError):
    """An event is above the 256 KiB that everfresh writes; nothing was sent."""


class TopicMismatch(EverfreshError):
    """A topic is missing, or its partitions or settings differ from what is declared."""


class Gap(EverfreshError):
    """A reader's position is no longer in the log: events between were trimmed before they were read."""


class Fenced(EverfreshError):
    """Another process took over this role; this one must stop and not write again."""


class NotCollected(EverfreshError):
    """A bill can't be read, or not all of it; nothing of it was told, and it may be collected again."""
