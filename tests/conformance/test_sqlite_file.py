"""What the embedded log's file has to promise: refused where it would break, kept small, cheap when idle."""

import asyncio
import gc
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import apsw
import pytest

from streams.errors import LogUnavailable
from streams.io.mounts import network_type
from streams.io.sqlite import SqliteLog
from streams.io.sqlite_file import check_library
from streams.io.sqlite_writers import SqliteSnapshots
from streams.ports import Record
from streams.topics import DAY_MS, Topic
from tests.conformance.logs import everything, records, values

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


def newer(path: Path) -> None:
    SqliteLog(path).file.close()
    db = apsw.Connection(str(path))
    db.execute("PRAGMA user_version = 99")
    db.close()


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: path.write_text("no database " * 1_000), "is no SQLite database"),
        (lambda path: apsw.Connection(str(path)).execute("CREATE TABLE theirs (x)"), "no log of everfresh"),
        (newer, "has format 99, this everfresh knows 1"),
    ],
)
async def test_a_file_that_is_not_ours_is_refused_and_left_alone(
    path: Path, make: Callable[[Path], object], expected: str
) -> None:
    path.parent.mkdir()
    make(path)
    gc.collect()
    with pytest.raises(LogUnavailable, match=expected):
        SqliteLog(path)


async def test_a_fork_is_told_that_it_cannot_use_the_log(log: SqliteLog) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            log.file.read("SELECT 1")
            os.write(writing, b"it could")
        except LogUnavailable as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert "forked" in os.read(reading, 1_000).decode()
    os.close(reading)
    os.close(writing)
    await log.append(records("journal", "the parent goes on"))


async def test_a_forked_child_does_not_keep_a_dead_member_alive(path: Path, log: SqliteLog) -> None:
    doomed = SqliteLog(path)
    member = await doomed.subscribe("group", ["journal"])
    child = os.fork()
    if child == 0:
        time.sleep(30)
        os._exit(0)
    try:
        member._member = 0  # it never says goodbye
        await doomed.close()
        heir = await log.subscribe("group", ["journal"])
        await heir.fetch(wait_ms=3_000)
        assert heir.owned() == {("journal", 0)}
        await heir.close()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_network_file_system_is_known_by_the_nearest_mount() -> None:
    mounts = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /home rw shared:2 master:1 - nfs4 server:/home rw
