"""What every destination is promised: nothing lost, nothing out of its key's order, nobody held up by somebody else."""

import asyncio
import random

import pytest

from sinks.io.attempts import Manner
from sinks.io.lanes import Room
from sinks.ports import Retry
from sinks.retries import Retries
from streams.cloudevents import Envelope
from tests.conformance.logs import Place, everywhere
from tests.conformance.sinks_stage import QUICK, Kept, Stage, running, until, until_read
from tests.patience import PATIENCE_SECONDS

in_memory = pytest.mark.parametrize("kind", ["memory"])


@everywhere
async def test_each_event_is_delivered_and_then_the_position_moves(stage: Stage) -> None:
    sent = await stage.materialized("shop/a", range(20))
    kept = Kept()
    async with running(stage.delivery(kept)):
        await until(lambda: len(kept.got) == 20)
        await until_read(stage)
    assert kept.ids == sent
    assert kept.closed
    assert set(stage.counted) == {("test", "delivered")}


@everywhere
async def test_nothing_is_lost_while_a_destination_is_down_for_a_while(stage: Stage) -> None:
    down = True

    async def behave(_: Envelope) -> None:
        if down:
            raise ConnectionError("refused")

    kept = Kept(behave)
    sent = [await stage.materialized(f"shop/{asset}", range(5)) for asset in "abc"]
    async with running(stage.delivery(kept, manner=Manner(QUICK, at_once=2))):
        await until(lambda: len(stage.counted) > 30)  # many more failures than one event's attempts
        sent.append(await stage.materialized("shop/d", range(5)))
        down = False
        await until(lambda: len(kept.got) == 20)
        await until_read(stage)
    assert [kept.of(f"shop/{asset}") for asset in "abcd"] == sent
    assert await stage.letters() == []


@in_memory
async def test_what_waits_for_a_destination_is_tried_as_soon_as_that_takes_anything(stage: Stage) -> None:
    down = True

    async def behave(_: Envelope) -> None:
        if down:
            raise ConnectionError("refused")

    kept = Kept(behave)
    patient = Retries(first_ms=600_000, longest_ms=600_000)
    sent = [await stage.materialized(f"shop/{asset}", range(2)) for asset in "abc"]
    delivery = stage.delivery(kept, manner=Manner(patient))
    async with running(delivery):
        await until(lambda: stage.counted.count(("test", "retried")) == 3)
        assert delivery.failing() == "ConnectionError: refused"
        down = False
        sent.append(await stage.materialized("shop/d", range(1)))
        await until(lambda: len(kept.got) == 7)
        assert delivery.failing() is None
    assert [kept.of(f"shop/{asset}") for asset in "abcd"] == sent


class Choosy(Kept):
    """Lets pass what is about "shop/other"."""

    async def lets_pass(self, envelope: Envelope) -> bool:
        return bool(envelope["subject"] == "shop/other")


@in_memory
async def test_what_is_let_pass_says_nothing_of_whether_a_destination_is_up(stage: Stage) -> None:
    down = True

    async def behave(_: Envelope) -> None:
        if down:
            raise ConnectionError("refused")

    kept = Choosy(behave)
    sent = await stage.materialized("shop/a", [0])
    async with running(stage.delivery(kept)):
        for offset in range(20):  # five times as many failures as an event of its own fault is allowed
            await stage.materialized("shop/other", [offset])
            await until(lambda at=offset: stage.counted.count(("test", "retried")) > at)  # type: ignore[misc]
        down = False
        await until(lambda: kept.ids == sent)
    assert stage.counted.count(("test", "passed")) == 20
    assert await stage.letters() == []


@in_memory
async def test_others_are_delivered_while_a_poison_event_is_still_being_tried(stage: Stage) -> None:
    async def behave(event: Envelope) -> None:
        if event["subject"] == "shop/poison":
            raise ValueError("no")

    kept = Kept(behave)
    [first, second] = await stage.materialized("shop/poison", range(2))
    sent = await stage.materialized("shop/a", range(50))
    slow = Retries(attempts=50, first_ms=2_000, longest_ms=2_000)
    async with running(stage.delivery(kept, manner=Manner(slow))):
        await until(lambda: len(kept.got) == 50)
        assert kept.of("shop/a") == sent
        assert stage.counted.count(("test", "retried")) == 1
        topic = stage.topics.materializations.name
        stands = await stage.log.admin.positions(stage.topics.group("sink-test"), topic)
        assert 0 in stands.values()  # before the poison one
    assert {first, second}.isdisjoint(kept.ids)


