"""What the one Faust app factory keeps to: it starts beside others, takes nothing over, begins where it was told."""

import asyncio
import gc
import logging
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from streams.cloudevents import Envelope
from streams.errors import Gap, LogUnavailable, TopicMismatch
from streams.io.faust import EventApp, FaustEnded, FaustSettings, Running, event_topic, faust_app, guarded, running
from streams.io.faust_positions import Start
from streams.io.kafka_settings import KafkaSettings
from streams.ports import Entry
from tests.kafka.faust_stage import QUICK, Stage, committed, eventually, numbered, staged
from tests.patience import PATIENCE_SECONDS
from tools.kafka.broker import Broker, free_port

pytestmark = pytest.mark.kafka

hosted = pytest.mark.parametrize("threaded", [False, True], ids=["on-our-loop", "on-its-thread"])

ROOT = Path(__file__).resolve().parent.parent.parent


def counting(bootstrap: str, topic: str, settings: FaustSettings, group: str = "group") -> tuple[EventApp, list[str]]:
    """An app whose agent writes down the ids of what it gets."""
    app, seen = faust_app(f"{topic}.{group}", bootstrap, settings), []

    async def see(event: Envelope, _entry: Entry) -> None:
        seen.append(event["id"])

    async def letter(_entry: Entry, error: str) -> None:
        raise AssertionError(error)

    app.agent(event_topic(app, topic), name="counting")(guarded(see, letter, app.give_up))
    return app, seen


@asynccontextmanager
async def reading(stage: Stage, start: Start, kafka: KafkaSettings = QUICK) -> AsyncIterator[tuple[Running, list[str]]]:
    app, seen = counting(stage.broker, stage.topics.changes.name, FaustSettings(start, kafka=kafka))
    async with running(app) as faust:
        yield faust, seen


