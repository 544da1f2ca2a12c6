"""What becomes of events that can't be delivered: said aloud with where they stood, and the others go on."""

import asyncio

import pytest

from sinks.io.delivery import DeliveryStopped, Route
from sinks.ports import Refused
from streams.cloudevents import Envelope
from streams.io.urls import Log
from tests.conformance.logs import Place, everywhere
from tests.conformance.sinks_stage import Kept, Stage, bytes_of, running, until, until_read
from tests.core.sinks_samples import event

in_memory = pytest.mark.parametrize("kind", ["memory"])


@everywhere
async def test_a_poison_event_becomes_a_dead_letter_and_its_domain_hears_of_it(stage: Stage) -> None:
    async def behave(event: Envelope) -> None:
        if event["subject"] == "shop/poison":
            raise ValueError("no such channel")

    kept = Kept(behave)
    [poison] = await stage.materialized("shop/poison", [0])
    async with running(stage.delivery(kept)):
        await until(lambda: stage.counted.count(("test", "retried")) > 5)  # so far, the destination may be down
        sent = await stage.materialized("shop/a", range(3))
        await until(lambda: ("test", "dead") in stage.counted)
        await until_read(stage)
    assert kept.ids == sent
    [letter] = await stage.letters()
    assert letter["type"] == "everfresh.dead.letter.v1"
    assert letter["source"] == "everfresh/sinks/test"
    assert letter["data"]["origin"].startswith(f"{stage.topics.materializations.name}/")
    assert letter["data"]["error"].startswith("sink 'test': gave up after ")
    assert letter["data"]["error"].endswith("ValueError: no such channel")
    assert letter["data"]["key"] == "shop/poison"
    assert f'"{poison}"'.encode() in bytes_of(letter)
    [failed] = await stage.journal()
    assert failed["type"] == "everfresh.delivery.failed.v1"
    assert failed["subject"] == "shop/poison"
    assert (failed["data"]["sink"], failed["data"]["event"]) == ("test", poison)


@everywhere
async def test_what_a_destination_refuses_is_tried_once(stage: Stage) -> None:
    tries = 0

    async def behave(_: Envelope) -> None:
        nonlocal tries
        tries += 1
        raise Refused("HTTP 400")

    await stage.materialized("shop/a", [0])
    async with running(stage.delivery(Kept(behave))):
        await until_read(stage)
    assert tries == 1
    [letter] = await stage.letters()
    assert letter["data"]["error"] == "sink 'test': refused: HTTP 400"


@everywhere
@pytest.mark.parametrize("value", [b"\xff\x00no json", b"[" * 100_000, b"{}", b'{"specversion":"1.0","id":1}'])
async def test_undecodable_bytes_become_a_dead_letter_and_the_next_event_goes_on(stage: Stage, value: bytes) -> None:
    await stage.raw(value)
    sent = await stage.materialized("shop/poison", [1])
    kept = Kept()
    async with running(stage.delivery(kept)):
        await until(lambda: kept.ids == sent)
        await until_read(stage)
    [letter] = await stage.letters()
    assert bytes_of(letter) == value[: 96 * 1024]
    assert letter["data"].get("truncated") == (len(value) > 96 * 1024)
    [failed] = await stage.journal()
    assert failed["subject"] == "shop"
    assert failed["data"]["event"] == letter["data"]["origin"]


@in_memory
async def test_an_event_of_a_domain_that_isnt_there_still_becomes_a_dead_letter(stage: Stage) -> None:
    async def behave(_: Envelope) -> None:
        raise Refused("no")

    for subject in ("nowhere/a", "../x", "shop/b"):
        await stage.materialized(subject, [0])
    async with running(stage.delivery(Kept(behave))) as [task]:
        await until_read(stage)
        assert not task.done()
    assert len(await stage.letters()) == 3
    assert [one["subject"] for one in await stage.journal()] == ["shop/b"]


