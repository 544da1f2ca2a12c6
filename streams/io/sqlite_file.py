"""One SQLite file that any process of this machine may append to.

All work is done on the event loop, not in a thread. Measured (2 cores, ext4, fdatasync 0.2 ms): a lone append takes
0.3 ms either way on a quiet loop; on a loop that is busy computing, a thread has to wait for the interpreter's lock at
every return from SQLite, 6 ms in the middle and up to seconds at worst, where the loop itself takes 2 ms. The price is
that the loop stands still for each fsync; appends that come meanwhile share the next one.
"""

import asyncio
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import apsw

from streams.errors import LogUnavailable
from streams.io.file_changes import FileChanges
from streams.io.member_locks import MemberLocks
from streams.io.mounts import MOUNTS, network_type
from streams.io.sqlite_errors import unavailable
from streams.io.sqlite_schema import prepare
from streams.io.wakeups import Wakeups

SQLITE_MIN = (3, 51, 3)
WORKS_MAX = 512
"""pieces of work that share a transaction, at most: nobody else runs meanwhile"""
LOCK_WAIT_SECONDS = 10.0
READ_WAIT_MS = 200
"""a reader waits for nobody, except for the moment in which another process repairs the log after a crash"""
LOOKS = ((20, 0.001), (30, 0.01))
"""(how often, how far apart) a commit is looked for after another process was heard to write: it counts only once it
is synced, and that isn't heard"""
LOOK_SECONDS = 0.5
"""how far apart after that; ten times as often where nothing can be heard"""

Result = TypeVar("Result")


class Work(NamedTuple):
    """Something to be done inside a transaction, who waits for its result, and whom it wakes."""

    do: Callable[[apsw.Connection], Any]
    done: asyncio.Future[Any]
    wakes: Collection[str]