@hosted
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_an_app_made_before_there_is_a_loop_runs_on_any_beside_other_tasks(
    kafka_broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: object, threaded: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    topic = f"t{time.monotonic_ns()}.changes.v1"
    app, seen = counting(kafka_broker.address, topic, FaustSettings(threaded=threaded, kafka=QUICK))
    assert app._loop is None
    taken_over = list(logging.root.handlers), logging.root.level, signal.getsignal(signal.SIGTERM)
    ticks = []

    async def tick() -> None:
        while True:
            ticks.append(time.monotonic())
            await asyncio.sleep(0.005)

    async def main() -> None:
        async with staged(kafka_broker.address, prefix=topic.removesuffix("changes.v1")) as stage:
            before = asyncio.all_tasks()
            await stage.create(stage.topics.changes)
            ticking = asyncio.create_task(tick())
            async with running(app):
                await stage.write(topic, numbered("a"))
                await eventually(lambda: seen)
            ticking.cancel()
            await asyncio.wait([ticking])
            await eventually(lambda: len(asyncio.all_tasks()) <= len(before) + 3)  # those of the log's own producer

    run(main())  # type: ignore[operator]
    assert seen == ["a"]
    assert len(ticks) > 3
    assert list(tmp_path.iterdir()) == []  # Faust makes a folder of data, named after the app
    assert (list(logging.root.handlers), logging.root.level, signal.getsignal(signal.SIGTERM)) == taken_over


async def test_a_new_group_begins_where_it_is_told_and_an_old_one_where_it_was(kafka_broker: Broker) -> None:
    async with staged(kafka_broker.address, "shop") as stage:
        topic = stage.topics.changes.name
        await stage.write(topic, *map(numbered, "ab"))
        async with reading(stage, "latest") as (_, seen):
            await stage.write(topic, numbered("c"))
            await eventually(lambda: seen)
        assert seen == ["c"]
        async with reading(stage, "earliest") as (_, seen):
            await stage.write(topic, numbered("d"))
            await eventually(lambda: seen)
        assert seen == ["d"]
        starts: dict[str, Start] = {"abcd": "earliest", "bcd": {(topic, 0): 1}}
        for expected, start in starts.items():
            app, seen = counting(stage.broker, topic, FaustSettings(start, kafka=QUICK), f"from-{expected}")
            async with running(app):
                await eventually(lambda: "d" in seen)  # noqa: B023
            assert seen == list(expected)


async def test_what_comes_between_a_start_from_the_end_and_the_first_commit_is_not_skipped(
    kafka_broker: Broker,
) -> None:
    async with staged(kafka_broker.address, "shop") as stage:
        topic = stage.topics.changes.name
        await stage.write(topic, numbered("before"))
        async with reading(stage, "latest"):
            pass
        await stage.write(topic, numbered("between"))
        async with reading(stage, "latest") as (_, seen):
            await eventually(lambda: seen)
        assert seen == ["between"]


async def test_a_position_that_was_trimmed_away_is_said_and_not_skipped(kafka_broker: Broker) -> None:
    async with staged(kafka_broker.address, "shop") as stage:
        topic = stage.topics.changes.name
        await stage.write(topic, *map(numbered, "abc"))
        async with reading(stage, {(topic, 0): 1}) as (_, seen):
            await eventually(lambda: len(seen) == 2)
        await stage.write(topic, *map(numbered, "def"))
        await stage.log.trim(topic, 0, 5)
        with pytest.raises(Gap, match=r"has no entry 3 any more \(it keeps 5 to 5\)"):
            async with reading(stage, "earliest"):
                pass


async def test_a_group_whose_members_read_other_topics_is_not_given_positions_over_their_heads(
    kafka_broker: Broker,
) -> None:
    async with staged(kafka_broker.address, "shop") as stage, reading(stage, "earliest") as (faust, _):
        other = faust_app(faust.app.group, stage.broker, FaustSettings(kafka=QUICK))
        other.agent(event_topic(other, stage.topics.alerts.name), name="other")(
            guarded(nothing, nothing, other.give_up)
        )
        with pytest.raises(LogUnavailable, match=r"has members that don't read .*alerts\.v1"):
            async with running(other):
                pass


async def nothing(*_: object) -> None: ...


async def test_an_app_that_is_told_so_can_produce(kafka_broker: Broker) -> None:
    async with staged(kafka_broker.address, "shop") as stage:
        app, _ = counting(stage.broker, stage.topics.changes.name, FaustSettings(produces=True, kafka=QUICK))
        async with running(app):
            sent = await event_topic(app, stage.topics.alerts.name).send(key=b"k", value=b"v")
            assert (await sent).offset == 0
        assert [(one.key, one.value) for one in await stage.read(stage.topics.alerts.name)] == [(b"k", b"v")]


async def test_a_missing_topic_is_named_and_not_made(kafka_broker: Broker) -> None:
    async with staged(kafka_broker.address) as stage:
        with pytest.raises(TopicMismatch, match=r"changes\.v1 is missing"):
            async with reading(stage, "earliest"):
                pass
        assert await stage.log.check([stage.topics.changes]) != []


@hosted
async def test_a_broker_that_cannot_be_reached_is_said_soon_and_nothing_is_left_behind(threaded: bool) -> None:
    app, _ = counting(f"127.0.0.1:{free_port()}", "t", FaustSettings(threaded=threaded, kafka=QUICK))
    before = len(asyncio.all_tasks())
    began = time.monotonic()
    with pytest.raises(LogUnavailable, match="can't be reached"):
        async with running(app):
            pass
    assert time.monotonic() - began < 2 * QUICK.deadline_ms / 1_000
    assert len(asyncio.all_tasks()) == before
    del app
    gc.collect()  # an open socket or loop would be told here, and fail the test


async def test_an_app_that_hangs_without_a_word_is_noticed(kafka_broker: Broker) -> None:
    impatient = KafkaSettings(session_timeout_ms=6_000, starving_ms=2_000)
    async with staged(kafka_broker.address, "shop") as stage, reading(stage, "earliest", impatient) as (faust, _):
        ended = asyncio.create_task(faust.ended())
        await asyncio.sleep(5)
        assert not ended.done()  # nothing came because there was nothing
        faust.app.consumer.stop_flow()
        await asyncio.sleep(3)
        await stage.write(stage.topics.changes.name, *map(numbered, "ab"))
        with pytest.raises(FaustEnded, match="got nothing for 2 s; it is 2 behind"):
            await asyncio.wait_for(ended, PATIENCE_SECONDS)


async def test_a_process_that_is_killed_again_and_again_loses_nothing(kafka_broker: Broker, tmp_path: Path) -> None:
    names = [str(number) for number in range(600)]
    handled = tmp_path / "handled"
    handled.touch()
    async with staged(kafka_broker.address, "shop") as stage:
        topic = stage.topics.changes.name
        await stage.write(topic, *map(numbered, names))
        command = [sys.executable, "-m", "tests.kafka.faust_victim", kafka_broker.address, topic, str(handled)]
        for _ in range(3):
            lines = len(handled.read_text().split())
            victim = subprocess.Popen(command, cwd=ROOT)
            await eventually(lambda: len(handled.read_text().split()) >= lines + 100)  # noqa: B023
            victim.kill()
            victim.wait()
        victim = subprocess.Popen(command, cwd=ROOT)
        await eventually(lambda: set(handled.read_text().split()) == set(names))
        victim.terminate()
        victim.wait()
        written = handled.read_text().split()
        assert (await committed(stage, f"{topic}.victims", topic))[0] <= len(names)
    print(f"{len(written) - len(names)} repeats of {len(names)} after 3 kills")
