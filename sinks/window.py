"""Which entries are under way, so that a group's position moves only past those that are finished."""

from collections import OrderedDict
from collections.abc import Mapping

Place = tuple[str, int]
"""(topic, partition)"""


class Window:
    """Entries begin in the order of their offsets and finish in any; the position is that of the first unfinished."""

    def __init__(self) -> None:
        self._unfinished: dict[Place, OrderedDict[int, None]] = {}
        self._next: dict[Place, int] = {}
        self._told: dict[Place, int] = {}

    def begin(self, place: Place, offset: int) -> bool:
        """False for an entry that was begun before: after a rebalance a log may give one again."""
        if offset < self._next.get(place, 0):
            return False
        self._next[place] = offset + 1
        self._unfinished.setdefault(place, OrderedDict())[offset] = None
        return True

    def finish(self, place: Place, offset: int) -> None:
        """The entry is delivered, or in the dead letters."""
        if place in self._unfinished:
            self._unfinished[place].pop(offset, None)

    def drop(self, place: Place) -> None:
        """The partition is somebody else's now: what of it is under way no longer counts."""
        for known in (self._unfinished, self._next, self._told):
            known.pop(place, None)

    @property
    def places(self) -> frozenset[Place]:
        """The partitions that are known here."""
        return frozenset(self._next)

    @property
    def unfinished(self) -> int:
        """How many entries are under way."""
        return sum(map(len, self._unfinished.values()))

    @property
    def span(self) -> int:
        """How many entries a crash would repeat at most."""
        return sum(self._next[place] - offset for place, offset in self._positions().items())

    @property
    def owes(self) -> bool:
        """Whether `moved` has something to say."""
        return bool(self._news())

    def moved(self) -> Mapping[Place, int]:
        """The positions that differ from what this said last; each is the next offset to read."""
        news = self._news()
        self._told.update(news)
        return news

    def _news(self) -> dict[Place, int]:
        return {place: offset for place, offset in self._positions().items() if self._told.get(place) != offset}

    def _positions(self) -> dict[Place, int]:
        return {place: next(iter(self._unfinished.get(place, ())), after) for place, after in self._next.items()}