@everywhere
async def test_a_tombstone_is_let_pass(stage: Stage) -> None:
    await stage.raw(None, b"shop/a")
    sent = await stage.materialized("shop/a", [1])
    kept = Kept()
    async with running(stage.delivery(kept)):
        await until(lambda: kept.ids == sent)
        await until_read(stage)
    assert await stage.letters() == []


@everywhere
async def test_where_dead_letters_cant_be_written_it_stops_with_the_position_unmoved(place: Place, opened: Log) -> None:
    topics = place.topics
    await opened.admin.create([topics.materializations, topics.journal("shop")])
    stage = Stage(opened, topics)
    await stage.raw(b"poison")
    before = stage.delivery(Kept())
    with pytest.raises(DeliveryStopped, match="the dead letters can't be written"):
        await before.run(asyncio.Event())
    assert (before.trouble() or "").startswith("stopped: ")
    assert await stage.left() == 1
    await opened.admin.create([topics.dead_letters])
    async with running(stage.delivery(Kept())):
        await until_read(stage)
    assert [bytes_of(letter) for letter in await stage.letters()] == [b"poison"]


@in_memory
async def test_a_dead_letter_waits_for_a_log_that_is_away_for_a_moment(stage: Stage) -> None:
    async def behave(_: Envelope) -> None:
        stage.moody.unwritable = True
        raise Refused("no")

    await stage.materialized("shop/a", [0])
    async with running(stage.delivery(Kept(behave))):
        await until(lambda: stage.moody.unwritable)
        await asyncio.sleep(0.3)
        stage.moody.unwritable = False
        await until_read(stage)
    assert len(await stage.letters()) == 1


@in_memory
async def test_a_dead_letter_that_is_never_taken_stops_it_with_the_position_unmoved(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.io.delivery._LETTER_WAITS", (0.01, 0.01))
    await stage.raw(b"poison")
    stage.moody.unwritable = True
    with pytest.raises(DeliveryStopped, match=r"dead-letters\.v1 can't be written: not enough replicas"):
        await stage.delivery(Kept()).run(asyncio.Event())
    assert await stage.left() == 1


@everywhere
async def test_entries_that_were_trimmed_away_unread_are_announced(stage: Stage) -> None:
    await stage.materialized("shop/a", [0])
    async with running(stage.delivery(Kept())):
        await until(lambda: bool(stage.counted))
        await until_read(stage)
    sent = await stage.materialized("shop/a", range(1, 6))
    name = stage.topics.materializations.name
    [place] = [one for one, (first, end) in (await stage.log.log.bounds(name)).items() if end > first]
    await stage.log.trim(name, place, 4)
    kept = Kept()
    async with running(stage.delivery(kept)):
        await until(lambda: kept.ids == sent[3:])
        await until_read(stage)
    [letter] = await stage.letters()
    assert letter["data"]["origin"] == f"{name}/{place}/1-3"
    assert "3 entries were trimmed away" in letter["data"]["error"]
    assert ("test", "missed") in stage.counted


@in_memory
async def test_a_topic_that_ends_before_the_position_stops_it(stage: Stage) -> None:
    name = stage.topics.materializations.name
    before = await stage.log.log.subscribe(stage.topics.group("sink-test"), [name])
    await before.commit({(name, 2): 99})
    await before.close()
    with pytest.raises(DeliveryStopped, match="made anew or cut short"):
        await stage.delivery(Kept()).run(asyncio.Event())


@in_memory
async def test_a_dead_letter_that_cant_be_delivered_begets_no_other(stage: Stage) -> None:
    async def behave(_: Envelope) -> None:
        raise Refused("no")

    letters = stage.topics.dead_letters.name
    await stage.raw(b"poison", topic=letters)
    await stage.send(event("dead.letter"))
    async with running(stage.delivery(Kept(behave), route=Route("test", (letters,)))):
        await until(lambda: stage.counted == [("test", "dead")] * 2)
        await asyncio.sleep(0.3)
    assert sum(end for _, end in (await stage.log.log.bounds(letters)).values()) == 2
    assert await stage.journal() == []
