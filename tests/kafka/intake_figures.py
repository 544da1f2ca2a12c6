"""How long a grant takes to its worker, beside a bare aiokafka consumer; and what an idle intake costs.

python -m tests.kafka.intake_figures HOST:PORT [--idle SECONDS]
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import uvloop
from aiokafka import AIOKafkaConsumer

from reactors.io.intake import Hands, Intake, Wire
from streams.cloudevents import decode, parse
from streams.events import RunGranted
from tests.kafka.faust_stage import Stage, a_grant, staged
from tests.patience import PATIENCE_SECONDS

ROUNDS, EVENTS = 10, 50


class Stopwatch:
    """Times one event after the other from before it is sent until it is seen."""

    def __init__(self) -> None:
        self.took_ms: list[float] = []
        self._seen = asyncio.Event()

    def see(self) -> None:
        self._seen.set()

    async def time(self, send: Callable[[], Awaitable[object]]) -> None:
        self._seen.clear()
        began = time.perf_counter()
        sending = asyncio.ensure_future(send())
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._seen.wait()
        self.took_ms.append((time.perf_counter() - began) * 1_000)
        await sending
        await asyncio.sleep(0.003)

    def __str__(self) -> str:
        took = sorted(self.took_ms)
        return f"p50 {took[len(took) // 2]:.2f} ms, p99 {took[int(len(took) * 0.99)]:.2f} ms ({len(took)} events)"


@asynccontextmanager
async def intake(stage: Stage, watch: Stopwatch) -> AsyncIterator[None]:
    async def take(_grant: RunGranted) -> None:
        watch.see()

    stop = asyncio.Event()
    one = Intake("w1", ["shop"], Hands(take, take), Wire(stage.broker, stage.log, stage.topics))  # type: ignore[arg-type]
    running = asyncio.create_task(one.run(stop))
    await one.ready()
    yield
    stop.set()
    await running


@asynccontextmanager
async def bare(stage: Stage, topic: str, watch: Stopwatch) -> AsyncIterator[None]:
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=stage.broker,
        group_id=topic,
        enable_auto_commit=False,
        isolation_level="read_committed",
    )

    async def consume() -> None:
        while True:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                for record in records:
                    parse(decode(record.value, record.headers))
                    watch.see()

    await consumer.start()
    task = asyncio.create_task(consume())
    await asyncio.sleep(1)
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await consumer.stop()


async def main(address: str, idle_seconds: float) -> None:
    async with staged(address, "shop", "bare") as stage:
        ours, theirs = Stopwatch(), Stopwatch()
        mine, plain = stage.topics.runs("shop").name, stage.topics.runs("bare").name
        async with intake(stage, ours), bare(stage, plain, theirs):
            for number in range(-1, ROUNDS):
                for watch, topic in ((ours, mine), (theirs, plain)):
                    for _ in range(EVENTS):
                        await watch.time(lambda topic=topic: stage.say(topic, a_grant("run"), "w1"))  # type: ignore[misc]
                    if number < 0:
                        watch.took_ms.clear()  # the first round warms up
        print(f"produce → take, Faust intake:     {ours}")
        print(f"produce → seen, bare aiokafka:    {theirs}")
        async with intake(stage, ours):
            await asyncio.sleep(3)
            began = time.process_time()
            await asyncio.sleep(idle_seconds)
            used = (time.process_time() - began) * 60 / idle_seconds
        print(f"idle intake: {used:.3f} CPU s a minute (over {idle_seconds:g} s)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.kafka.intake_figures", description=__doc__)
    parser.add_argument("address")
    parser.add_argument("--idle", type=float, default=60.0)
    options = parser.parse_args()
    uvloop.run(main(options.address, options.idle))