@everywhere
async def test_each_key_keeps_its_order_however_deliveries_fail(stage: Stage) -> None:
    dice = random.Random(7)

    async def behave(_: Envelope) -> None:
        await asyncio.sleep(dice.random() / 200)
        if dice.random() < 0.4:
            raise Retry("busy")

    kept = Kept(behave)
    sent = {f"shop/{asset}": await stage.materialized(f"shop/{asset}", range(15)) for asset in "abcdef"}
    async with running(stage.delivery(kept)):
        await until(lambda: len(kept.got) == 90)
    assert {subject: kept.of(subject) for subject in sent} == sent


class Crash(BaseException):
    """The process is gone: nothing catches this."""


@everywhere
async def test_a_crash_between_deliver_and_commit_repeats_with_the_same_id(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: object) -> None:
        if len(kept.got) == 3:
            raise Crash

    sent, kept = await stage.materialized("shop/a", range(3)), Kept()
    monkeypatch.setattr("sinks.io.delivery._commit", crash)
    with pytest.raises(Crash):
        await stage.delivery(kept).run(asyncio.Event())
    assert kept.ids == sent
    monkeypatch.undo()
    async with running(stage.delivery(kept)):
        await until(lambda: len(kept.got) == 6)
        await until_read(stage)
    assert kept.ids == sent + sent


@everywhere
async def test_a_slow_destination_holds_nobody_else_up(stage: Stage) -> None:
    release = asyncio.Event()

    async def behave(_: Envelope) -> None:
        await release.wait()

    slow, quick = Kept(behave), Kept()
    sent = await stage.materialized("shop/a", range(30))
    async with running(stage.delivery(slow, "slow"), stage.delivery(quick, "quick")):
        await until(lambda: quick.ids == sent)
        await until_read(stage, "quick")
        assert slow.got == []
        release.set()
        await until(lambda: slow.ids == sent)


@in_memory
async def test_a_destination_that_asks_for_a_pause_gets_it_from_every_key(stage: Stage) -> None:
    loop, calls = asyncio.get_running_loop(), []

    async def behave(_: Envelope) -> None:
        calls.append(loop.time())
        if len(calls) == 1:
            raise Retry("HTTP 429", after_ms=400)

    kept = Kept(behave)
    for asset in "abcdef":
        await stage.materialized(f"shop/{asset}", [0])
    async with running(stage.delivery(kept, manner=Manner(QUICK, at_once=1))):
        await until(lambda: len(kept.got) == 6)
    assert calls[1] - calls[0] >= 0.39


@in_memory
async def test_a_call_that_never_returns_is_a_failure(stage: Stage) -> None:
    tries = 0

    async def behave(_: Envelope) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            await asyncio.Event().wait()

    sent, kept = await stage.materialized("shop/a", [0]), Kept(behave)
    async with running(stage.delivery(kept, manner=Manner(QUICK, try_ms=30))):
        await until(lambda: kept.ids == sent)


@in_memory
async def test_no_more_calls_are_out_at_once_than_was_said(stage: Stage) -> None:
    out = most = 0

    async def behave(_: Envelope) -> None:
        nonlocal out, most
        out += 1
        most = max(most, out)
        await asyncio.sleep(0.002)
        out -= 1

    kept = Kept(behave)
    for asset in range(30):
        await stage.materialized(f"shop/{asset}", [0])
    async with running(stage.delivery(kept, manner=Manner(QUICK, at_once=3))):
        await until(lambda: len(kept.got) == 30)
    assert most == 3


@in_memory
async def test_it_is_called_no_oftener_than_was_said(stage: Stage) -> None:
    loop, calls = asyncio.get_running_loop(), []

    async def behave(_: Envelope) -> None:
        calls.append(loop.time())

    kept = Kept(behave)
    for asset in range(6):
        await stage.materialized(f"shop/{asset}", [0])
    async with running(
        stage.delivery(kept, manner=Manner(QUICK, per_minute=600 / 19))
    ):  # three, and then one each 1.9 s
        await until(lambda: len(kept.got) == 6)
    assert calls[5] - calls[0] >= 3 * 1.9 - 0.01


