"""What users get by `everfresh.agents`: their own function on our topics, typed, and nothing lost."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from everfresh import App
from everfresh.agents import Agents, AgentSettings, Received, agents
from streams.cloudevents import decode, encode, envelope
from streams.errors import DefinitionError, SettingError
from streams.events import Alert, AlertOpened, AlertResolved, FreshnessChanged
from streams.io.faust import Retries
from tests.kafka.faust_stage import QUICK, Stage, eventually, numbered, staged
from tests.patience import PATIENCE_SECONDS
from tools.kafka.broker import Broker

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).resolve().parent.parent.parent


def alert(kind: type[Alert], summary: str) -> Alert:
    return kind(
        fingerprint="f",
        episode=1,
        sequence=1,
        rule="freshness.overdue",
        severity="error",
        asset="shop/revenue",
        owner=None,
        summary=summary,
        since=0,
    )


def made(stage: Stage, name: str = "pager") -> Agents:
    settings = AgentSettings(stage.topics, retries=Retries(times=1, first_seconds=0.01), kafka=QUICK)
    return agents(App("shop"), f"kafka://{stage.broker}", name, settings)


async def test_an_agent_gets_typed_alerts_from_when_it_was_started(kafka_broker: Broker) -> None:
    got: list[Alert] = []
    async with staged(kafka_broker.address, "shop") as stage:
        alerts = stage.topics.alerts.name
        await stage.say(alerts, alert(AlertOpened, "before"), "f")
        pager = made(stage)

        @pager.agent(pager.topic("alerts"))
        async def page(received: Received[Alert]) -> None:
            assert received.envelope["subject"] == "f"
            got.append(received.event)

        async with pager.running():
            await stage.say(alerts, alert(AlertOpened, "late"), "f")
            await stage.write(alerts, numbered("of a kind that a newer everfresh says"))
            await stage.say(alerts, alert(AlertResolved, "in time again"), "f")
            await eventually(lambda: len(got) == 2)
        assert [(type(one), one.summary) for one in got] == [(AlertOpened, "late"), (AlertResolved, "in time again")]
        assert page.__name__ == "page"


async def test_what_an_agent_fails_on_is_a_dead_letter_that_names_it(kafka_broker: Broker) -> None:
    got: list[str] = []
    async with staged(kafka_broker.address, "shop") as stage:
        alerts = stage.topics.alerts.name
        pager = made(stage)

        @pager.agent(pager.topic("alerts"))
        async def page(received: Received[Alert]) -> None:
            if received.event.summary == "a":
                raise RuntimeError("no network")
            got.append(received.event.summary)

        misfit = envelope(alert(AlertOpened, "x"), "x", "tests", "f", 0)
        misfit["data"]["episode"] = "first"
        async with pager.running():
            await stage.write(alerts, b"[]", encode(misfit))
            await stage.say(alerts, alert(AlertOpened, "a"), "f")
            await stage.say(alerts, alert(AlertOpened, "b"), "f")
            await eventually(lambda: got)
        letters = [decode(one.value)["data"] for one in await stage.read(stage.topics.dead_letters.name)]
    assert got == ["b"]
    assert sorted(one["origin"][-2:] for one in letters) == ["/0", "/1", "/2"]
    assert all("everfresh-agents-shop-pager" in one["error"] for one in letters)
    assert sum("no network" in one["error"] for one in letters) == 1


async def test_an_agent_on_a_topic_of_states_is_told_which_are_gone(kafka_broker: Broker) -> None:
    told: list[Any] = []
    async with staged(kafka_broker.address, "shop") as stage:
        board = made(stage, "board")

        async def gone(key: str) -> None:
            told.append(key)

        @board.agent(board.topic("freshness"), gone=gone)
        async def show(received: Received[FreshnessChanged]) -> None:
            told.append(received.event.verdict)

        said = FreshnessChanged(
            asset="shop/revenue", verdict="stale", previous=None, lag_seconds=1, promise_seconds=None,
            stale_since=None, due_at=None, reason="tests",
        )  # fmt: skip
        async with board.running():
            await stage.transaction(stage.topics.freshness.name, encode(envelope(said, "1", "t", "a", 0)), commit=False)
            await stage.transaction(stage.topics.freshness.name, encode(envelope(said, "2", "t", "a", 0)), commit=True)
            await stage.tombstone(stage.topics.freshness.name)
            await eventually(lambda: len(told) == 2)
    assert told == ["stale", "key"]


async def test_a_stop_waits_for_the_event_that_is_being_handled(kafka_broker: Broker) -> None:
    began, done = asyncio.Event(), []
    async with staged(kafka_broker.address, "shop") as stage:
        pager = made(stage)

        @pager.agent(pager.topic("alerts"))
        async def page(received: Received[Alert]) -> None:
            began.set()
            await asyncio.sleep(1)
            done.append(received.event.summary)

        stop = asyncio.Event()
        serving = asyncio.create_task(pager.serve(stop))
        await eventually(lambda: pager.faust.started and pager.faust.places and not pager.faust.rebalancing)
        await stage.say(stage.topics.alerts.name, alert(AlertOpened, "a"), "f")
        await stage.say(stage.topics.alerts.name, alert(AlertOpened, "b"), "f")
        await asyncio.wait_for(began.wait(), PATIENCE_SECONDS)
        stop.set()
        await serving
    assert done == ["a"]


def test_a_second_agent_would_share_the_consumer_and_is_refused() -> None:
    pager = agents("shop", "kafka://localhost", "pager")

    async def handle(_received: Received[Alert]) -> None: ...

    pager.agent(pager.topic("alerts"))(handle)
    with pytest.raises(DefinitionError, match="has an agent already"):
        pager.agent(pager.topic("alerts"))
    assert pager.faust._loop is None


def test_what_makes_no_sense_is_said_in_one_sentence() -> None:
    with pytest.raises(SettingError, match="agents work on Kafka"):
        agents("shop", "sqlite:log.db", "pager")
    with pytest.raises(DefinitionError, match="'a/b' is no name"):
        agents("shop", "kafka://localhost", "a/b")
    with pytest.raises(DefinitionError, match="there is no topic 'alert' for agents; there are alerts"):
        agents("shop", "kafka://localhost", "pager").topic("alert")  # type: ignore[call-overload]


async def test_the_example_in_the_modules_docstring_runs(kafka_broker: Broker, tmp_path: Path) -> None:
    import everfresh.agents as module

    assert module.__doc__ is not None
    lines = [line[4:] for line in module.__doc__.splitlines() if line.startswith("    ") or not line]
    async with staged(kafka_broker.address, prefix="everfresh.") as stage:
        await stage.create(*stage.topics.shared())
        program = tmp_path / "pager.py"
        program.write_text("\n".join(lines).replace("localhost:9092", kafka_broker.address))
        process = subprocess.Popen([sys.executable, "-u", str(program)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            said = asyncio.create_task(asyncio.to_thread(process.stdout.readline))  # type: ignore[union-attr]
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not said.done():  # it hears what comes after its start, and when that is it doesn't say
                    await stage.say(stage.topics.alerts.name, alert(AlertOpened, "late"), "f")
                    await asyncio.sleep(0.2)
            assert said.result() == "everfresh.alert.opened.v1 error shop/revenue late\n"
            process.terminate()
            assert await asyncio.to_thread(process.wait, PATIENCE_SECONDS) == 0
        finally:
            process.kill()
            process.wait()
            process.stdout.close()  # type: ignore[union-attr]
