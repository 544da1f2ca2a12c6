"""The embedded log: one SQLite file, which any process of this machine may open. sqlite_file.py says how it works."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import apsw

from streams.io.clock import wall_clock_ms
from streams.io.entries import StoredEntry, check_sizes
from streams.io.sqlite_file import SqliteFile
from streams.io.sqlite_groups import SqliteSubscription, move_position
from streams.io.sqlite_partitions import SqlitePartitions
from streams.io.sqlite_retention import tidy
from streams.io.sqlite_writers import SqliteFencedWriter
from streams.io.topics import Found, differences
from streams.ports import Position, Record, Stamp
from streams.topics import Topic


class SqliteLog:
    """EventLog, Fencing and TopicAdmin in one. `clock` gives milliseconds since 1970 UTC.

    Raises LogUnavailable if the file can't be used, with its path and what to do.
    """

    def __init__(self, path: Path, clock: Callable[[], int] = wall_clock_ms) -> None:
        self.file = SqliteFile(path)
        self._clock = clock
        self._partitions = SqlitePartitions(self.file, clock)

    async def append(self, records: Sequence[Record], position: Position | None = None) -> list[Stamp]:
        check_sizes(records)
        return await self.file.write(lambda db: self._keep(db, records, position), {one.topic for one in records})

    async def read(
        self, topic: str, partition: int, offset: int, limit: int = 500, wait_ms: int = 0
    ) -> Sequence[StoredEntry]:
        slice_of = self._partitions.slice_of
        return await self.file.wakeups.until(lambda: slice_of(topic, partition, offset, limit), [topic], wait_ms)

    async def bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        count = self._partitions.declared(topic).partitions
        return {number: self._partitions.bounds_of(topic, number) for number in range(count)}

    async def subscribe(
        self, group: str, topics: Sequence[str], start: Literal["earliest", "latest"] = "earliest"
    ) -> SqliteSubscription:
        return await SqliteSubscription.join(self._partitions, group, topics, start)

    async def trim(self, topic: str, partition: int, before: int) -> None:
        """Forget the entries below `before`."""
        await self._partitions.trim(topic, partition, before)

    async def tidy(self) -> int:
        """Do what a broker does by itself: delete what is past its retention, compact what is compacted.

        Returns the number of entries that went. Call it now and then; nothing else frees space.
        """
        return await tidy(self._partitions, self._clock())

    async def close(self) -> None:
        self.file.close()

    async def claim(self, name: str) -> SqliteFencedWriter:
        return await SqliteFencedWriter.claim(self._partitions, name)

    async def create(self, topics: Sequence[Topic]) -> list[str]:
        return await self.file.write(lambda db: self._partitions.create(db, topics))

    async def check(self, topics: Sequence[Topic]) -> list[str]:
        return [one for topic in topics for one in differences(topic, Found.of(self._partitions.find(topic.name)))]

    async def names(self, prefix: str) -> list[str]:
        rows = self.file.read("SELECT name FROM topics WHERE substr(name, 1, ?) = ?", (len(prefix), prefix))
        return sorted(name for (name,) in rows)

    async def positions(self, group: str, topic: str) -> dict[int, int]:
        self._partitions.declared(topic)
        sql = "SELECT partition, offset FROM positions JOIN logs ON logs.id = log WHERE reader = ? AND topic = ?"
        return dict(self.file.read(sql, (group, topic)))

    def _keep(self, db: apsw.Connection, records: Sequence[Record], position: Position | None) -> list[Stamp]:
        stamps = self._partitions.keep(db, records)
        if position is not None:
            log = self._partitions.log(position.topic, position.partition)
            move_position(db, self._partitions, log, position.group, position.offset)
        return stamps
