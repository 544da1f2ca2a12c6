"""Topics and their entries in SQLite."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import apsw
import orjson

from streams.errors import TopicMismatch
from streams.io.entries import PositionLost, StoredEntry, partition_of
from streams.io.sqlite_file import SqliteFile
from streams.io.sqlite_schema import OFFSET_BITS
from streams.io.topics import missing
from streams.ports import Record, Stamp
from streams.topics import Topic

READ_BYTES_MAX = 4 * 1024 * 1024
TRIM_ROWS = 5_000
"""rows deleted in one transaction: the loop stands still for a few milliseconds"""

_OFFSET_MASK = (1 << OFFSET_BITS) - 1


class SqlitePartitions:
    """What the SQLite log, its groups and its writers share. `clock` gives milliseconds since 1970 UTC."""

    def __init__(self, file: SqliteFile, clock: Callable[[], int]) -> None:
        self.file = file
        self._clock = clock
        self._topics: dict[str, Topic] = {}
        self._logs: dict[str, list[int]] = {}
        self._bounds: dict[int, tuple[int, int]] = {}  # as last read
        self._surprises = 0

    def declared(self, topic: str) -> Topic:
        """The topic as it was created, by whichever process. Raises TopicMismatch if it wasn't."""
        found = self.find(topic)
        if found is None:
            raise TopicMismatch(missing(topic))
        return found

    def find(self, topic: str) -> Topic | None:
        """The topic as it was created, if it was."""
        if topic not in self._topics:  # none is ever changed or deleted
            row = self.file.read(
                "SELECT name, key, partitions, cleanup, retention_ms, log_append_time FROM topics WHERE name = ?",
                (topic,),
            )
            if not row:
                return None
            self._logs[topic] = [
                log for (log,) in self.file.read("SELECT id FROM logs WHERE topic = ? ORDER BY partition", (topic,))
            ]
            self._topics[topic] = Stored(*row[0]).topic()
        return self._topics[topic]

    def log(self, topic: str, partition: int) -> int:
        """The number under which a partition's rows stand."""
        self.declared(topic)
        if not 0 <= partition < len(self._logs[topic]):
            raise TopicMismatch(f"topic {topic} has no partition {partition}")
        return self._logs[topic][partition]

    def create(self, db: apsw.Connection, topics: Sequence[Topic]) -> list[str]:
        """Inside a transaction: create what is missing."""
        made = []
        for topic in topics:
            db.execute(
                "INSERT OR IGNORE INTO topics (name, key, partitions, cleanup, retention_ms, log_append_time) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                Stored.of(topic),
            )
            if db.changes():
                rows = [(topic.name, number) for number in range(topic.partitions)]
                db.executemany("INSERT INTO logs (topic, partition) VALUES (?, ?)", rows)
                made.append(topic.name)
        return made

    def keep(self, db: apsw.Connection, records: Sequence[Record]) -> list[Stamp]:
        """Inside a transaction: append all, in order, stamped with the later of now and the log's last time."""
        now = self._clock()
        heads: dict[int, tuple[int, int]] = {}
        rows, stamps = [], []
        for record in records:
            partition = partition_of(record, self.declared(record.topic).partitions)
            log = self._logs[record.topic][partition]
            if log not in heads:
                offset, last_ms = next(db.execute("SELECT next, last_ms FROM logs WHERE id = ?", (log,)))
                heads[log] = (offset, max(now, last_ms))
            offset, at_ms = heads[log]
            heads[log] = (offset + 1, at_ms)
            stamps.append(Stamp(partition, offset, at_ms))
            rows.append(((log << OFFSET_BITS) + offset, at_ms, record.key, record.value, pack(record.headers)))
        db.executemany("INSERT INTO entries (id, at_ms, key, value, headers) VALUES (?, ?, ?, ?, ?)", rows)
        ends = [(offset, at_ms, log) for log, (offset, at_ms) in heads.items()]
        db.executemany("UPDATE logs SET next = ?, last_ms = ? WHERE id = ?", ends)
        for log in heads:
            self._bounds.pop(log, None)
        return stamps

    def slice_of(self, topic: str, partition: int, offset: int, limit: int) -> list[StoredEntry]:
        """What is there, without waiting; about 4 MiB at most. Raises Gap for an offset outside the bounds."""
        log = self.log(topic, partition)
        if offset == self.bounds_of(topic, partition)[1]:  # nearly always, where many are watched
            return []
        start, end = (log << OFFSET_BITS) + offset, (log + 1) << OFFSET_BITS
        found: list[StoredEntry] = []
        size = 0
        for row, at_ms, key, value, headers in self.file.rows(
            "SELECT id, at_ms, key, value, headers FROM entries WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
            (start, end, limit),
        ):
            found.append(StoredEntry(topic, partition, row & _OFFSET_MASK, at_ms, key, value, unpack(headers)))
            size += len(value or b"")
            if size > READ_BYTES_MAX:
                break
        if not found or found[0].offset != offset:  # a compacted topic has holes; elsewhere it is the end, or a gap
            bounds = self.bounds_of(topic, partition)
            if not bounds[0] <= offset <= bounds[1]:
                raise PositionLost((topic, partition), offset, bounds)
        return found

    def bounds_of(self, topic: str, partition: int) -> tuple[int, int]:
        """First offset, and the one after the last; read again only when they may have changed."""
        self.file.look()
        if self._surprises != self.file.surprises:
            self._surprises = self.file.surprises
            self._bounds.clear()
        log = self.log(topic, partition)
        found = self._bounds.get(log)
        if found is None:
            ((first, end),) = self.file.read("SELECT first, next FROM logs WHERE id = ?", (log,))
            found = self._bounds[log] = (first, end)
        return found

    def move_first(self, db: apsw.Connection, log: int, before: int) -> None:
        """Inside a transaction: entries below `before` don't count any more."""
        db.execute("UPDATE logs SET first = max(first, min(?, next)) WHERE id = ?", (before, log))
        self._bounds.pop(log, None)

    async def trim(self, topic: str, partition: int, before: int) -> None:
        """Forget the entries below `before`; first the bound moves, then the rows go, a few at a time."""
        log = self.log(topic, partition)
        await self.file.write(lambda db: self.move_first(db, log, before))
        start, end = log << OFFSET_BITS, (log << OFFSET_BITS) + self.bounds_of(topic, partition)[0]
        while await self.file.write(lambda db: _delete_some(db, start, end)):
            pass


