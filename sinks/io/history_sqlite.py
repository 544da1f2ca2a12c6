"""A history in an SQLite file."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import apsw

from sinks.history import COLUMNS, Row
from sinks.history_schema import SQLITE, VERSION, VERSIONS_TABLE, migration, newer
from sinks.io.history import Unfit
from sinks.ports import Retry
from streams.io.mounts import MOUNTS, network_type
from streams.io.sqlite_file import check_library

LOCK_WAIT_MS = 10_000


class SqliteHistory:
    """One file, that others may read meanwhile. SQLite's waits are a thread's: other sinks share the loop.

    Raises LogUnavailable for an SQLite library that can corrupt its files.
    """

    def __init__(self, path: Path) -> None:
        check_library(apsw.sqlite_lib_version())
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="everfresh-history")
        self._db: apsw.Connection | None = None
        self._closed = False

    async def write(self, rows: Sequence[Row]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._write, list(rows))

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
            self._thread.shutdown(wait=False)

    def _write(self, rows: list[Row]) -> None:
        try:
            with _transaction(self._opened()) as db:
                for table, columns in COLUMNS.items():
                    marks = ", ".join("?" * len(columns))
                    sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608  # our own names
                    db.executemany(sql, [row.values for row in rows if row.table == table])
        except (apsw.ConstraintError, apsw.MismatchError, apsw.TooBigError, OverflowError, UnicodeError) as error:
            raise Unfit(f"{type(error).__name__}: {error}") from error
        except (apsw.Error, OSError) as error:
            self._close()
            raise Retry(f"the history {self._path} can't be written: {error}") from error

    def _opened(self) -> apsw.Connection:
        if self._db is None:
            kind = network_type(self._path.absolute().resolve(), MOUNTS.read_text()) if MOUNTS.exists() else None
            if kind is not None:
                raise Retry(f"the history {self._path} is on a network file system ({kind}); put it on a local disk")
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._db = _connected(self._path)
        return self._db

    def _close(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            db.close()


def _connected(path: Path) -> apsw.Connection:
    """Open the file. Where several do so for the first time, each lets go again and tries on: SQLite doesn't wait."""
    until = time.monotonic() + LOCK_WAIT_MS / 1_000
    while True:
        db = apsw.Connection(str(path))
        try:
            _prepare(db)
            return db
        except BaseException as error:
            db.close()
            if not isinstance(error, apsw.BusyError) or time.monotonic() > until:
                raise
        time.sleep(0.02)


def _prepare(db: apsw.Connection) -> None:
    """Bring the tables up to date; one process at a time does."""
    db.set_busy_timeout(0)  # who waited for the next step would keep the others from ending theirs
    db.pragma("journal_mode", "wal")  # readers and the writer don't wait for each other
    db.set_busy_timeout(LOCK_WAIT_MS)
    db.pragma("synchronous", "full")
    with _transaction(db):
        db.execute(VERSIONS_TABLE.format(**SQLITE))
        found = cast("int", db.execute("SELECT coalesce(max(version), 0) FROM everfresh_schema").get)
        if found > VERSION:
            raise Retry(newer(found))
        for version in range(found + 1, VERSION + 1):
            for statement in migration(version, SQLITE):
                db.execute(statement)
            db.execute("INSERT INTO everfresh_schema VALUES (?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))", (version,))


@contextmanager
def _transaction(db: apsw.Connection) -> Iterator[apsw.Connection]:
    """All or nothing. Not apsw's own `with db`: while that waits for another process, the whole interpreter does."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
