"""What Faust is known to lose, kept: the promises of the agent that never raises, both ways to host it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from streams.cloudevents import Envelope
from streams.errors import BadEvent
from streams.io.faust import FaustEnded, FaustSettings, Retries, Running, event_topic, faust_app, guarded, running
from streams.ports import Entry
from tests.kafka.faust_stage import QUICK, Stage, committed, eventually, eventually_so, numbered, staged
from tests.patience import PATIENCE_SECONDS
from tools.kafka.broker import Broker

pytestmark = pytest.mark.kafka

SHORT = Retries(times=2, first_seconds=0.01)

hosted = pytest.mark.parametrize("threaded", [False, True], ids=["on-our-loop", "on-its-thread"])


@dataclass
class Job:
    """What a test has its agent do, and what came of it."""

    threaded: bool = False
    group: str = "group"
    fails: dict[str, int] = field(default_factory=dict)  # event id → how often its handler raises
    holds: dict[str, asyncio.Event] = field(default_factory=dict)  # event id → what its handler waits for
    letters_fail: bool = False
    tried: list[str] = field(default_factory=list)
    handled: list[str] = field(default_factory=list)
    letters: list[tuple[str, str]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    async def handle(self, event: Envelope, entry: Entry) -> None:
        name = event["id"]
        self.tried.append(name)
        if name in self.holds:
            await self.holds[name].wait()
        if self.fails.get(name, 0) > 0:
            self.fails[name] -= 1
            raise RuntimeError(f"not yet: {name}")
        if name == "bad":
            raise BadEvent("never")
        self.handled.append(name)

    async def letter(self, entry: Entry, error: str) -> None:
        if self.letters_fail:
            raise OSError("full")
        self.letters.append((f"{entry.topic}/{entry.partition}/{entry.offset}", error))


@asynccontextmanager
async def at_work(stage: Stage, job: Job) -> AsyncIterator[Running]:
    """An agent on the changes of this stage."""
    settings = FaustSettings(threaded=job.threaded, commit_seconds=0.1, kafka=QUICK)
    app = faust_app(stage.topics.prefix + job.group, stage.broker, settings)
    topic = event_topic(app, stage.topics.changes.name)
    app.agent(topic, name="job")(guarded(job.handle, job.letter, job.stopped.append, SHORT))
    async with running(app) as faust:
        yield faust


async def place(stage: Stage, job: Job) -> int:
    return (await committed(stage, stage.topics.prefix + job.group, stage.topics.changes.name))[0]


@hosted
async def test_what_does_not_decode_becomes_a_dead_letter_and_the_others_go_on(
    kafka_broker: Broker, threaded: bool
) -> None:
    job = Job(threaded)
    async with staged(kafka_broker.address, "shop") as stage, at_work(stage, job):
        topic = stage.topics.changes.name
        await stage.write(topic, numbered("a"), b"\xff\x00", b"{}", b"", numbered("bad"), numbered("b"))
        await stage.tombstone(topic)
        await stage.write(topic, numbered("c"))
        await eventually(lambda: len(job.handled) == 3)
        await eventually_so(lambda: is_at(stage, job, 8))
    assert job.handled == ["a", "b", "c"]
    assert [origin for origin, _ in job.letters] == [f"{topic}/0/{offset}" for offset in (1, 2, 3, 4, 6)]
    assert [error for _, error in job.letters][3:] == ["never", "the event has no value"]


async def is_at(stage: Stage, job: Job, offset: int) -> bool:
    return await place(stage, job) == offset


@hosted
async def test_a_handler_that_raises_is_tried_again_and_nothing_is_acknowledged_before(
    kafka_broker: Broker, threaded: bool
) -> None:
    gate = asyncio.Event()
    job = Job(threaded, fails={"b": 1, "c": 99}, holds={"b": gate})
    async with staged(kafka_broker.address, "shop") as stage, at_work(stage, job):
        await stage.write(stage.topics.changes.name, numbered("a"), numbered("b"), numbered("c"), numbered("d"))
        await eventually_so(lambda: is_at(stage, job, 1))
        await asyncio.sleep(0.5)  # several commits
        assert await is_at(stage, job, 1)
        gate.set()
        await eventually(lambda: "d" in job.handled)
        await eventually_so(lambda: is_at(stage, job, 4))
    assert job.tried == ["a", "b", "b", "c", "c", "c", "d"]
    assert job.letters == [(f"{stage.topics.changes.name}/0/2", "RuntimeError: not yet: c")]


@hosted
async def test_a_dead_letter_that_cannot_be_written_stops_it_all_and_a_restart_sees_the_event_again(
    kafka_broker: Broker, threaded: bool
) -> None:
    job = Job(threaded, fails={"b": 99}, letters_fail=True)
    again = Job(threaded)
    async with staged(kafka_broker.address, "shop") as stage:
        await stage.write(stage.topics.changes.name, numbered("a"), numbered("b"), numbered("c"))
        async with at_work(stage, job):
            await eventually(lambda: job.stopped)
            await asyncio.sleep(0.5)
        assert await is_at(stage, job, 1)
        async with at_work(stage, again):
            await eventually(lambda: len(again.handled) == 2)
    assert job.handled == ["a"]
    assert "can't be handled (RuntimeError: not yet: b)" in job.stopped[0]
    assert "can't be written: OSError: full" in job.stopped[0]
    assert again.handled == ["b", "c"]


@hosted
async def test_an_event_whose_handler_a_stop_cut_off_comes_again(kafka_broker: Broker, threaded: bool) -> None:
    job, again = Job(threaded, holds={"b": asyncio.Event()}), Job(threaded)
    async with staged(kafka_broker.address, "shop") as stage:
        await stage.write(stage.topics.changes.name, numbered("a"), numbered("b"), numbered("c"))
        async with at_work(stage, job):
            await eventually(lambda: "b" in job.tried)
        assert await is_at(stage, job, 1)
        async with at_work(stage, again):
            await eventually(lambda: len(again.handled) == 2)
    assert (job.handled, again.handled) == (["a"], ["b", "c"])


async def test_an_agent_that_is_cancelled_does_not_go_on_behind_the_event_it_had(kafka_broker: Broker) -> None:
    job = Job(holds={"a": asyncio.Event()})
    async with staged(kafka_broker.address, "shop") as stage, at_work(stage, job) as faust:
        await stage.write(stage.topics.changes.name, numbered("a"), numbered("b"))
        await eventually(lambda: job.tried)
        for actor in faust.app.agents["job"]._actors:
            actor.actor_task.cancel()
        with pytest.raises(FaustEnded, match="was cancelled while it had an event"):
            await asyncio.wait_for(faust.ended(), PATIENCE_SECONDS)
        assert job.handled == []


async def test_an_app_does_not_live_on_without_its_agent(kafka_broker: Broker) -> None:
    job = Job()
    async with staged(kafka_broker.address, "shop") as stage, at_work(stage, job) as faust:
        faust.app.agents.cancel()
        with pytest.raises(FaustEnded, match="the agent's stream ended"):
            await asyncio.wait_for(faust.ended(), PATIENCE_SECONDS)


async def test_a_handler_that_cancels_itself_has_failed_and_no_more(kafka_broker: Broker) -> None:
    job = Job()

    async def cancels_itself(event: Envelope, entry: Entry) -> None:
        await job.handle(event, entry)
        if event["id"] == "a":
            raise asyncio.CancelledError

    async with staged(kafka_broker.address, "shop") as stage:
        app = faust_app(stage.topics.prefix, stage.broker, FaustSettings(kafka=QUICK))
        agent = guarded(cancels_itself, job.letter, job.stopped.append, SHORT)
        app.agent(event_topic(app, stage.topics.changes.name), name="job")(agent)
        async with running(app):
            await stage.write(stage.topics.changes.name, numbered("a"), numbered("b"))
            await eventually(lambda: "b" in job.handled)
    assert job.handled == ["a", "a", "a", "b"]
    assert [error for _, error in job.letters] == ["it was cancelled from within"]


@hosted
async def test_a_backlog_above_every_buffer_is_handled_in_order(kafka_broker: Broker, threaded: bool) -> None:
    job = Job(threaded)
    names = [str(number) for number in range(5_000)]
    async with staged(kafka_broker.address, "shop") as stage:
        await stage.write(stage.topics.changes.name, *map(numbered, names))
        async with at_work(stage, job):
            await eventually(lambda: len(job.handled) >= len(names), 60)
            await eventually_so(lambda: is_at(stage, job, len(names)))
    assert job.handled == names


@hosted
async def test_members_that_come_and_go_lose_nothing(kafka_broker: Broker, threaded: bool) -> None:
    first, second = Job(threaded), Job(threaded)
    names: list[str] = []
    over = asyncio.Event()
    async with staged(kafka_broker.address, "shop") as stage:

        async def publish() -> None:
            while not over.is_set():
                batch = [str(number) for number in range(len(names), len(names) + 20)]
                await stage.spread(stage.topics.changes.name, batch)
                names.extend(batch)
                await asyncio.sleep(0.1)

        publishing = asyncio.create_task(publish())
        async with at_work(stage, first):
            for _ in range(2):
                before = len(second.handled)
                async with at_work(stage, second):  # it stays until something was shared, however slow the group is
                    await eventually(lambda known=before: len(second.handled) > known, 30)  # type: ignore[misc]
            over.set()
            await publishing
            await eventually(lambda: set(first.handled) | set(second.handled) == set(names))
    assert len(first.handled) + len(second.handled) < 2 * len(names)
