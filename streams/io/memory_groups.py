"""Groups of readers on the memory log."""

from collections.abc import Mapping, Sequence
from typing import Literal

from streams.errors import LogUnavailable
from streams.io.assignment import TopicPartition, share
from streams.io.cursors import Cursors
from streams.io.memory_partitions import MemoryPartitions
from streams.ports import Entry


class MemoryGroup:
    """Positions, members, and who owns which partition."""

    def __init__(self, name: str) -> None:
        self.bell = f"group {name}"  # members sleep on it, to hear of changes among them; no topic has such a name
        self.positions: dict[TopicPartition, int] = {}
        self.owners: dict[TopicPartition, int] = {}
        self.changes = 0
        self._members: dict[int, Mapping[str, int]] = {}
        self._last_member = 0

    def join(self, topics: Mapping[str, int]) -> int:
        self.changes += 1
        self._last_member += 1
        self._members[self._last_member] = topics
        return self._last_member

    def leave(self, member: int) -> None:
        self.changes += 1
        self._members.pop(member, None)
        self.owners = {one: owner for one, owner in self.owners.items() if owner != member}

    def settle(self, member: int) -> tuple[set[TopicPartition], set[TopicPartition]]:
        """What `member` lets go now, and what it takes: its share, as far as nobody holds it any more."""
        counts = {topic: count for topics in self._members.values() for topic, count in topics.items()}
        shares = share(self._members, counts)
        mine = {one for one, taker in shares.items() if taker == member}
        released = {one for one, owner in self.owners.items() if owner == member} - mine
        for one in released:
            del self.owners[one]
        taken = {one for one in mine if one not in self.owners}
        self.owners.update(dict.fromkeys(taken, member))
        self.changes += bool(released)
        return released, taken


class MemorySubscription:
    """A member of a group on the memory log. It lets partitions go when it comes to fetch, never in mid-work."""

    def __init__(
        self,
        partitions: MemoryPartitions,
        group: MemoryGroup,
        topics: Mapping[str, int],
        start: Literal["earliest", "latest"],
    ) -> None:
        self._partitions = partitions
        self._group = group
        self._start = start
        self._names = [*topics, group.bell]
        self._member: int | None = group.join(topics)
        self._cursors = Cursors(partitions.slice_of, partitions.bounds_of)
        self._changes_seen = -1
        self.dropped_commits = 0
        self._settle(self._member)
        partitions.wakeups.wake([group.bell])

    async def fetch(self, limit: int = 500, wait_ms: int = 200) -> Mapping[TopicPartition, Sequence[Entry]]:
        if self._member is None:
            raise LogUnavailable("this member has left its group; subscribe again")
        return await self._partitions.wakeups.until(lambda: self._look(limit), self._names, wait_ms)

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        self._partitions.check_open()
        for one, offset in positions.items():
            if self._member is not None and self._group.owners.get(one) == self._member:
                self._group.positions[one] = offset
                self._cursors.committed(one, offset)
            else:
                self.dropped_commits += 1

    def owned(self) -> frozenset[TopicPartition]:
        return self._cursors.owned()

    async def position(self, topic: str, partition: int) -> int:
        return self._cursors.position(topic, partition)

    def behind(self, topic: str, partition: int) -> bool:
        return self._cursors.behind(topic, partition)

    async def close(self) -> None:
        if self._member is not None:
            self._group.leave(self._member)
            self._member = None
            self._cursors.drop(self._cursors.owned())
            self._partitions.wakeups.wake([self._group.bell])

    def _look(self, limit: int) -> dict[TopicPartition, Sequence[Entry]]:
        if self._member is None:
            return {}  # closed by somebody while this was waiting
        if self._changes_seen != self._group.changes:
            self._settle(self._member)
        return self._cursors.read(limit)

    def _settle(self, member: int) -> None:
        released, taken = self._group.settle(member)
        self._changes_seen = self._group.changes
        self._cursors.drop(released)
        self._cursors.take({one: self._position(one) for one in sorted(taken)})
        if released:
            self._partitions.wakeups.wake([self._group.bell])

    def _position(self, one: TopicPartition) -> int:
        first, end = self._partitions.bounds_of(*one)
        return self._group.positions.setdefault(one, first if self._start == "earliest" else end)
