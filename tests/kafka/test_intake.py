"""What a worker can rely on: it hears what names it from when it says it listens, whatever happens to Kafka."""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from reactors.io.intake import Hands, Intake, Wire
from streams.cloudevents import decode, encode, envelope
from streams.errors import LogUnavailable, TopicMismatch
from streams.events import RunCancelled, RunGranted
from streams.io.faust import GivenUp, Retries
from streams.ports import Record
from tests.kafka.faust_stage import QUICK, Stage, a_grant, eventually, eventually_so, staged
from tests.patience import PATIENCE_SECONDS
from tools.kafka.broker import Broker

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).resolve().parent.parent.parent
SHORT = Retries(times=2, first_seconds=0.01)


@pytest.fixture(scope="module")
def own_broker(kafka_broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One that may be harmed; `kafka_broker` only says whether there can be one here."""
    with Broker(directory=tmp_path_factory.mktemp("broker")) as own:
        yield own


@dataclass
class Worker:
    """Takes what its intake hands over, and remembers."""

    taken: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    fails: int = 0

    async def take(self, one: RunGranted) -> None:
        if self.fails:
            self.fails -= 1
            raise RuntimeError("no room")
        self.taken.append(one.run)

    async def cancel(self, one: RunCancelled) -> None:
        self.cancelled.append(one.run)

    @property
    def hands(self) -> Hands:
        return Hands(self.take, self.cancel)


@asynccontextmanager
async def listening(stage: Stage, worker: Worker, name: str = "w1", log: Any = None) -> AsyncIterator[Intake]:
    """An intake that is ready; it is stopped in good order afterwards."""
    wire = Wire(stage.broker, log or stage.log, stage.topics, QUICK, SHORT)
    intake = Intake(name, ["shop"], worker.hands, wire)
    stop = asyncio.Event()
    running = asyncio.create_task(intake.run(stop))
    try:
        await _ready(intake, running)
        yield intake
    finally:
        stop.set()
        await running


async def _ready(intake: Intake, running: "asyncio.Task[None]") -> None:
    waiting = asyncio.create_task(intake.ready())
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.wait([waiting, running], return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        waiting.cancel()
        await running


async def give(stage: Stage, *runs: str, worker: str = "w1") -> None:
    for run in runs:
        await stage.say(stage.topics.runs("shop").name, a_grant(run, worker), worker)


async def given(stage: Stage, run: str) -> None:
    """Give it, again and again until the broker acknowledges it."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            with contextlib.suppress(LogUnavailable):
                return await give(stage, run)


async def has_taken(worker: Worker, run: str) -> None:
    await eventually(lambda: run in worker.taken)


async def test_a_worker_takes_its_grants_and_cancels_in_order_and_nobody_elses(kafka_broker: Broker) -> None:
    worker = Worker()
    async with staged(kafka_broker.address, "shop") as stage, listening(stage, worker):
        await give(stage, "a")
        await give(stage, "x", worker="w2")
        cancel = RunCancelled(run="a", asset="shop/revenue", attempt=1, worker="w1", basis=1, reason="tests")
        await stage.say(stage.topics.runs("shop").name, cancel, "w1")
        await give(stage, "b")
        await eventually(lambda: len(worker.taken) == 2)
        assert (worker.taken, worker.cancelled) == (["a", "b"], ["a"])


async def test_a_new_worker_does_not_run_what_was_granted_before_it_listened(kafka_broker: Broker) -> None:
    worker, next_one = Worker(), Worker()
    async with staged(kafka_broker.address, "shop") as stage:
        await give(stage, "retained-1", "retained-2")
        async with listening(stage, worker):
            await give(stage, "mine")
            await eventually(lambda: worker.taken)
        await give(stage, "between")
        async with listening(stage, next_one):
            await give(stage, "its")
            await eventually(lambda: next_one.taken)
        assert (worker.taken, next_one.taken) == (["mine"], ["its"])


async def test_a_worker_leaves_no_consumer_group_behind(kafka_broker: Broker) -> None:
    async with staged(kafka_broker.address, "shop") as stage:
        async with listening(stage, Worker(), "tidy"):
            assert await groups_of(stage, "tidy")
        await eventually_so(lambda: no_groups_of(stage, "tidy"))


async def groups_of(stage: Stage, worker: str) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=stage.broker)
    await admin.start()
    try:
        groups = [name for name, *_ in await admin.list_consumer_groups()]
        return [name for name in groups if name.startswith(stage.topics.group(f"worker-{worker}-"))]
    finally:
        await admin.close()