@in_memory
async def test_what_is_let_pass_takes_nobodys_turn(stage: Stage) -> None:
    kept = Choosy()
    sent = []
    for asset in range(40):
        await stage.materialized("shop/other", [asset])
        sent += await stage.materialized("shop/a", [asset]) if asset < 3 else []
    async with running(
        stage.delivery(kept, manner=Manner(QUICK, at_once=1, per_minute=30))
    ):  # three, and then one a 2 s
        await until(lambda: kept.ids == sent and stage.counted.count(("test", "passed")) == 40)


@in_memory
async def test_it_holds_no_more_events_than_was_said(stage: Stage) -> None:
    called: list[Envelope] = []
    release = asyncio.Event()

    async def behave(event: Envelope) -> None:
        called.append(event)
        await release.wait()

    kept = Kept(behave)
    for asset in range(100):
        await stage.materialized(f"shop/{asset}", [0])
    manner = Manner(QUICK, at_once=1_000)
    async with running(stage.delivery(kept, manner=manner, room=Room(unfinished=10))):
        await asyncio.sleep(0.3)
        assert len(called) == 10
        release.set()
        await until(lambda: len(kept.got) == 100)


@in_memory
async def test_a_crash_repeats_no_more_events_than_was_said(stage: Stage) -> None:
    async def behave(event: Envelope) -> None:
        if event["subject"] == "shop/stuck":
            await release.wait()

    release, kept = asyncio.Event(), Kept(behave)
    await stage.materialized("shop/stuck", [0])
    for asset in range(400):
        await stage.materialized(f"shop/{asset}", [0])
    async with running(stage.delivery(kept, room=Room(span=40))):
        await asyncio.sleep(0.5)
        assert await stage.left() - (400 - len(kept.got)) <= 40
        release.set()
        await until(lambda: len(kept.got) == 401)


@everywhere
async def test_stopping_finishes_the_call_that_is_out_and_waits_for_no_retry(stage: Stage) -> None:
    started = asyncio.Event()

    async def behave(event: Envelope) -> None:
        if event["subject"] == "shop/down":
            raise ConnectionError("down")
        started.set()
        await asyncio.sleep(1)

    kept = Kept(behave)
    await stage.materialized("shop/down", [0])
    sent = await stage.materialized("shop/a", range(2))
    patient = Retries(first_ms=60_000, longest_ms=60_000)
    async with running(stage.delivery(kept, manner=Manner(patient)), grace_seconds=PATIENCE_SECONDS):
        await until(started.is_set)
    assert kept.ids == sent[:1]
    assert await stage.left() == 2


@everywhere
async def test_two_processes_share_a_destination_and_nothing_is_lost_when_one_leaves(
    stage: Stage, place: Place
) -> None:
    other = Stage(await place.open(), stage.topics)
    kept, kept_too = Kept(), Kept()
    sent = {f"shop/{asset}": await stage.materialized(f"shop/{asset}", range(10)) for asset in "abcdefgh"}
    async with running(stage.delivery(kept)):
        async with running(other.delivery(kept_too)):
            await until(lambda: len({*kept.ids, *kept_too.ids}) == 80)
            for subject in sent:
                sent[subject] += await stage.materialized(subject, range(10, 20))
        await until(lambda: len({*kept.ids, *kept_too.ids}) == 160)
        await until_read(stage)
    for subject, ids in sent.items():
        assert list(dict.fromkeys(kept_too.of(subject) + kept.of(subject))) in (ids, ids[10:] + ids[:10])


@in_memory
async def test_an_unreachable_log_is_waited_for(stage: Stage) -> None:
    kept = Kept()
    delivery = stage.delivery(kept)
    assert delivery.trouble() is not None
    stage.moody.away = True
    async with running(delivery):
        await until(lambda: delivery.trouble() == "the broker is away")
        stage.moody.away = False
        sent = await stage.materialized("shop/a", range(3))
        await until(lambda: kept.ids == sent)
        await until(lambda: delivery.trouble() is None)
        stage.moody.away = True
        await until(lambda: delivery.trouble() is not None)
        stage.moody.away = False
        sent += await stage.materialized("shop/a", range(3, 6))
        await until(lambda: list(dict.fromkeys(kept.ids)) == sent)
