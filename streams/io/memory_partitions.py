"""Topics and their entries in memory."""

from collections.abc import Callable, Sequence

from streams.errors import LogUnavailable, TopicMismatch
from streams.io.entries import PositionLost, StoredEntry, partition_of
from streams.io.topics import missing
from streams.io.wakeups import Wakeups
from streams.ports import Record, Stamp
from streams.topics import Topic


class MemoryPartition:
    """The entries from `first` on."""

    def __init__(self) -> None:
        self.first = 0
        self.entries: list[StoredEntry] = []

    @property
    def bounds(self) -> tuple[int, int]:
        return self.first, self.first + len(self.entries)


class MemoryPartitions:
    """What the memory log, its groups and its writers share."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock = clock
        self.wakeups = Wakeups()
        self.topics: dict[str, Topic] = {}
        self._kept: dict[tuple[str, int], MemoryPartition] = {}
        self._closed = False

    def create(self, topic: Topic) -> None:
        self.topics[topic.name] = topic
        for number in range(topic.partitions):
            self._kept[topic.name, number] = MemoryPartition()

    def declared(self, topic: str) -> Topic:
        """The topic as it was created. Raises TopicMismatch if it wasn't, LogUnavailable once the log is closed."""
        self.check_open()
        if topic not in self.topics:
            raise TopicMismatch(missing(topic))
        return self.topics[topic]

    def keep(self, records: Sequence[Record]) -> list[Stamp]:
        """Append all, or none if one of them has nowhere to go."""
        placed = [(record, partition_of(record, self.declared(record.topic).partitions)) for record in records]
        stamps = [self._keep_one(record, partition) for record, partition in placed]
        self.wakeups.wake({record.topic for record in records})
        return stamps

    def slice_of(self, topic: str, partition: int, offset: int, limit: int) -> Sequence[StoredEntry]:
        """What is there, without waiting. Raises Gap for an offset outside the bounds."""
        kept = self._partition(topic, partition)
        first, end = kept.bounds
        if not first <= offset <= end:
            raise PositionLost((topic, partition), offset, kept.bounds)
        return kept.entries[offset - first : offset - first + limit]

    def bounds_of(self, topic: str, partition: int) -> tuple[int, int]:
        return self._partition(topic, partition).bounds

    def trim(self, topic: str, partition: int, before: int) -> None:
        kept = self._partition(topic, partition)
        first, end = kept.bounds
        before = min(max(before, first), end)
        del kept.entries[: before - first]
        kept.first = before

    def close(self) -> None:
        self._closed = True
        self.wakeups.wake()

    def check_open(self) -> None:
        if self._closed:
            raise LogUnavailable("the log in memory is closed; open a new one")

    def _keep_one(self, record: Record, partition: int) -> Stamp:
        kept = self._kept[record.topic, partition]
        last_ms = kept.entries[-1].timestamp if kept.entries else 0
        stamp = Stamp(partition, kept.bounds[1], max(self.clock(), last_ms))
        kept.entries.append(StoredEntry(record.topic, *stamp, record.key, record.value, record.headers))
        return stamp

    def _partition(self, topic: str, partition: int) -> MemoryPartition:
        self.declared(topic)
        if (topic, partition) not in self._kept:
            raise TopicMismatch(f"topic {topic} has no partition {partition}")
        return self._kept[topic, partition]
