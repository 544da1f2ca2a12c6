"""Which of several receivers have an event already, so that trying again doesn't tell them twice."""

from collections import OrderedDict

KEPT_MAX = 10_000
"""events that are remembered; only those that are being tried again matter"""


class Reached:
    """Receivers by the id of an event. A restart forgets: then some are told twice."""

    def __init__(self) -> None:
        self._by: OrderedDict[str, set[str]] = OrderedDict()

    def left(self, name: str, receivers: tuple[str, ...]) -> tuple[str, ...]:
        """Those that don't have the event `name` yet."""
        has = self._by.get(name, set())
        return tuple(one for one in receivers if one not in has)

    def mark(self, name: str, receiver: str) -> None:
        """It has it, or won't ever."""
        self._by.setdefault(name, set()).add(receiver)
        if len(self._by) > KEPT_MAX:
            self._by.popitem(last=False)

    def forget(self, name: str) -> None:
        """All have it."""
        self._by.pop(name, None)
