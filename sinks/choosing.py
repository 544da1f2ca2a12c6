"""Which events a destination gets."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple, get_args

from streams import output_events
from streams.cloudevents import Envelope
from streams.event import Event
from streams.events import AlertResolved, Severity
from streams.topics import Topics

SEVERITIES: tuple[str, ...] = get_args(Severity)
"""the least first"""

DELIVERED = {
    found.TYPE.removeprefix("everfresh.").removesuffix(".v1"): found.TYPE
    for found in vars(output_events).values()
    if isinstance(found, type) and issubclass(found, Event) and "TYPE" in vars(found)
}
"""short name → type, of all that stands in the output topics"""


class Choice(NamedTuple):
    """Events of these types; where they have a severity, from `least` on."""

    types: frozenset[str]
    least: Severity = "info"
    for_people: bool = False
    """nobody wants to be told of what another alert explains, or of what is silenced"""

    def wants(self, wrapped: Envelope) -> bool:
        """Whether the event is for this destination. A severity that nobody knows hides nothing."""
        severity = wrapped["data"].get("severity")
        too_little = severity in SEVERITIES and SEVERITIES.index(severity) < SEVERITIES.index(self.least)
        return wrapped["type"] in self.types and not too_little and not (self.for_people and is_quiet(wrapped))

    def topics(self, topics: Topics) -> tuple[str, ...]:
        """Where such events stand."""
        return tuple(sorted({topics.output(kind).name for kind in self.types}))


def is_quiet(wrapped: Envelope) -> bool:
    """An alert that another one explains, or that is silenced, and that isn't over."""
    data = wrapped["data"]
    said = data.get("inhibited_by") is not None or data.get("silenced_until") is not None
    return said and wrapped["type"] != AlertResolved.TYPE


def types_of(patterns: Sequence[str]) -> frozenset[str]:
    """The types that patterns like "alert.*" or "asset.quarantined" name, or whole ones. Raises ValueError.

    >>> sorted(types_of(["asset.q*", "everfresh.check.*"]))
    ['everfresh.asset.quarantined.v1', 'everfresh.check.evaluated.v1']
    """
    return frozenset(kind for pattern in patterns for kind in _named(pattern))


def _named(pattern: str) -> list[str]:
    found = [kind for short, kind in DELIVERED.items() if fnmatchcase(short, pattern) or fnmatchcase(kind, pattern)]
    if not found:
        raise ValueError(f"{pattern!r} is no event that is delivered; there are {', '.join(sorted(DELIVERED))}")
    return found
