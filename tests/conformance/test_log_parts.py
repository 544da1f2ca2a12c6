"""The logs' pure parts, and memory against SQLite: whatever is done to them, they say the same."""

import asyncio
import logging
import random
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from aiokafka.partitioner import murmur2 as kafkas_murmur2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.errors import Gap, SettingError
from streams.io.assignment import TopicPartition, share
from streams.io.cursors import Cursors
from streams.io.memory import MemoryLog
from streams.io.partitioner import murmur2
from streams.io.seldom import Seldom
from streams.io.sqlite import SqliteLog
from streams.io.urls import kafka_servers, open_log, sqlite_path
from streams.io.wakeups import Wakeups
from streams.io.watchdog import Watchdog
from streams.ports import Entry, Position, Record, Subscription
from streams.topics import Topic
from tests.patience import PATIENCE_SECONDS


@given(st.binary(max_size=64))
def test_keys_are_hashed_as_kafkas_clients_hash_them(key: bytes) -> None:
    assert murmur2(key) == kafkas_murmur2(key)


TOPICS = st.dictionaries(st.sampled_from("abc"), st.integers(1, 6), min_size=1)


@given(TOPICS, st.dictionaries(st.integers(1, 9), st.sets(st.sampled_from("abc"), min_size=1), max_size=5))
def test_each_partition_goes_to_one_member_that_wants_it_and_none_is_left_over(
    partitions: dict[str, int], members: dict[int, set[str]]
) -> None:
    shares = share(members, partitions)
    wanted = set().union(*members.values())
    assert shares.keys() == {
        (topic, one) for topic, count in partitions.items() for one in range(count) if topic in wanted
    }
    assert all(topic in members[member] for (topic, _), member in shares.items())


@given(TOPICS, st.sets(st.integers(1, 99), min_size=1, max_size=8))
def test_members_that_want_the_same_get_the_same_number_give_or_take_one(
    partitions: dict[str, int], members: set[int]
) -> None:
    shares = list(share(dict.fromkeys(members, partitions), partitions).values())
    counts = [shares.count(member) for member in members]
    assert max(counts) - min(counts) <= 1


Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["append", "read", "trim", "bounds", "fetch", "commit", "position", "rejoin"]),
        st.integers(0, 6),
        st.integers(0, 2),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_memory_and_sqlite_cannot_be_told_apart(steps: list[Step]) -> None:
    async def both() -> None:
        with TemporaryDirectory() as folder:
            sqlite = SqliteLog(Path(folder) / "log.db", clock=lambda: 1_000)
            try:
                assert await played(MemoryLog(clock=lambda: 1_000), steps) == await played(sqlite, steps)
            finally:
                await sqlite.close()

    asyncio.run(both())


async def played(log: MemoryLog | SqliteLog, steps: list[Step]) -> list[object]:
    """What a log says to each step."""
    await log.create([Topic("topic", "", 3)])
    member = await log.subscribe("group", ["topic"])
    said: list[object] = []
    for number, (step, amount, partition) in enumerate(steps):
        match step:
            case "append":
                batch = [Record("topic", b"%d" % one, b"%d" % (number + one), (("h", b"x"),)) for one in range(amount)]
                said.append(await log.append(batch))
            case "read":
                said.append(await answer(log.read("topic", partition, amount, limit=3)))
            case "trim":
                said.append(await answer(log.trim("topic", partition, amount)))
            case "bounds":
                said.append(await log.bounds("topic"))
            case "fetch":
                said.append(await answer(member.fetch(limit=amount + 1, wait_ms=0)))
                said.append([member.behind("topic", one) for one in range(3)])
            case "commit":
                await member.commit({("topic", partition): amount})
                said.append(await log.positions("group", "topic"))
            case "position":
                said.append(await log.append([], Position("group", "topic", partition, amount)))
                said.append(await log.positions("group", "topic"))
            case "rejoin":
                await member.close()
                member = await log.subscribe("group", ["topic"], "latest")
                said.append([await member.position("topic", one) for one in range(3)])
    await member.close()
    return said


async def answer(asked: Coroutine[Any, Any, object]) -> object:
    try:
        found = await asked
    except Gap as gap:
        return str(gap)
    return {place: list(entries) for place, entries in found.items()} if isinstance(found, dict) else found


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize("seed", range(20))
async def test_members_that_come_at_any_moment_settle_and_never_share_a_partition(
    kind: str, seed: int, tmp_path: Path
) -> None:
    dice = random.Random(seed)
    memory = MemoryLog()
    logs = [memory if kind == "memory" else SqliteLog(tmp_path / "log.db") for _ in range(3)]
    await logs[0].create([Topic("topic", "", 4)])
    members: list[Subscription] = []

    async def live(log: MemoryLog | SqliteLog) -> None:
        await asyncio.sleep(dice.random() * 0.02)
        member = await log.subscribe("group", ["topic"])
        members.append(member)
        while True:
            await member.fetch(wait_ms=dice.choice([0, 5, 20]))
            owned = [place for one in members for place in one.owned()]
            assert len(owned) == len(set(owned))

    lives = [asyncio.create_task(live(log)) for log in logs]
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while sorted(len(member.owned()) for member in members) != [1, 1, 2]:
                await asyncio.sleep(0.01)
    finally:
        for one in lives:
            one.cancel()
        assert {type(one) for one in await asyncio.gather(*lives, return_exceptions=True)} == {asyncio.CancelledError}
        for log in logs:
            await log.close()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_clock_that_steps_back_does_not_turn_time_back(kind: str, tmp_path: Path) -> None:
    ticks = iter([5_000, 4_000, 6_000])

    def clock() -> int:
        return next(ticks)

    log = MemoryLog(clock) if kind == "memory" else SqliteLog(tmp_path / "log.db", clock)
    await log.create([Topic("topic", "", 1)])
    assert [(await log.append([Record("topic", b"x")]))[0].timestamp for _ in range(3)] == [5_000, 5_000, 6_000]
    await log.close()


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///var/lib/log.db", "/var/lib/log.db"),
        ("sqlite:log.db", "log.db"),
        ("sqlite:.everfresh/log.db", ".everfresh/log.db"),
        ("sqlite:///a%20b/c", "/a b/c"),
    ],
)
def test_a_sqlite_url_names_a_file(url: str, path: str) -> None:
    assert sqlite_path(url) == Path(path)


