"""What every log promises: order, durability, waking, gaps."""

import asyncio
import time

import pytest

from streams.cloudevents import SIZE_MAX
from streams.errors import EventTooLarge, Gap, LogUnavailable, TopicMismatch
from streams.io.urls import Log
from streams.ports import EventLog, Position, Record, Stamp
from tests.conformance.logs import Place, durable, everything, everywhere, records, values
from tests.patience import PATIENCE_SECONDS


@everywhere
async def test_a_key_keeps_its_partition_and_its_order(log: EventLog, place: Place) -> None:
    topic = await place.topic(partitions=4)
    for turn in range(30):
        await log.append([Record(topic, b"%d" % turn, b"key-%d" % key) for key in range(9)])
    by_key: dict[bytes | None, list[tuple[int, int]]] = {}
    for entry in await everything(log, topic):
        by_key.setdefault(entry.key, []).append((entry.partition, int(entry.value or b"-1")))
    assert len(by_key) == 9
    for placed in by_key.values():
        assert len({partition for partition, _ in placed}) == 1
        assert [turn for _, turn in placed] == list(range(30))
    assert len({placed[0][0] for placed in by_key.values()}) > 1


@everywhere
async def test_append_says_where_and_when_each_record_was_kept(log: EventLog, place: Place) -> None:
    topic = await place.topic(partitions=4, log_append_time=True)
    appended = [Record(topic, b"%d" % number, b"key-%d" % number) for number in range(50)]
    before = time.time_ns() // 1_000_000 - 1
    stamps = await log.append(appended)
    found = {
        Stamp(entry.partition, entry.offset, entry.timestamp): entry.value for entry in await everything(log, topic)
    }
    assert found == {stamp: record.value for stamp, record in zip(stamps, appended, strict=True)}
    assert all(before <= stamp.timestamp <= time.time_ns() // 1_000_000 + 1 for stamp in stamps)


@everywhere
@pytest.mark.parametrize("several", [1, 10, 1_000])
async def test_offsets_count_up_and_time_never_goes_back(log: EventLog, place: Place, several: int) -> None:
    topic = await place.topic(log_append_time=True)
    stamps = [stamp for _ in range(5) for stamp in await log.append(records(topic, *["x"] * several))]
    assert [stamp.offset for stamp in stamps] == list(range(5 * several))
    assert [stamp.timestamp for stamp in stamps] == sorted(stamp.timestamp for stamp in stamps)
    assert {stamp.partition for stamp in stamps} == {0}


@everywhere
async def test_all_of_a_record_comes_back(log: EventLog, place: Place) -> None:
    topic = await place.topic(partitions=3)
    headers = (("content-type", b"x"), ("trace", bytes(range(256))), ("content-type", b"twice"))
    await log.append(
        [Record(topic, b"\x00\xff", b"k\x00", headers, partition=2), Record(topic, None, b"k", partition=2)]
    )
    first, tombstone = await log.read(topic, 2, 0)
    assert (first.topic, first.partition, first.key, first.value) == (topic, 2, b"k\x00", b"\x00\xff")
    assert tuple(first.headers) == headers
    assert (tombstone.key, tombstone.value, tuple(tombstone.headers)) == (b"k", None, ())


@durable
async def test_what_was_acknowledged_is_there_after_reopening(place: Place) -> None:
    opened = await place.open()
    topic = await place.topic()
    await opened.log.append(records(topic, "a", "b"))
    await opened.close()
    assert await values((await place.open()).log, topic) == ["a", "b"]


@everywhere
async def test_one_handle_reads_at_once_what_another_appended(place: Place) -> None:
    one, other = await place.open(), await place.open()
    topic = await place.topic()
    for number in range(5):
        await one.log.append(records(topic, str(number)))
        assert [entry.value for entry in await other.log.read(topic, 0, number)] == [b"%d" % number]


@everywhere
async def test_a_waiting_read_wakes_as_soon_as_something_comes(log: EventLog, place: Place) -> None:
    topic = await place.topic()
    await log.append(records(topic, "old"))
    reading = asyncio.create_task(log.read(topic, 0, 1, wait_ms=30_000))
    await asyncio.sleep(0.5)
    assert not reading.done()
    started = time.monotonic()
    await log.append(records(topic, "new"))
    assert [entry.value for entry in await reading] == [b"new"]
    assert time.monotonic() - started < 1


@everywhere
async def test_a_read_of_nothing_ends_when_its_time_is_up(log: EventLog, place: Place) -> None:
    topic = await place.topic()
    started = time.monotonic()
    assert list(await log.read(topic, 0, 0, wait_ms=400)) == []
    assert 0.3 < time.monotonic() - started < 5


@everywhere
async def test_many_readers_each_get_everything(log: EventLog, place: Place) -> None:
    topic = await place.topic()

    async def follow() -> list[int]:
        seen: list[int] = []
        while len(seen) < 40:
            seen += [entry.offset for entry in await log.read(topic, 0, len(seen), limit=7, wait_ms=5_000)]
        return seen

    readers = [asyncio.create_task(follow()) for _ in range(5)]
    for _ in range(20):
        await log.append(records(topic, "x", "y"))
        await asyncio.sleep(0.01)
    assert await asyncio.gather(*readers) == [list(range(40))] * 5


@everywhere
async def test_a_read_takes_at_most_its_limit_and_any_offset_may_begin_it(log: EventLog, place: Place) -> None:
    topic = await place.topic()
    await log.append(records(topic, *map(str, range(10))))
    assert [entry.offset for entry in await log.read(topic, 0, 3, limit=4)] == [3, 4, 5, 6]
    assert [entry.offset for entry in await log.read(topic, 0, 7, limit=4)] == [7, 8, 9]
    assert [entry.offset for entry in await log.read(topic, 0, 0, limit=2)] == [0, 1]
    assert list(await log.read(topic, 0, 10)) == []


@everywhere
async def test_bounds_are_the_first_offset_kept_and_the_next_to_be_written(opened: Log, place: Place) -> None:
    topic = await place.topic(partitions=2)
    assert await opened.log.bounds(topic) == {0: (0, 0), 1: (0, 0)}
    await opened.log.append([Record(topic, b"x", partition=1)] * 5)
    await opened.trim(topic, 1, 3)
    assert await opened.log.bounds(topic) == {0: (0, 0), 1: (3, 5)}


@everywhere
async def test_reading_what_was_trimmed_away_is_a_gap_not_a_skip(opened: Log, place: Place) -> None:
    topic = await place.topic()
    await opened.log.append(records(topic, *map(str, range(10))))
    assert len(await opened.log.read(topic, 0, 0, limit=2)) == 2
    await opened.trim(topic, 0, 6)
    for offset in (0, 2, 5):
        with pytest.raises(Gap, match=f"no entry {offset} .*keeps 6 to 9"):
            await opened.log.read(topic, 0, offset, wait_ms=500)
    assert [entry.offset for entry in await opened.log.read(topic, 0, 6)] == [6, 7, 8, 9]


@everywhere
async def test_a_gap_says_which_entries_are_lost(opened: Log, place: Place) -> None:
    topic = await place.topic()
    await opened.log.append(records(topic, *map(str, range(10))))
    await opened.trim(topic, 0, 6)
    with pytest.raises(Gap) as caught:
        await opened.log.read(topic, 0, 2)
    lost = caught.value
    assert vars(lost) == {"topic": topic, "partition": 0, "first": 2, "last": 5}


@everywhere
async def test_reading_past_the_end_is_a_gap_too(opened: Log, place: Place) -> None:
    topic = await place.topic()
    await opened.log.append(records(topic, "a"))
    with pytest.raises(Gap, match="made anew or cut short"):
        await opened.log.read(topic, 0, 7)


@everywhere
async def test_trimming_keeps_within_the_bounds(opened: Log, place: Place) -> None:
    topic = await place.topic()
    await opened.log.append(records(topic, "a", "b"))
    await opened.trim(topic, 0, 0)
    assert await opened.log.bounds(topic) == {0: (0, 2)}
    await opened.trim(topic, 0, 99)
    assert await opened.log.bounds(topic) == {0: (2, 2)}
    await opened.trim(topic, 0, 1)
    assert await opened.log.bounds(topic) == {0: (2, 2)}
    assert (await opened.log.append(records(topic, "c")))[0].offset == 2


@everywhere
async def test_an_oversized_record_is_refused_with_its_whole_batch_and_the_next_goes_through(
    log: EventLog, place: Place
) -> None:
    topic = await place.topic()
    for large in (Record(topic, bytes(SIZE_MAX + 1)), Record(topic, b"x", bytes(17 * 1024))):
        with pytest.raises(EventTooLarge, match=r"nothing was sent"):
            await log.append([*records(topic, "before"), large, *records(topic, "after")])
    await log.append(records(topic, "next"))
    assert await values(log, topic) == ["next"]


@everywhere
@pytest.mark.parametrize("others", [0, 100])
async def test_a_record_of_the_full_size_goes_through(log: EventLog, place: Place, others: int) -> None:
    topic = await place.topic()
    whole = bytes(range(256)) * (SIZE_MAX // 256)
    small = records(topic, *["x"] * others)
    await log.append([*small, Record(topic, whole), *small])
    assert [len(entry.value or b"") for entry in await everything(log, topic)] == [1] * others + [SIZE_MAX] + [
        1
    ] * others


@everywhere
async def test_a_record_with_neither_key_nor_value_is_a_mistake(log: EventLog, place: Place) -> None:
    topic = await place.topic()
    with pytest.raises(ValueError, match="neither key nor value"):
        await log.append([Record(topic, None)])


@everywhere
async def test_a_record_for_a_partition_that_is_not_there_keeps_nothing(log: EventLog, place: Place) -> None:
    topic = await place.topic(partitions=2)
    with pytest.raises(ValueError, match="partitions 0 to 1, not 2"):
        await log.append([Record(topic, b"x", partition=0), Record(topic, b"x", partition=2)])
    assert await values(log, topic) == []


@everywhere
async def test_a_missing_topic_is_said_and_never_made(opened: Log, place: Place) -> None:
    topic, absent = await place.topic(), f"{place.topics.prefix}absent"
    mistaken = [
        opened.log.append([Record(topic, b"x"), Record(absent, b"x")]),
        opened.log.read(absent, 0, 0),
        opened.log.bounds(absent),
        opened.log.subscribe("group", [absent]),
        opened.trim(absent, 0, 1),
        opened.log.read(topic, 5, 0),
    ]
    for mistake in mistaken:
        with pytest.raises(TopicMismatch, match=r"missing; create it|no partition 5"):
            await asyncio.wait_for(mistake, PATIENCE_SECONDS)
    assert await values(opened.log, topic) == []
    with pytest.raises(TopicMismatch):
        await opened.log.bounds(absent)


@everywhere
async def test_concurrent_appends_all_arrive_once_and_each_task_keeps_its_order(place: Place) -> None:
    handles = [(await place.open()).log for _ in range(3)]
    topic = await place.topic()

    async def append(task: int) -> list[int]:
        stamps = []
        for number in range(20):
            stamps += await handles[task % 3].append(records(topic, f"{task}-{number}"))
        return [stamp.offset for stamp in stamps]

    offsets = await asyncio.gather(*(append(task) for task in range(15)))
    assert sorted(offset for mine in offsets for offset in mine) == list(range(300))
    found = await values(handles[0], topic)
    for task, mine in enumerate(offsets):
        assert mine == sorted(mine)
        assert [found[offset] for offset in mine] == [f"{task}-{number}" for number in range(20)]


@everywhere
async def test_a_long_append_keeps_its_order_in_each_partition(log: EventLog, place: Place) -> None:
    topic = await place.topic(partitions=3)
    appended = [Record(topic, b"%05d" % number, b"%d" % (number % 10)) for number in range(10_000)]
    stamps = await log.append(appended)
    found = {(entry.partition, entry.offset): entry.value for entry in await everything(log, topic)}
    assert len(found) == 10_000
    assert all(found[stamp[:2]] == record.value for stamp, record in zip(stamps, appended, strict=True))
    for partition in range(3):
        inside = [value for (at, _), value in sorted(found.items()) if at == partition]
        assert inside == sorted(value for value in inside if value)


@everywhere
async def test_a_group_goes_on_behind_the_position_that_came_with_an_append(log: EventLog, place: Place) -> None:
    source, target = await place.topic(), await place.topic()
    await log.append(records(source, "a", "b", "c"))
    await log.append(records(target, "made of a and b"), Position("movers", source, 0, 2))
    member = await log.subscribe("movers", [source])
    assert await member.position(source, 0) == 2
    await log.append([], Position("movers", source, 0, 3))
    await member.close()
    member = await log.subscribe("movers", [source])
    assert await member.position(source, 0) == 3
    await member.close()


@durable
async def test_a_position_from_a_process_that_does_not_own_the_partition_is_dropped(place: Place) -> None:
    one, other = await place.open(), await place.open()
    source = await place.topic()
    await one.log.append(records(source, "a", "b", "c"))
    owner = await other.log.subscribe("movers", [source])
    await owner.commit({(source, 0): 1})
    stamps = await one.log.append(records(source, "d"), Position("movers", source, 0, 3))
    assert [stamp.offset for stamp in stamps] == [3]
    assert await one.admin.positions("movers", source) == {0: 1}
    await other.log.append([], Position("movers", source, 0, 2))
    assert await one.admin.positions("movers", source) == {0: 2}
    await owner.close()


@everywhere
async def test_a_refused_append_leaves_the_position_where_it_was(log: EventLog, place: Place) -> None:
    source = await place.topic()
    await log.append(records(source, "a", "b", "c"), Position("movers", source, 0, 1))
    for refused in ([Record(source, bytes(SIZE_MAX + 1))], [Record("absent", b"x")]):
        with pytest.raises((EventTooLarge, TopicMismatch)):
            await log.append(refused, Position("movers", source, 0, 3))
    member = await log.subscribe("movers", [source])
    assert await member.position(source, 0) == 1
    await member.close()


@everywhere
async def test_a_closed_log_says_so(opened: Log, place: Place) -> None:
    topic = await place.topic()
    await opened.close()
    await opened.close()
    with pytest.raises(LogUnavailable, match="closed; open"):
        await opened.log.append(records(topic, "x"))