async def no_groups_of(stage: Stage, worker: str) -> bool:
    return not await groups_of(stage, worker)


async def test_a_grant_given_in_the_moment_of_ready_is_taken(kafka_broker: Broker) -> None:
    async with staged(kafka_broker.address, "shop") as stage:
        for number in range(3):
            worker = Worker()
            async with listening(stage, worker):
                await give(stage, f"run-{number}")
                await has_taken(worker, f"run-{number}")
            assert worker.taken == [f"run-{number}"]


async def test_what_cannot_be_read_becomes_a_dead_letter_and_the_next_grant_is_taken(kafka_broker: Broker) -> None:
    worker = Worker()
    async with staged(kafka_broker.address, "shop") as stage, listening(stage, worker):
        runs = stage.topics.runs("shop").name
        await stage.write(runs, b"\xff not json", key=b"w1")
        misfit = envelope(a_grant("a"), "id", "tests", "w1", 0)
        misfit["data"]["attempt"] = "many"
        await stage.write(runs, encode(misfit), key=b"w1")
        await stage.write(runs, b"not mine", key=b"w2")
        await give(stage, "b")
        await eventually(lambda: worker.taken)
        letters = [decode(one.value)["data"] for one in await stage.read(stage.topics.dead_letters.name)]
    assert worker.taken == ["b"]
    assert sorted(one["origin"] for one in letters) == [f"{runs}/0/0", f"{runs}/0/1"]
    assert "'attempt'" in next(one["error"] for one in letters if one["origin"].endswith("/1"))


async def test_a_take_that_fails_is_tried_again_and_taken_once(kafka_broker: Broker) -> None:
    worker = Worker(fails=2)
    async with staged(kafka_broker.address, "shop") as stage, listening(stage, worker):
        await give(stage, "a", "b")
        await eventually(lambda: len(worker.taken) == 2)
        assert worker.taken == ["a", "b"]


async def test_an_intake_that_can_neither_take_nor_write_a_dead_letter_stops(kafka_broker: Broker) -> None:
    worker = Worker(fails=99)
    async with staged(kafka_broker.address, "shop") as stage:
        with pytest.raises(GivenUp, match="dead letter can't be written"):  # noqa: PT012  raised on leaving
            async with listening(stage, worker, log=Full()) as intake:
                await give(stage, "a", "b")
                await eventually(lambda: not intake.listening)
    assert worker.taken == []


class Full:
    """A log that keeps nothing more."""

    async def append(self, records: list[Record]) -> None:
        raise LogUnavailable("full")


async def test_a_domain_without_a_topic_of_runs_is_named(kafka_broker: Broker) -> None:
    async with staged(kafka_broker.address) as stage:
        with pytest.raises(TopicMismatch, match=r"runs\.v1\.shop is missing"):
            async with listening(stage, Worker()):
                pass


async def test_a_crash_of_faust_loses_and_repeats_nothing(kafka_broker: Broker) -> None:
    worker = Worker()
    async with staged(kafka_broker.address, "shop") as stage, listening(stage, worker) as intake:
        for number in range(3):
            await give(stage, f"{number}-before")
            await has_taken(worker, f"{number}-before")
            await crash(intake)
            await give(stage, f"{number}-while-it-was-down")
            await asyncio.wait_for(intake.ready(), PATIENCE_SECONDS)
            assert intake.starts == number + 2
            await give(stage, f"{number}-after")
            await has_taken(worker, f"{number}-after")
    moments = ("before", "while-it-was-down", "after")
    assert worker.taken == [f"{number}-{moment}" for number in range(3) for moment in moments]


async def crash(intake: Intake) -> None:
    app = intake.app
    assert app is not None
    await app.consumer.crash(RuntimeError("a test's"))
    await eventually(lambda: not intake.listening)


