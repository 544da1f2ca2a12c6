"""What only the embedded log has to promise: one file, many processes, honest errors, next to no work when idle."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from streams.errors import LogUnavailable, TopicMismatch
from streams.io.sqlite import SqliteLog
from streams.ports import Position, Record
from streams.topics import Topic
from tests.conformance.logs import everything, records, values
from tests.patience import PATIENCE_SECONDS

JOURNAL = Topic("journal", "", 1, log_append_time=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "log.db"


@pytest.fixture
async def log(path: Path) -> AsyncIterator[SqliteLog]:
    log = SqliteLog(path)
    await log.create([JOURNAL])
    yield log
    await log.close()


class Elsewhere:
    """Another process at the same file (sqlite_process.py)."""

    def __init__(self, doing: str, path: Path, count: int = 0) -> None:
        command = [sys.executable, "-m", "tests.conformance.sqlite_process", doing, str(path), "journal", str(count)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    async def says(self) -> str:
        assert self._process.stdout is not None
        return (await asyncio.to_thread(self._process.stdout.readline)).strip()

    def ends(self) -> int:
        with self._process:
            return self._process.wait(20)

    def kill(self) -> None:
        with self._process:
            self._process.kill()


async def test_a_waiting_reader_hears_of_another_processs_append_within_a_moment(
    log: SqliteLog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.io.sqlite_file.LOOK_SECONDS", 60)
    reading = asyncio.create_task(log.read("journal", 0, 0, wait_ms=60_000))
    await asyncio.sleep(1)  # the looks are seldom by now: only hearing of it helps
    process = Elsewhere("append", path, 1)
    assert await process.says() == "0"
    acknowledged = time.monotonic()
    assert [entry.value for entry in await reading] == [b"0"]
    assert time.monotonic() - acknowledged < 0.5
    assert process.ends() == 0


async def test_where_nothing_can_be_heard_it_is_looked_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.io.file_changes._watch", lambda path: -1)
    log, other = SqliteLog(path), SqliteLog(path)
    await log.create([JOURNAL])
    reading = asyncio.create_task(log.read("journal", 0, 0, wait_ms=600_000))
    await asyncio.sleep(1)
    await other.append(records("journal", "a"))
    assert len(await asyncio.wait_for(reading, PATIENCE_SECONDS)) == 1
    await log.close()
    await other.close()


async def test_processes_append_side_by_side_and_nothing_is_lost_or_doubled(log: SqliteLog, path: Path) -> None:
    processes = [Elsewhere("append", path, 100) for _ in range(3)]
    mine = [(await log.append(records("journal", f"mine-{number}")))[0].offset for number in range(100)]
    offsets = [[int(await process.says()) for _ in range(100)] for process in processes]
    assert sorted(offset for one in [mine, *offsets] for offset in one) == list(range(400))
    assert all(process.ends() == 0 for process in processes)
    entries = await everything(log, "journal")
    assert [entries[offset].value for offset in mine] == [b"mine-%d" % number for number in range(100)]
    assert [entry.timestamp for entry in entries] == sorted(entry.timestamp for entry in entries)


async def test_what_a_killed_process_had_acknowledged_is_kept(log: SqliteLog, path: Path) -> None:
    process = Elsewhere("append", path, 100_000)
    acknowledged = [int(await process.says()) for _ in range(50)]
    process.kill()
    entries = await everything(log, "journal")
    assert [entry.value for entry in entries[:50]] == [b"%d" % offset for offset in acknowledged]
    assert (await log.append(records("journal", "after")))[0].offset == len(entries)


async def test_a_killed_member_loses_its_partitions_to_those_that_live(log: SqliteLog, path: Path) -> None:
    await log.append(records("journal", "a"))
    process = Elsewhere("join", path)
    assert await process.says() == "1"
    member = await log.subscribe("group", ["journal"])
    await member.fetch(wait_ms=1_500)
    assert member.owned() == frozenset()
    fetching = asyncio.create_task(member.fetch(wait_ms=60_000))
    await asyncio.sleep(0.2)
    process.kill()
    found = await asyncio.wait_for(fetching, 10)
    assert [entry.value for entry in found["journal", 0]] == [b"a"]
    await member.close()


async def test_it_is_as_durable_as_sqlite_can_be(log: SqliteLog) -> None:
    assert log.file.read("PRAGMA journal_mode") == [("wal",)]
    assert log.file.read("PRAGMA synchronous") == [(2,)]  # FULL: each commit is synced


async def test_appends_that_come_together_share_a_transaction_and_a_lone_one_waits_for_nobody(log: SqliteLog) -> None:
    await log.append(records("journal", "warm"))
    seen: list[str] = []
    log.file._db.trace_v2(apsw.SQLITE_TRACE_STMT, lambda event: seen.append(str(event["sql"])))
    await asyncio.gather(*(log.append(records("journal", "x")) for _ in range(200)))
    log.file._db.trace_v2(0, None)
    assert seen.count("COMMIT") == 1
    lone = []
    for _ in range(100):
        started = time.perf_counter()
        await log.append(records("journal", "x"))
        lone.append(time.perf_counter() - started)
    assert min(lone) < 0.002  # the others may have waited for the disk, or for a busy machine


async def test_one_bad_append_does_not_spoil_those_it_shares_a_transaction_with(log: SqliteLog) -> None:
    done = await asyncio.gather(
        log.append(records("journal", "a")),
        log.append([Record("journal", b"half"), Record("absent", b"x")]),
        log.append(records("journal", "b")),
        return_exceptions=True,
    )
    assert isinstance(done[1], TopicMismatch)
    assert await values(log, "journal") == ["a", "b"]


async def test_entries_and_position_are_one_transaction(log: SqliteLog) -> None:
    with pytest.raises(TopicMismatch):  # found out after the entries were written
        await log.append(records("journal", "a"), Position("group", "absent", 0, 1))
    assert await values(log, "journal") == []


async def test_a_cancelled_append_keeps_nothing_or_all(log: SqliteLog) -> None:
    appending = asyncio.create_task(log.append(records("journal", "a", "b")))
    await asyncio.sleep(0)
    appending.cancel()
    await asyncio.gather(appending, return_exceptions=True)
    await log.append(records("journal", "c"))
    assert await values(log, "journal") in (["c"], ["a", "b", "c"])


async def test_a_writer_that_holds_the_lock_is_waited_for_without_stopping_the_loop(log: SqliteLog) -> None:
    other = apsw.Connection(str(log.file.path))
    other.execute("BEGIN IMMEDIATE")
    appending = asyncio.create_task(log.append(records("journal", "a")))
    ticks = 0
    started = time.monotonic()
    while time.monotonic() - started < 0.3:
        await asyncio.sleep(0.01)
        ticks += 1
    assert ticks > 15
    assert not appending.done()
    assert list(await log.read("journal", 0, 0)) == []  # readers don't wait for writers
    other.execute("COMMIT")
    await asyncio.wait_for(appending, 1)
    other.close()


async def test_a_writer_that_never_lets_go_is_an_error_with_the_path(
    log: SqliteLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.io.sqlite_file.LOCK_WAIT_SECONDS", 0.2)
    other = apsw.Connection(str(log.file.path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LogUnavailable, match=rf"{log.file.path} is held by another process .* `fuser`"):
        await log.append(records("journal", "a"))
    other.close()
    assert (await log.append(records("journal", "b")))[0].offset == 0


async def test_a_full_disk_is_an_error_with_the_path_and_the_log_goes_on_when_there_is_space(log: SqliteLog) -> None:
    await log.append(records("journal", "a"))
    pages = log.file.read("PRAGMA page_count")[0][0]
    log.file.read(f"PRAGMA max_page_count = {pages + 5}")
    with pytest.raises(
        LogUnavailable, match=rf"{log.file.path} could not be written.*free some space.*nothing was kept"
    ):
        await log.append([Record("journal", bytes(200_000))])
    assert await values(log, "journal") == ["a"]
    log.file.read("PRAGMA max_page_count = 1000000")
    await log.append(records("journal", "b"))
    assert await values(log, "journal") == ["a", "b"]
    assert log.file.read("PRAGMA integrity_check") == [("ok",)]


async def test_a_file_that_may_not_be_written_is_an_error_with_the_path(log: SqliteLog) -> None:
    log.file.read("PRAGMA query_only = 1")  # what SQLite says is the same as for a file without the right to write
    with pytest.raises(LogUnavailable, match=rf"{log.file.path} is read-only; let this user write"):
        await log.append(records("journal", "a"))


async def test_a_folder_that_cannot_be_made_is_an_error_with_the_path(path: Path) -> None:
    path.parent.write_text("a file where the folder should be")
    with pytest.raises(LogUnavailable, match=rf"{path} can't be opened"):
        SqliteLog(path)
