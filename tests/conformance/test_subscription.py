"""What every group of readers promises: each partition is one member's, nothing is lost when members come and go."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from streams.errors import Gap, LogUnavailable
from streams.io.urls import Log
from streams.ports import EventLog, Record, Subscription
from tests.conformance.logs import Place, everywhere, records
from tests.patience import PATIENCE_SECONDS

TopicPartition = tuple[str, int]


async def spread(log: EventLog, topic: str, texts: Sequence[str], partitions: int = 4) -> None:
    """Append the texts to the partitions in turn."""
    await log.append([Record(topic, text.encode(), partition=at % partitions) for at, text in enumerate(texts)])


async def take(
    member: Subscription, count: int, *, commit: bool = True, seconds: float = PATIENCE_SECONDS
) -> list[str]:
    """Fetch until so many came, committing each fetch."""
    taken: list[str] = []
    give_up = time.monotonic() + seconds
    while len(taken) < count and time.monotonic() < give_up:
        found = await member.fetch(wait_ms=200)
        taken += [(entry.value or b"").decode() for entries in found.values() for entry in entries]
        if commit and found:
            await member.commit({place: entries[-1].offset + 1 for place, entries in found.items()})
    return taken


async def settled(*members: Subscription, partitions: int, seconds: float = PATIENCE_SECONDS) -> None:
    """Let all of them fetch until each partition is somebody's."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        await asyncio.gather(*(member.fetch(wait_ms=50) for member in members))
        owned = [member.owned() for member in members]
        if sum(map(len, owned)) == partitions and all(owned):
            return
    raise AssertionError(f"never settled: {[sorted(member.owned()) for member in members]}")


@everywhere
async def test_a_new_group_reads_from_the_beginning(log: EventLog, place: Place) -> None:
    topic = await place.topic(partitions=4)
    await spread(log, topic, list("abcdef"))
    member = await log.subscribe("group", [topic])
    assert member.owned() == {(topic, number) for number in range(4)}
    assert sorted(await take(member, 6)) == list("abcdef")
    await member.close()


@everywhere
async def test_a_new_group_told_so_reads_only_what_comes_after_it_joined(log: EventLog, place: Place) -> None:
    topic = await place.topic(partitions=2)
    await spread(log, topic, ["old", "older"], 2)
    member = await log.subscribe("group", [topic], start="latest")
    await spread(log, topic, ["new", "newer"], 2)
    assert sorted(await take(member, 2)) == ["new", "newer"]
    await member.close()


@everywhere
async def test_latest_holds_only_the_first_time_so_nothing_between_two_starts_is_skipped(
    log: EventLog, place: Place
) -> None:
    topic = await place.topic()
    await log.append(records(topic, "old"))
    await (await log.subscribe("group", [topic], start="latest")).close()
    await log.append(records(topic, "while nobody listened"))
    member = await log.subscribe("group", [topic], start="latest")
    assert await take(member, 1) == ["while nobody listened"]
    await member.close()


@everywhere
async def test_a_group_goes_on_where_it_committed_and_repeats_what_it_did_not(log: EventLog, place: Place) -> None:
    topic = await place.topic()
    await log.append(records(topic, *"abcdef"))
    member = await log.subscribe("group", [topic])
    assert await take(member, 6, commit=False) == list("abcdef")
    await member.commit({(topic, 0): 4})
    await member.close()
    member = await log.subscribe("group", [topic])
    assert await take(member, 2) == ["e", "f"]
    await member.close()


@everywhere
async def test_positions_survive_reopening_unless_the_log_is_in_memory(place: Place) -> None:
    opened = await place.open()
    topic = await place.topic()
    await opened.log.append(records(topic, *"abc"))
    member = await opened.log.subscribe("group", [topic])
    await member.commit({(topic, 0): 2})
    await member.close()
    if place.kind != "memory":
        await opened.close()
    member = await (await place.open()).log.subscribe("group", [topic])
    assert await take(member, 1) == ["c"]
    await member.close()


@everywhere
async def test_groups_do_not_know_of_each_other(log: EventLog, place: Place) -> None:
    topic = await place.topic()
    await log.append(records(topic, *"abc"))
    one, other = await log.subscribe("one", [topic]), await log.subscribe("other", [topic])
    assert await take(one, 3) == list("abc")
    assert await take(other, 3) == list("abc")
    await one.close()
    await other.close()


