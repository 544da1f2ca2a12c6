"""The log in memory, for tests and for the world in virtual time: the same promises, but it ends with its process."""

from collections.abc import Callable, Sequence
from typing import Literal

from streams.io.clock import wall_clock_ms
from streams.io.entries import StoredEntry, check_sizes
from streams.io.memory_groups import MemoryGroup, MemorySubscription
from streams.io.memory_partitions import MemoryPartitions
from streams.io.memory_writers import MemoryFencedWriter
from streams.io.topics import Found, differences
from streams.ports import Position, Record, Stamp
from streams.topics import Topic


class MemoryLog:
    """EventLog, Fencing and TopicAdmin in one. `clock` gives milliseconds since 1970 UTC and may be a virtual one.

    It is bound to no event loop; any number of readers and members may share it.
    """

    def __init__(self, clock: Callable[[], int] = wall_clock_ms) -> None:
        self._partitions = MemoryPartitions(clock)
        self._groups: dict[str, MemoryGroup] = {}
        self._claims: dict[str, int] = {}

    async def append(self, records: Sequence[Record], position: Position | None = None) -> list[Stamp]:
        check_sizes(records)
        stamps = self._partitions.keep(records)
        if position is not None:
            self._group(position.group).positions[position.topic, position.partition] = position.offset
        return stamps

    async def read(
        self, topic: str, partition: int, offset: int, limit: int = 500, wait_ms: int = 0
    ) -> Sequence[StoredEntry]:
        slice_of = self._partitions.slice_of
        return await self._partitions.wakeups.until(lambda: slice_of(topic, partition, offset, limit), [topic], wait_ms)

    async def bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        count = self._partitions.declared(topic).partitions
        return {number: self._partitions.bounds_of(topic, number) for number in range(count)}

    async def subscribe(
        self, group: str, topics: Sequence[str], start: Literal["earliest", "latest"] = "earliest"
    ) -> MemorySubscription:
        counts = {topic: self._partitions.declared(topic).partitions for topic in topics}
        return MemorySubscription(self._partitions, self._group(group), counts, start)

    async def trim(self, topic: str, partition: int, before: int) -> None:
        """Forget the entries below `before`."""
        self._partitions.trim(topic, partition, before)

    async def close(self) -> None:
        self._partitions.close()

    async def claim(self, name: str) -> MemoryFencedWriter:
        self._partitions.check_open()
        self._claims[name] = self._claims.get(name, 0) + 1
        return MemoryFencedWriter(name, self._claims[name], self._claims, self._partitions.keep)

    async def create(self, topics: Sequence[Topic]) -> list[str]:
        self._partitions.check_open()
        missing = [topic for topic in topics if topic.name not in self._partitions.topics]
        for topic in missing:
            self._partitions.create(topic)
        return [topic.name for topic in missing]

    async def check(self, topics: Sequence[Topic]) -> list[str]:
        self._partitions.check_open()
        return [
            one for topic in topics for one in differences(topic, Found.of(self._partitions.topics.get(topic.name)))
        ]

    async def names(self, prefix: str) -> list[str]:
        self._partitions.check_open()
        return sorted(name for name in self._partitions.topics if name.startswith(prefix))

    async def positions(self, group: str, topic: str) -> dict[int, int]:
        self._partitions.declared(topic)
        standing = self._group(group).positions
        return {partition: offset for (name, partition), offset in standing.items() if name == topic}

    def _group(self, name: str) -> MemoryGroup:
        return self._groups.setdefault(name, MemoryGroup(name))