@pytest.mark.parametrize(
    ("url", "servers"),
    [
        ("kafka://host", "host:9092"),
        ("kafka://host:1/", "host:1"),
        ("kafka://a:1,b.c-d:2,127.0.0.1", "a:1,b.c-d:2,127.0.0.1:9092"),
        ("kafka://[::1]:9093,[fe80::1]", "[::1]:9093,[fe80::1]:9092"),
    ],
)
def test_a_kafka_url_names_servers(url: str, servers: str) -> None:
    assert kafka_servers(url) == servers


@pytest.mark.parametrize(
    "url",
    [
        *("", "memory", "redis://host", "sqlite", "sqlite:", "sqlite://", "sqlite:///", "sqlite://host/path", "log.db"),
        *("sqlite:///folder/", "sqlite:///a?mode=ro", "kafka:", "kafka:host:9092", "kafka://", "kafka://a:1,,b:2"),
        *("kafka://user:secret@host:1", "kafka://host:port", "kafka://host/path"),
    ],
)
async def test_a_bad_url_is_refused_with_examples_of_good_ones(url: str) -> None:
    with pytest.raises(SettingError, match=r"log .* sqlite:///var/lib.*kafka://host:9092.* memory:") as caught:
        await open_log(url)
    assert "secret" not in str(caught.value)


def test_a_starving_reader_is_noticed_and_one_with_nothing_to_read_is_not() -> None:
    now = [0.0]
    dog = Watchdog(20, lambda: now[0])
    looks = []
    for second in range(1, 61):
        now[0] = second
        if dog.wants_a_look():
            looks.append(second)
            assert not dog.starving(lag=0)
    assert looks == list(range(5, 61, 5))
    now[0] = 79
    assert not dog.starving(lag=7)
    now[0] = 80
    assert dog.starving(lag=7)
    assert dog.starving(lag=None)
    dog.fed()
    assert not dog.starving(lag=7)


async def test_a_sleeper_is_woken_by_its_own_names_only_and_leaves_nothing_behind() -> None:
    wakeups = Wakeups()
    sleepers = [asyncio.create_task(wakeups.sleep([name, "all"], 5)) for name in "ab"]
    await asyncio.sleep(0)
    assert wakeups
    wakeups.wake(["a"])
    await asyncio.sleep(0.01)
    assert [one.done() for one in sleepers] == [True, False]
    wakeups.wake()
    assert await asyncio.gather(*sleepers) == [True, True]
    assert not await wakeups.sleep(["a"], 0.01)
    cancelled = asyncio.create_task(wakeups.sleep(["a"], 5))
    await asyncio.sleep(0)
    cancelled.cancel()
    assert isinstance((await asyncio.gather(cancelled, return_exceptions=True))[0], asyncio.CancelledError)
    assert not wakeups


async def test_a_reader_whose_timer_rings_early_looks_once_more_and_not_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop, looks = asyncio.get_running_loop(), list[int]()
    ring = loop.call_later
    monkeypatch.setattr(loop, "call_later", lambda seconds, *said: ring(seconds / 2, *said))

    def find() -> list[str]:
        looks.append(1)
        return []

    assert not await Wakeups().until(find, ["a"], 40)
    assert len(looks) == 2


async def test_a_member_of_a_group_whose_timer_rings_early_looks_once_more_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, looks = asyncio.get_running_loop(), list[int]()
    ring, read = loop.call_later, Cursors.read

    def look(cursors: Cursors, limit: int) -> Mapping[TopicPartition, Sequence[Entry]]:
        looks.append(1)
        return read(cursors, limit)

    log = SqliteLog(tmp_path / "log.db")
    await log.create([Topic("a", "", 1)])
    member = await log.subscribe("readers", ["a"])
    monkeypatch.setattr(loop, "call_later", lambda seconds, *said: ring(seconds / 2, *said))
    monkeypatch.setattr(Cursors, "read", look)
    assert not await member.fetch(wait_ms=40)
    assert len(looks) == 2
    await member.close()
    await log.close()


def test_what_is_logged_again_and_again_is_said_seldom_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("streams.io.seldom.time.monotonic", lambda: now[0])
    seldom = Seldom()

    def logged(text: str) -> str | None:
        record = logging.LogRecord("aiokafka", logging.ERROR, "", 0, text, ("x",), None)
        return record.getMessage() if seldom.filter(record) else None

    assert logged("broken: %s") == "broken: x"
    assert [logged("broken: %s") for _ in range(3)] == [None] * 3
    assert logged("another: %s") == "another: x"
    now[0] += 31
    assert logged("broken: %s") == "broken: x (and 3 times more since)"


def test_what_reads_otherwise_is_said_even_if_its_template_is_the_same() -> None:
    seldom = Seldom(whole=True)
    told = [logging.LogRecord("x", logging.WARNING, "", 0, "%s", (text,), None) for text in ("full", "full", "down")]
    assert [seldom.filter(record) for record in told] == [True, False, True]