@everywhere
async def test_two_members_share_the_partitions_and_none_is_read_twice(place: Place) -> None:
    one_log, other_log = (await place.open()).log, (await place.open()).log
    topic = await place.topic(partitions=4)
    one = await one_log.subscribe("group", [topic])
    joining = asyncio.create_task(other_log.subscribe("group", [topic]))
    while not joining.done():
        await one.fetch(wait_ms=50)
    other = await joining
    await settled(one, other, partitions=4)
    assert len(one.owned()) == len(other.owned()) == 2
    texts = [str(number) for number in range(40)]
    await spread(one_log, topic, texts)
    taken = await asyncio.gather(take(one, 20), take(other, 20))
    assert sorted(map(int, taken[0] + taken[1])) == list(range(40))
    await one.close()
    await other.close()


@everywhere
async def test_when_a_member_leaves_the_other_takes_over_and_nothing_is_lost(place: Place) -> None:
    one_log, other_log = (await place.open()).log, (await place.open()).log
    topic = await place.topic(partitions=4)
    one, other = await asyncio.gather(one_log.subscribe("group", [topic]), other_log.subscribe("group", [topic]))
    await settled(one, other, partitions=4)
    await spread(one_log, topic, [str(number) for number in range(40)])
    seen = await take(one, 20)
    await take(other, 20, commit=False)  # read, but never acknowledged
    await other.close()
    assert other.owned() == frozenset()
    seen += await take(one, 20)
    assert sorted(map(int, seen)) == list(range(40))
    assert len(one.owned()) == 4
    await one.close()


@everywhere
async def test_a_sleeping_member_wakes_to_take_over(place: Place) -> None:
    one_log, other_log = (await place.open()).log, (await place.open()).log
    topic = await place.topic(partitions=2)
    one, other = await asyncio.gather(one_log.subscribe("group", [topic]), other_log.subscribe("group", [topic]))
    await settled(one, other, partitions=2)
    await spread(one_log, topic, ["a", "b"], 2)
    (mine,) = await take(one, 1)
    fetching = asyncio.create_task(awoken(one))
    await asyncio.sleep(0.5)
    await other.close()
    assert [mine, await asyncio.wait_for(fetching, PATIENCE_SECONDS)] in (["a", "b"], ["b", "a"])
    await one.close()


async def awoken(member: Subscription) -> str:
    """The next entry, by one fetch that waits for it; another one only if that came back empty."""
    while not (found := await member.fetch(wait_ms=600_000)):
        pass
    return next((entry.value or b"").decode() for entries in found.values() for entry in entries)


@everywhere
async def test_a_commit_of_what_is_no_longer_owned_is_dropped_and_counted(place: Place) -> None:
    one_log, other_log = (await place.open()).log, (await place.open()).log
    topic = await place.topic(partitions=2)
    await spread(one_log, topic, list("abcd"), 2)
    one = await one_log.subscribe("group", [topic])
    assert sorted(await take(one, 4, commit=False)) == list("abcd")
    joining = asyncio.create_task(other_log.subscribe("group", [topic]))
    while not joining.done():
        await one.fetch(wait_ms=50)
    other = await joining
    await settled(one, other, partitions=2)
    (lost,) = other.owned()
    await one.commit({lost: 2})
    assert one.dropped_commits == 1  # type: ignore[attr-defined]  # each log counts them
    await other.close()
    await one.close()
    member = await one_log.subscribe("group", [topic])
    assert await member.position(*lost) == 0
    await member.close()


@everywhere
async def test_a_position_trimmed_away_is_a_gap_until_the_group_says_where_to_go_on(opened: Log, place: Place) -> None:
    topic = await place.topic()
    await opened.log.append(records(topic, *map(str, range(10))))
    await (await opened.log.subscribe("group", [topic])).close()
    await opened.trim(topic, 0, 6)
    member = await opened.log.subscribe("group", [topic])
    for _ in range(3):
        with pytest.raises(Gap, match="keeps 6 to 9"):
            await fetched(member)
    await member.commit({(topic, 0): 6})
    assert await take(member, 4) == ["6", "7", "8", "9"]
    await member.close()


async def fetched(member: Subscription) -> list[str]:
    """One fetch that waits long enough for whatever there is."""
    return await take(member, 1)