async def test_an_intake_that_hangs_without_a_word_is_started_anew(kafka_broker: Broker) -> None:
    worker = Worker()
    async with staged(kafka_broker.address, "shop") as stage, listening(stage, worker) as intake:
        assert intake.app is not None
        intake.app.consumer.stop_flow()  # all is well for Faust: it waits for a rebalance to end
        await asyncio.sleep(3)  # what was asked for before comes yet
        await give(stage, "unheard")
        began = time.monotonic()
        await eventually(lambda: worker.taken)
        print(f"noticed and taken after {time.monotonic() - began:.1f} s, patience is {QUICK.starving_ms / 1_000:g} s")
        assert (worker.taken, intake.starts) == (["unheard"], 2)


async def test_a_rebalance_loses_and_repeats_nothing(kafka_broker: Broker) -> None:
    worker = Worker()
    async with staged(kafka_broker.address, "shop") as stage, listening(stage, worker) as intake:
        for number in range(5):
            assert intake.app is not None
            await give(stage, f"{number}-before")
            intake.app.consumer._thread._consumer._coordinator.request_rejoin()
            await give(stage, f"{number}-amid")
            await has_taken(worker, f"{number}-amid")
        assert intake.starts == 1
    assert worker.taken == [f"{number}-{moment}" for number in range(5) for moment in ("before", "amid")]


async def test_entries_trimmed_before_they_were_read_are_left_to_the_leases(kafka_broker: Broker) -> None:
    worker = Worker()
    async with staged(kafka_broker.address, "shop") as stage, listening(stage, worker) as intake:
        runs = stage.topics.runs("shop").name
        await give(stage, "a")
        await has_taken(worker, "a")
        assert intake.app is not None
        intake.app.consumer.stop_flow()
        await asyncio.sleep(3)
        await give(stage, "trimmed", "kept")
        await stage.log.trim(runs, 0, 2)
        await has_taken(worker, "kept")
    assert worker.taken == ["a", "kept"]


async def test_an_intake_outlives_its_broker_and_gets_what_is_granted_afterwards(own_broker: Broker) -> None:
    worker = Worker()
    async with staged(own_broker.address, "shop") as stage, listening(stage, worker):
        await give(stage, "before")
        await has_taken(worker, "before")
        await asyncio.to_thread(own_broker.kill)
        await asyncio.sleep(2)
        await asyncio.to_thread(own_broker.start)
        began = time.monotonic()
        await given(stage, "after")
        await eventually(lambda: len(worker.taken) == 2, 60)
        print(f"taken {time.monotonic() - began:.1f} s after the broker was back")
    assert worker.taken == ["before", "after"]


async def test_an_intake_outlives_a_broker_that_hangs(own_broker: Broker) -> None:
    worker = Worker()
    async with staged(own_broker.address, "shop") as stage, listening(stage, worker):
        own_broker.pause()
        try:
            await asyncio.sleep(QUICK.session_timeout_ms / 1_000 + 4)
        finally:
            own_broker.resume()
        await given(stage, "after")
        await has_taken(worker, "after")


async def test_an_intake_may_be_started_before_its_broker(own_broker: Broker) -> None:
    worker = Worker()
    async with staged(own_broker.address, "shop") as stage:
        await asyncio.to_thread(own_broker.kill)
        wire = Wire(stage.broker, stage.log, stage.topics, QUICK, SHORT)
        intake, stop = Intake("w1", ["shop"], worker.hands, wire), asyncio.Event()
        running = asyncio.create_task(intake.run(stop))
        await asyncio.sleep(2)
        assert not intake.listening
        await asyncio.to_thread(own_broker.start)
        await _ready(intake, running)
        await given(stage, "a")
        await has_taken(worker, "a")
        stop.set()
        await running


async def test_an_intake_that_is_told_to_stop_while_its_broker_is_gone_stops_soon(own_broker: Broker) -> None:
    async with staged(own_broker.address, "shop") as stage:
        async with listening(stage, Worker()):
            await asyncio.to_thread(own_broker.kill)  # the last test with it, so it stays so
            await asyncio.sleep(1)
            began = time.monotonic()
        took = time.monotonic() - began
    print(f"stopped after {took:.1f} s")
    assert took < 25


def test_figures(kafka_broker: Broker) -> None:
    """Printed, not asserted: this machine does other things too. -s shows them."""
    command = [sys.executable, "-m", "tests.kafka.intake_figures", kafka_broker.address, "--idle", "10"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    assert "idle intake" in done.stdout
