"""Groups of readers on the SQLite log, across the processes that share its file."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import apsw
import orjson

from streams.errors import LogUnavailable
from streams.io.assignment import TopicPartition, share
from streams.io.cursors import Cursors
from streams.io.sqlite_partitions import SqlitePartitions
from streams.ports import Entry

ROLL_CALL_SECONDS = 1.0
"""how often a member looks whether the others of its group still live; alone in its group it never does"""


class Roll(NamedTuple):
    """A group as the file has it: member → topics, partition → member."""

    members: dict[int, list[str]]
    owners: dict[TopicPartition, int]


class SqliteSubscription:
    """A member of a group. It lets partitions go when it comes to fetch, never in mid-work; a dead one loses them."""

    def __init__(self, partitions: SqlitePartitions, group: str, topics: Sequence[str], start: str) -> None:
        self._partitions = partitions
        self._file = partitions.file
        self._group = group
        self._topics = {topic: partitions.declared(topic).partitions for topic in topics}
        self._start = start
        self._bell = f"group {group}"
        self._names = [*topics, self._bell]
        self._member = 0  # none yet, or none any more
        self._cursors = Cursors(partitions.slice_of, partitions.bounds_of)
        self._roll = Roll({}, {})
        self._changes_seen = -1
        self._called_at = 0.0
        self.dropped_commits = 0

    @classmethod
    async def join(
        cls, partitions: SqlitePartitions, group: str, topics: Sequence[str], start: Literal["earliest", "latest"]
    ) -> "SqliteSubscription":
        """Become a member, with all the partitions that nobody else holds."""
        member = cls(partitions, group, topics, start)
        member._member = await member._file.write(member._enrol, [member._bell])
        await member._settle()
        return member

    async def fetch(self, limit: int = 500, wait_ms: int = 200) -> Mapping[TopicPartition, Sequence[Entry]]:
        if self._left():
            raise LogUnavailable("this member has left its group; subscribe again")
        loop = asyncio.get_running_loop()
        deadline, over = loop.time() + wait_ms / 1_000, wait_ms <= 0
        while not self._left():
            if self._unsettled(loop.time()):
                await self._settle()
            found = self._cursors.read(limit)
            if found or over:
                await asyncio.sleep(0)
                return found
            left = max(0.0, deadline - loop.time())
            nap = left if self._alone else min(left, ROLL_CALL_SECONDS)
            over = not await self._file.wakeups.sleep(self._names, nap) and nap == left  # not by the clock: see `until`
        return {}  # closed by somebody while this was waiting

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        kept = await self._file.write(lambda db: self._move(db, positions))
        self.dropped_commits += len(positions) - len(kept)
        for one in kept:
            self._cursors.committed(one, positions[one])

    def owned(self) -> frozenset[TopicPartition]:
        return self._cursors.owned()

    async def position(self, topic: str, partition: int) -> int:
        return self._cursors.position(topic, partition)

    def behind(self, topic: str, partition: int) -> bool:
        return self._cursors.behind(topic, partition)

    async def close(self) -> None:
        member, self._member = self._member, 0
        if not member:
            return
        self._cursors.drop(self._cursors.owned())
        self._file.group_changes += 1
        try:
            await self._file.write(lambda db: self._strike(db, [member]), [self._bell])
        except LogUnavailable:
            pass  # the log is gone, or will be; without its lock the others find it dead
        finally:
            self._file.locks.drop(member)

    def _left(self) -> bool:
        return not self._member

    @property
    def _alone(self) -> bool:
        return len(self._roll.members) <= 1

    def _unsettled(self, now: float) -> bool:
        """Whether the group may have changed: nearly always a cheap no."""
        self._file.look()
        changed = self._changes_seen != self._file.group_changes
        overdue = not self._alone and now - self._called_at >= ROLL_CALL_SECONDS
        if not changed and not overdue:
            return False
        self._changes_seen, self._called_at = self._file.group_changes, now
        roll = self._call()
        return roll != self._roll or not all(map(self._file.locks.lives, roll.members))

    async def _settle(self) -> None:
        released, taken, self._roll = await self._file.write(self._deal)
        self._cursors.drop(released)
        self._cursors.take(taken)
        if released or taken:
            self._file.group_changes += 1
            self._file.wakeups.wake([self._bell])

    def _enrol(self, db: apsw.Connection) -> int:
        topics = orjson.dumps(sorted(self._topics)).decode()
        db.execute("INSERT INTO members (reader, topics) VALUES (?, ?)", (self._group, topics))
        member = db.last_insert_rowid()
        self._file.locks.hold(member)  # before anybody can see the row
        self._file.group_changes += 1
        return member

    def _deal(self, db: apsw.Connection) -> tuple[set[TopicPartition], dict[TopicPartition, int], Roll]:
        """Strike the dead, let go what is no longer this member's share, take what is and nobody holds.

        The roll is called inside the transaction: one that joins right after it must look like news.
        """
        roll = self._call()
        dead = [one for one in roll.members if not self._file.locks.lives(one)]
        self._strike(db, dead)
        members = {one: topics for one, topics in roll.members.items() if one not in dead}
        owners = {one: owner for one, owner in roll.owners.items() if owner not in dead}
        counts = {topic: self._partitions.declared(topic).partitions for topics in members.values() for topic in topics}
        mine = {one for one, taker in share(members, counts).items() if taker == self._member}
        released = {one for one, owner in owners.items() if owner == self._member} - mine
        taken = mine - owners.keys()
        for one in released:
            db.execute("DELETE FROM owners WHERE reader = ? AND log = ?", (self._group, self._partitions.log(*one)))
        positions = {one: self._take(db, one) for one in sorted(taken)}
        return released, positions, self._call()

    def _take(self, db: apsw.Connection, one: TopicPartition) -> int:
        log = self._partitions.log(*one)
        first, end = self._partitions.bounds_of(*one)
        start = first if self._start == "earliest" else end
        db.execute("INSERT INTO owners (reader, log, member) VALUES (?, ?, ?)", (self._group, log, self._member))
        db.execute("INSERT OR IGNORE INTO positions VALUES (?, ?, ?)", (self._group, log, start))
        ((offset,),) = self._file.read("SELECT offset FROM positions WHERE reader = ? AND log = ?", (self._group, log))
        return int(offset)

    def _strike(self, db: apsw.Connection, members: Sequence[int]) -> None:
        for member in members:
            db.execute("DELETE FROM owners WHERE member = ?", (member,))
            db.execute("DELETE FROM members WHERE member = ?", (member,))

    def _move(self, db: apsw.Connection, positions: Mapping[TopicPartition, int]) -> list[TopicPartition]:
        """Move the positions of what this member owns; returns those."""
        moved = []
        for one, offset in positions.items():
            log = self._partitions.log(*one)
            db.execute(
                "UPDATE positions SET offset = ? WHERE reader = ? AND log = ? AND EXISTS "
                "(SELECT 1 FROM owners WHERE reader = ?2 AND log = ?3 AND member = ?)",
                (offset, self._group, log, self._member),
            )
            if db.changes():
                moved.append(one)
        return moved

    def _call(self) -> Roll:
        members = self._file.read("SELECT member, topics FROM members WHERE reader = ?", (self._group,))
        owners = self._file.read(
            "SELECT topic, partition, member FROM owners JOIN logs ON logs.id = log WHERE reader = ?", (self._group,)
        )
        return Roll(
            {member: orjson.loads(topics) for member, topics in members},
            {(topic, partition): member for topic, partition, member in owners},
        )


def move_position(db: apsw.Connection, partitions: SqlitePartitions, log: int, reader: str, offset: int) -> None:
    """Move a group's position from outside its members, unless a member in another process owns the partition."""
    owner = partitions.file.read("SELECT member FROM owners WHERE reader = ? AND log = ?", (reader, log))
    if owner and owner[0][0] not in partitions.file.locks:
        return
    db.execute(
        "INSERT INTO positions VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET offset = excluded.offset",
        (reader, log, offset),
    )