class Stored(NamedTuple):
    """A row of `topics`."""

    name: str
    key: str
    partitions: int
    cleanup: str
    retention_ms: int | None
    log_append_time: int

    @classmethod
    def of(cls, topic: Topic) -> "Stored":
        return cls(
            topic.name, topic.key, topic.partitions, topic.cleanup, topic.retention_ms, int(topic.log_append_time)
        )

    def topic(self) -> Topic:
        cleanup: Literal["delete", "compact"] = "compact" if self.cleanup == "compact" else "delete"
        return Topic(self.name, self.key, self.partitions, cleanup, self.retention_ms, bool(self.log_append_time))


@lru_cache(maxsize=1024)  # nearly all entries have the same headers
def pack(headers: tuple[tuple[str, bytes], ...]) -> bytes | None:
    """Headers as they are stored; none as NULL."""
    return orjson.dumps([(name, value.decode("latin-1")) for name, value in headers]) if headers else None


@lru_cache(maxsize=1024)
def unpack(stored: bytes | None) -> tuple[tuple[str, bytes], ...]:
    """Headers as they were given."""
    return tuple((name, value.encode("latin-1")) for name, value in orjson.loads(stored)) if stored else ()


def _delete_some(db: apsw.Connection, start: int, end: int) -> int:
    db.execute(
        "DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE id >= ? AND id < ? LIMIT ?)",
        (start, end, TRIM_ROWS),
    )
    return db.changes()
