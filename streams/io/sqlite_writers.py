"""Fenced writers and snapshots in SQLite."""

from collections.abc import Sequence

import apsw

from streams.errors import Fenced
from streams.io.entries import check_sizes, digest_of
from streams.io.memory_writers import check_digest, fenced_sentence
from streams.io.sqlite_file import SqliteFile
from streams.io.sqlite_partitions import SqlitePartitions
from streams.ports import Record, Snapshot


class SqliteFencedWriter:
    """Writes until somebody, in whichever process, has claimed its name: the claim is checked with each append."""

    def __init__(self, partitions: SqlitePartitions, name: str, claim: int) -> None:
        self._partitions = partitions
        self._name = name
        self._claim = claim
        self._closed = False

    @classmethod
    async def claim(cls, partitions: SqlitePartitions, name: str) -> "SqliteFencedWriter":
        """Take over the name."""
        return cls(partitions, name, await partitions.file.write(lambda db: _claim(db, name)))

    async def append(self, records: Sequence[Record]) -> None:
        check_sizes(records)
        await self._partitions.file.write(lambda db: self._keep(db, records), {record.topic for record in records})

    async def close(self) -> None:
        self._closed = True

    def _keep(self, db: apsw.Connection, records: Sequence[Record]) -> None:
        ((newest,),) = db.execute("SELECT claim FROM claims WHERE name = ?", (self._name,)).fetchall()
        if self._closed or newest != self._claim:
            raise Fenced(fenced_sentence(self._name, self._closed))
        self._partitions.keep(db, records)


class SqliteSnapshots:
    """The two newest snapshots of each domain, each saved in one transaction."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    async def save(self, snapshot: Snapshot) -> None:
        check_digest(snapshot)
        await self._file.write(lambda db: _save(db, snapshot))

    async def newest(self, domain: str, upto: int | None = None) -> Snapshot | None:
        rows = self._file.read(
            "SELECT offset, digest FROM snapshots WHERE domain = ?1 AND (?2 IS NULL OR offset <= ?2) "
            "ORDER BY offset DESC",
            (domain, upto),
        )
        for offset, digest in rows:
            found = self._file.read("SELECT state FROM snapshots WHERE domain = ? AND offset = ?", (domain, offset))
            if found and digest_of(found[0][0]) == digest:
                return Snapshot(domain, offset, digest, found[0][0])
        return None


def _claim(db: apsw.Connection, name: str) -> int:
    upsert = "INSERT INTO claims VALUES (?, 1) ON CONFLICT DO UPDATE SET claim = claim + 1 RETURNING claim"
    ((claim,),) = db.execute(upsert, (name,)).fetchall()
    return int(str(claim))


def _save(db: apsw.Connection, snapshot: Snapshot) -> None:
    row = (snapshot.domain, snapshot.offset, snapshot.digest, snapshot.state)
    db.execute("INSERT OR REPLACE INTO snapshots (domain, offset, digest, state) VALUES (?, ?, ?, ?)", row)
    db.execute(
        "DELETE FROM snapshots WHERE domain = ?1 AND offset NOT IN "
        "(SELECT offset FROM snapshots WHERE domain = ?1 ORDER BY offset DESC LIMIT 2)",
        (snapshot.domain,),
    )