class SqliteFile:
    """The connection, its one queue of writers, and the sleepers that a commit wakes."""

    def __init__(self, path: Path) -> None:
        check_library(apsw.sqlite_lib_version())
        self.path = path.absolute()
        self._refuse_network()
        self._process = os.getpid()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = apsw.Connection(str(self.path))
            prepare(self._db, self.path)
        except (apsw.Error, OSError) as error:
            raise unavailable(self.path, error) from error
        self.locks = MemberLocks(self.path.with_name(f"{self.path.name}-members"))
        self.wakeups = Wakeups(on_sleep=self._watch)
        self.group_changes = 0  # counts whatever may have changed a group: another process's commit, or our own doing
        self.surprises = 0  # counts what may have changed rows unseen: another process's commit, or a rollback
        self._version = self._data_version()
        self._looks = 0
        self._next_look: asyncio.TimerHandle | None = None
        self._changes = FileChanges(self.path.with_name(f"{self.path.name}-wal"), self._hear)
        self._queue: list[Work] = []
        self._flush_planned = False
        self._closed = False

    async def write(self, do: Callable[[apsw.Connection], Result], wakes: Collection[str] = ()) -> Result:
        """Do it inside a transaction, with whatever else is waiting to be written, and return once all is durable.

        What `do` raises undoes its part only. An error of the database undoes everything: LogUnavailable.
        """
        self.check_usable()
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._queue.append(Work(do, done, wakes))
        self._plan_flush(asyncio.get_running_loop().time() + LOCK_WAIT_SECONDS)
        return await done

    def read(self, sql: str, bindings: "tuple[apsw.SQLiteValue, ...]" = ()) -> list[tuple[Any, ...]]:
        """All rows."""
        self.check_usable()
        try:
            return self._db.execute(sql, bindings).fetchall()
        except apsw.Error as error:
            raise unavailable(self.path, error) from error

    def rows(self, sql: str, bindings: "tuple[apsw.SQLiteValue, ...]") -> apsw.Cursor:
        """Rows one by one; the caller mustn't give way to others while it takes them."""
        self.check_usable()
        try:
            return self._db.execute(sql, bindings)
        except apsw.Error as error:
            raise unavailable(self.path, error) from error

    def look(self) -> None:
        """Notice what other processes committed meanwhile, and wake everybody if they did. 2 µs."""
        self.check_usable()
        version = self._data_version()
        if version != self._version:
            self._version = version
            self.group_changes += 1
            self.surprises += 1
            self.wakeups.wake()

    def check_usable(self) -> None:
        """Raise LogUnavailable if this log is closed, or came here through a fork."""
        if self._closed:
            raise LogUnavailable(f"the log {self.path} is closed; open it again")
        if os.getpid() != self._process:
            raise LogUnavailable(
                f"the log {self.path} was opened by process {self._process} and forked into {os.getpid()}; SQLite "
                "can't be carried across a fork: open the log in the child, or start it with 'spawn'"
            )

    def close(self) -> None:
        """Write what is still queued and let go; idempotent."""
        if self._closed or os.getpid() != self._process:
            return
        while self._queue:
            self._flush(0.0)
        self._closed = True
        if self._next_look is not None:
            self._next_look.cancel()
        self._changes.close()
        self.wakeups.wake()
        self.locks.close()
        self._db.close()

    def _plan_flush(self, give_up: float) -> None:
        if not self._flush_planned:
            self._flush_planned = True
            asyncio.get_running_loop().call_soon(self._flush, give_up)

    def _flush(self, give_up: float) -> None:
        """One transaction for all that wait; if another process writes just now, come again in a moment."""
        self._flush_planned = False
        if self._closed:
            return
        works = [work for work in self._queue[:WORKS_MAX] if not work.done.done()]
        try:
            self._db.set_busy_timeout(0)  # never wait for another process with the loop standing still
            self._db.execute("BEGIN IMMEDIATE")
        except apsw.BusyError as error:
            loop = asyncio.get_running_loop()
            if loop.time() < give_up:
                self._flush_planned = True
                loop.call_later(0.001, self._flush, give_up)
                return
            self._fail(works, error)
        except apsw.Error as error:
            self._fail(works, error)
        else:
            self._transact(works)
        finally:
            self._db.set_busy_timeout(READ_WAIT_MS)
        del self._queue[:WORKS_MAX]
        if self._queue:
            self._plan_flush(asyncio.get_running_loop().time() + LOCK_WAIT_SECONDS)

    def _transact(self, works: list[Work]) -> None:
        try:
            outcomes = [self._try(work, alone=len(works) == 1) for work in works]
            self._db.execute("COMMIT")
        except apsw.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self.surprises += 1
            self._fail(works, error)
            return
        self._changes.forget()
        self.look()  # what was just forgotten may have been another process's
        for work, outcome in zip(works, outcomes, strict=True):
            if isinstance(outcome, Exception):
                work.done.set_exception(outcome)
            else:
                work.done.set_result(outcome)
                self.wakeups.wake(work.wakes)

    def _try(self, work: Work, alone: bool) -> Any:
        """Do it; what it raises of its own is its outcome, and undoes nothing but itself."""
        if not alone:
            self._db.execute("SAVEPOINT work")
        try:
            outcome = work.do(self._db)
        except apsw.Error:
            raise
        except Exception as error:  # its own: a Fenced, a TopicMismatch
            self._db.execute("ROLLBACK; BEGIN" if alone else "ROLLBACK TO work")
            self.surprises += 1
            outcome = error
        if not alone:
            self._db.execute("RELEASE work")
        return outcome

    def _fail(self, works: list[Work], error: apsw.Error) -> None:
        for work in works:
            work.done.set_exception(unavailable(self.path, error))

    def _hear(self) -> None:
        """Another process writes: its commit will count in a moment."""
        self._looks = 0
        if self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None
        if self.wakeups:
            self._watch()

    def _watch(self) -> None:
        self._changes.listen()
        if self._next_look is None:
            self._next_look = asyncio.get_running_loop().call_later(self._pause(), self._look_again)

    def _look_again(self) -> None:
        self._next_look = None
        if self._closed or not self.wakeups:
            return
        self._looks += 1
        self.look()
        self._watch()

    def _pause(self) -> float:
        looks = self._looks
        for times, seconds in LOOKS:
            if looks < times:
                return seconds
            looks -= times
        return LOOK_SECONDS if self._changes.works else LOOK_SECONDS / 10

    def _data_version(self) -> int:
        return int(next(self._db.execute("PRAGMA data_version"))[0])

    def _refuse_network(self) -> None:
        kind = network_type(self.path.resolve(), MOUNTS.read_text()) if MOUNTS.exists() else None
        if kind is not None:
            raise LogUnavailable(
                f"{self.path} is on a network file system ({kind}), where SQLite can lose what it acknowledged; "
                "put the log on a local disk, or use --log kafka://…"
            )


def check_library(version: str) -> None:
    """Raise LogUnavailable below SQLite 3.51.3, whose write-ahead log can be corrupted by its own reset."""
    if tuple(map(int, version.split("."))) < SQLITE_MIN:
        wanted = ".".join(map(str, SQLITE_MIN))
        raise LogUnavailable(
            f"apsw carries SQLite {version}, which can corrupt its log; it takes {wanted} or newer: pip install -U apsw"
        )