@everywhere
async def test_a_waiting_fetch_wakes_as_soon_as_something_comes(log: EventLog, place: Place) -> None:
    topic = await place.topic(partitions=2)
    member = await log.subscribe("group", [topic])
    fetching = asyncio.create_task(member.fetch(wait_ms=30_000))
    await asyncio.sleep(1)
    assert not fetching.done()
    started = time.monotonic()
    await log.append([Record(topic, b"new", partition=1)])
    assert [entry.value for entry in (await fetching)[topic, 1]] == [b"new"]
    assert time.monotonic() - started < 1
    await member.close()


@everywhere
async def test_a_fetch_of_nothing_ends_when_its_time_is_up(log: EventLog, place: Place) -> None:
    topic = await place.topic()
    member = await log.subscribe("group", [topic])
    started = time.monotonic()
    assert dict(await member.fetch(wait_ms=400)) == {}
    assert 0.3 < time.monotonic() - started < 5
    await member.close()


@everywhere
async def test_a_partition_that_fills_as_fast_as_it_is_read_starves_no_other(log: EventLog, place: Place) -> None:
    topic = await place.topic(partitions=2)
    await log.append([Record(topic, b"lively", partition=0)] * 100)
    await log.append([Record(topic, b"quiet", partition=1)])
    member = await log.subscribe("group", [topic])
    quiet: list[bytes | None] = []
    for _ in range(40):
        found = await member.fetch(limit=50, wait_ms=1_000)
        quiet += [entry.value for entry in found.get((topic, 1), ())]
        await log.append([Record(topic, b"lively", partition=0)] * 50)
    assert quiet == [b"quiet"]
    await member.close()


@everywhere
async def test_a_fetch_gives_at_most_its_limit(log: EventLog, place: Place) -> None:
    topic = await place.topic(partitions=3)
    await spread(log, topic, [str(number) for number in range(60)], 3)
    member = await log.subscribe("group", [topic])
    seen: list[TopicPartition] = []
    for _ in range(60):
        found = await member.fetch(limit=5, wait_ms=1_000)
        assert sum(map(len, found.values())) <= 5
        seen += [one for one, entries in found.items() for _ in entries]
        if len(seen) == 60:
            break
    assert {one: seen.count(one) for one in seen} == {(topic, number): 20 for number in range(3)}
    await member.close()


@everywhere
async def test_a_member_knows_where_it_stands_and_whether_more_is_there(log: EventLog, place: Place) -> None:
    topic = await place.topic()
    await log.append(records(topic, *map(str, range(10))))
    member = await log.subscribe("group", [topic])
    assert await member.position(topic, 0) == 0
    taken = 0
    while not taken:
        taken = sum(map(len, (await member.fetch(limit=4, wait_ms=1_000)).values()))
    assert await member.position(topic, 0) == 4
    assert member.behind(topic, 0)
    assert len(await take(member, 6)) == 6
    await member.fetch(wait_ms=50)
    assert await member.position(topic, 0) == 10
    assert not member.behind(topic, 0)
    await member.close()


@everywhere
async def test_a_member_reads_several_topics(log: EventLog, place: Place) -> None:
    one, other = await place.topic(), await place.topic(partitions=2)
    await log.append([*records(one, "a"), Record(other, b"b", partition=1)])
    member = await log.subscribe("group", [one, other])
    assert member.owned() == {(one, 0), (other, 0), (other, 1)}
    assert sorted(await take(member, 2)) == ["a", "b"]
    await member.close()


@everywhere
async def test_a_member_that_left_says_so(log: EventLog, place: Place) -> None:
    topic = await place.topic()
    member = await log.subscribe("group", [topic])
    await member.close()
    await member.close()
    assert member.owned() == frozenset()
    with pytest.raises(LogUnavailable, match="left its group"):
        await member.fetch()


@everywhere
async def test_entries_of_one_key_stay_in_order_through_a_group(log: EventLog, place: Place) -> None:
    topic = await place.topic(partitions=4)
    member = await log.subscribe("group", [topic])
    for turn in range(20):
        await log.append([Record(topic, b"%d-%d" % (key, turn), b"key-%d" % key) for key in range(6)])
    taken = await take(member, 120)
    for key in range(6):
        assert [text for text in taken if text.startswith(f"{key}-")] == [f"{key}-{turn}" for turn in range(20)]
    await member.close()