31 30 8:2 / /home/local rw - xfs /dev/vdb rw
32 22 0:41 / /mnt/with\\040space rw - fuse.sshfs me@there:/ rw
33 22 0:42 / /twice rw - ext4 /dev/vdc rw
34 22 0:43 / /twice rw - cifs //server/share rw
"""
    found = {
        place: network_type(Path(place), mounts)
        for place in ("/a", "/home/x", "/homework/x", "/home/local/x", "/mnt/with space/x", "/twice/x")
    }
    assert found == {
        "/a": None,
        "/home/x": "nfs4",
        "/homework/x": None,
        "/home/local/x": None,
        "/mnt/with space/x": "fuse.sshfs",
        "/twice/x": "cifs",
    }


async def test_a_log_on_a_network_file_system_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = path.parent.with_name("mounts")
    mounts.write_text("22 1 0:5 / / rw - nfs4 server:/ rw")
    monkeypatch.setattr("streams.io.sqlite_file.MOUNTS", mounts)
    with pytest.raises(LogUnavailable, match=rf"{path} is on a network file system \(nfs4\).*local disk"):
        SqliteLog(path)
    assert not path.exists()


def test_a_sqlite_with_the_corruption_bug_is_refused() -> None:
    check_library("3.51.3")
    check_library("3.100.0")
    for old in ("3.40.1", "3.51.2"):
        with pytest.raises(LogUnavailable, match=rf"SQLite {old}.*3\.51\.3 or newer"):
            check_library(old)


async def test_old_entries_go_and_compacted_topics_keep_the_newest(path: Path) -> None:
    now = [100 * DAY_MS]
    log = SqliteLog(path, clock=lambda: now[0])
    await log.create([Topic("aged", "", 1, retention_ms=DAY_MS), Topic("compacted", "", 1, "compact"), JOURNAL])
    for day in range(3):
        now[0] = (100 + day) * DAY_MS
        await log.append(records("aged", f"day {day}"))
        await log.append(records("journal", f"day {day}"))
        await log.append([Record("compacted", b"%d" % day, b"key"), Record("compacted", b"other", b"%d" % day)])
    await log.append([Record("compacted", None, b"0")])
    assert await log.tidy() == 1 + 3
    assert await values(log, "aged") == ["day 1", "day 2"]
    assert await log.bounds("aged") == {0: (1, 3)}
    assert await values(log, "journal") == ["day 0", "day 1", "day 2"]
    assert [(one.key, one.value) for one in await everything(log, "compacted")] == [
        (b"1", b"other"),
        (b"key", b"2"),
        (b"2", b"other"),
        (b"0", None),
    ]
    now[0] += 2 * DAY_MS
    assert await log.tidy() == 2 + 1
    assert await log.bounds("aged") == {0: (3, 3)}
    assert (await log.append(records("aged", "later")))[0].offset == 3
    await log.close()


async def test_a_group_reads_over_the_holes_that_compaction_leaves(path: Path) -> None:
    log = SqliteLog(path)
    await log.create([Topic("compacted", "", 1, "compact")])
    await log.append([Record("compacted", b"%d" % number, b"key") for number in range(10)])
    await log.tidy()
    member = await log.subscribe("group", ["compacted"])
    found = await member.fetch(wait_ms=0)
    assert [(entry.offset, entry.value) for entry in found["compacted", 0]] == [(9, b"9")]
    assert not member.behind("compacted", 0)
    await log.close()


async def test_trimming_much_does_not_stop_the_loop_for_long(log: SqliteLog) -> None:
    await log.append(records("journal", *["x" * 100] * 30_000))
    seen: list[str] = []
    log.file._db.trace_v2(apsw.SQLITE_TRACE_STMT, lambda event: seen.append(str(event["sql"])))
    trimming = asyncio.create_task(log.trim("journal", 0, 29_990))
    longest, last = 0.0, time.monotonic()
    while not trimming.done():
        await asyncio.sleep(0.001)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    log.file._db.trace_v2(0, None)
    assert longest < 0.5
    assert seen.count("COMMIT") > 5
    assert log.file.read("SELECT count(*) FROM entries") == [(10,)]


async def test_idle_readers_and_members_cost_next_to_nothing(log: SqliteLog) -> None:
    await log.create([Topic(f"topic-{number}", "", 4) for number in range(10)])
    members = [await log.subscribe(f"group-{number}", [f"topic-{number}"]) for number in range(10)]
    waiting: list[asyncio.Task[object]] = [asyncio.create_task(member.fetch(wait_ms=60_000)) for member in members]
    waiting += [asyncio.create_task(log.read("journal", 0, 0, wait_ms=60_000)) for _ in range(5)]
    await asyncio.sleep(3)  # until the looks have become seldom
    started, cpu = time.monotonic(), time.process_time()
    await asyncio.sleep(5)
    a_minute = (time.process_time() - cpu) / (time.monotonic() - started) * 60
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert a_minute < 0.1  # of the 0.3 seconds that a whole embedded process may take


async def test_the_file_may_be_moved_between_two_runs(path: Path, tmp_path: Path) -> None:
    log = SqliteLog(path)
    await log.create([JOURNAL])
    await log.append(records("journal", "a"))
    await SqliteSnapshots(log.file).newest("shop")
    await log.close()
    assert {file.name for file in path.parent.iterdir()} <= {"log.db", "log.db-members"}
    moved = shutil.move(path, tmp_path / "elsewhere.db")
    log = SqliteLog(Path(moved))
    assert await values(log, "journal") == ["a"]
    await log.close()
