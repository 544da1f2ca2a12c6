"""What every fenced writer promises: one at a time, all or nothing, and an old one never again."""

import asyncio

import pytest

from streams.cloudevents import SIZE_MAX
from streams.errors import EventTooLarge, Fenced, TopicMismatch
from streams.ports import EventLog, Fencing, Record
from tests.conformance.logs import Place, committed, everywhere, records, values
from tests.patience import PATIENCE_SECONDS


@everywhere
async def test_what_a_writer_appends_is_there_in_order(log: EventLog, fencing: Fencing, place: Place) -> None:
    topic, name = await place.topic(), f"{place.topics.prefix}writer"
    writer = await fencing.claim(name)
    await writer.append(records(topic, "a", "b"))
    await writer.append([])
    await writer.append(records(topic, "c"))
    assert await committed(log, topic, 3) == ["a", "b", "c"]
    await writer.close()


@everywhere
async def test_a_new_claim_ends_the_old_writer_for_good(log: EventLog, fencing: Fencing, place: Place) -> None:
    topic, name = await place.topic(), f"{place.topics.prefix}writer"
    old = await fencing.claim(name)
    await old.append(records(topic, "old"))
    new = await fencing.claim(name)
    for _ in range(3):
        with pytest.raises(Fenced, match="another process took over"):
            await old.append(records(topic, "zombie"))
        await new.append(records(topic, "new"))
    assert await committed(log, topic, 4) == ["old", "new", "new", "new"]
    await old.close()
    await new.close()


@everywhere
async def test_a_claim_in_another_process_counts_as_well(place: Place) -> None:
    one, other = await place.open(), await place.open()
    topic, name = await place.topic(), f"{place.topics.prefix}writer"
    old = await one.fencing.claim(name)
    new = await other.fencing.claim(name)
    with pytest.raises(Fenced):
        await old.append(records(topic, "zombie"))
    await new.append(records(topic, "new"))
    assert await committed(one.log, topic, 1) == ["new"]
    await old.close()
    await new.close()


@everywhere
async def test_of_many_that_claim_at_once_only_one_can_write(log: EventLog, fencing: Fencing, place: Place) -> None:
    topic, name = await place.topic(), f"{place.topics.prefix}writer"
    writers = await asyncio.gather(*(fencing.claim(name) for _ in range(5)))
    written = await asyncio.gather(
        *(writer.append(records(topic, str(at))) for at, writer in enumerate(writers)), return_exceptions=True
    )
    assert [type(one) for one in written if one is not None] == [Fenced] * 4
    assert await committed(log, topic, 1) == [str(written.index(None))]
    for writer in writers:
        await writer.close()


@everywhere
async def test_writers_of_different_names_do_not_touch_each_other(
    log: EventLog, fencing: Fencing, place: Place
) -> None:
    topic = await place.topic()
    one, other = await fencing.claim(f"{place.topics.prefix}one"), await fencing.claim(f"{place.topics.prefix}other")
    await one.append(records(topic, "a"))
    await other.append(records(topic, "b"))
    await one.append(records(topic, "c"))
    assert await committed(log, topic, 3) == ["a", "b", "c"]
    await one.close()
    await other.close()


@everywhere
async def test_an_append_that_cannot_be_whole_leaves_nothing(log: EventLog, fencing: Fencing, place: Place) -> None:
    topic = await place.topic()
    writer = await fencing.claim(f"{place.topics.prefix}writer")
    with pytest.raises(TopicMismatch):
        await writer.append([*records(topic, "half"), Record(f"{topic}-absent", b"x")])
    with pytest.raises(EventTooLarge):
        await writer.append([*records(topic, "half"), Record(topic, bytes(SIZE_MAX + 1))])
    await writer.append(records(topic, "whole"))
    assert await committed(log, topic, 1) == ["whole"]
    await writer.close()


@everywhere
async def test_one_append_reaches_several_topics_and_partitions(log: EventLog, fencing: Fencing, place: Place) -> None:
    topics = [await place.topic(partitions=3), await place.topic(cleanup="compact")]
    writer = await fencing.claim(f"{place.topics.prefix}writer")
    await writer.append([Record(topics[0], b"%d" % number, partition=number) for number in range(3)])
    await writer.append([Record(topics[0], b"3", partition=0), Record(topics[1], b"4", b"key")])
    assert sorted(await committed(log, topics[0], 4)) == ["0", "1", "2", "3"]
    assert await committed(log, topics[1], 1) == ["4"]
    await writer.close()


@everywhere
async def test_a_reader_wakes_for_a_fenced_append(log: EventLog, fencing: Fencing, place: Place) -> None:
    topic = await place.topic()
    writer = await fencing.claim(f"{place.topics.prefix}writer")
    reading = asyncio.create_task(log.read(topic, 0, 0, wait_ms=600_000))
    await asyncio.sleep(0.2)
    await writer.append(records(topic, "new"))
    assert [entry.value for entry in await asyncio.wait_for(reading, PATIENCE_SECONDS)] == [b"new"]
    await writer.close()


@everywhere
async def test_a_closed_writer_writes_no_more(log: EventLog, fencing: Fencing, place: Place) -> None:
    topic = await place.topic()
    writer = await fencing.claim(f"{place.topics.prefix}writer")
    await writer.close()
    await writer.close()
    with pytest.raises(Fenced, match="closed; claim it again"):
        await writer.append(records(topic, "x"))
    assert await values(log, topic) == []
