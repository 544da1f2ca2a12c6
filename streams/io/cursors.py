"""Where a member of a group reads next."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from streams.errors import Gap
from streams.ports import Entry

TopicPartition = tuple[str, int]
Slice = Callable[[str, int, int, int], Sequence[Entry]]


class Cursors:
    """The next offset of each partition that a member owns. `slice_of` reads (topic, partition, offset, limit)."""

    def __init__(self, slice_of: Slice, bounds_of: Callable[[str, int], tuple[int, int]]) -> None:
        self._slice_of = slice_of
        self._bounds_of = bounds_of
        self._next: dict[TopicPartition, int] = {}
        self._lost: set[TopicPartition] = set()
        self._behind: set[TopicPartition] = set()

    def position(self, topic: str, partition: int) -> int:
        """The offset that `read` gives next; LookupError where it isn't owned."""
        return self._next[topic, partition]

    def behind(self, topic: str, partition: int) -> bool:
        """The last `read` didn't come to the partition's end."""
        return (topic, partition) in self._behind

    def owned(self) -> frozenset[TopicPartition]:
        """The partitions that are read."""
        return frozenset(self._next)

    def drop(self, partitions: Iterable[TopicPartition]) -> None:
        """They are somebody else's now."""
        for one in partitions:
            self._next.pop(one, None)
            self._lost.discard(one)

    def take(self, positions: Mapping[TopicPartition, int]) -> None:
        """Own these as well, each from its position on."""
        self._next.update(positions)

    def committed(self, partition: TopicPartition, offset: int) -> None:
        """A commit leaves the reading as it is, except after a Gap: then it says where to go on."""
        if partition in self._lost:
            self._lost.discard(partition)
            self._next[partition] = offset

    def read(self, limit: int) -> dict[TopicPartition, Sequence[Entry]]:
        """Up to `limit` entries in all, beginning with another partition each time so that none starves."""
        found: dict[TopicPartition, Sequence[Entry]] = {}
        self._behind = set()
        for one, offset in list(self._next.items()):
            entries: Sequence[Entry] = ()
            if limit > 0:
                try:
                    entries = self._slice_of(*one, offset, limit)
                except Gap:
                    self._lost.add(one)
                    if not found:
                        raise
                    limit = 0  # what was read must be handed out first; the Gap will be there next time
            if entries:
                found[one] = entries
                limit -= len(entries)
                del self._next[one]  # to the end of the line
                self._next[one] = entries[-1].offset + 1
            if (entries or limit <= 0) and self._next[one] < self._bounds_of(*one)[1]:
                self._behind.add(one)
        return found
