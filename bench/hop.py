"""Change → materialized over a chain of three, on real Kafka, beside a bare aiokafka chain of three processes.

Publisher, reactor (with the ingress) and worker are three processes; the compute is async and does nothing. One change
at a time, in turns with the bare chain, so that both see the same machine.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.stage import EVERFRESH, deployed, running
from everfresh import AsyncPublisher
from tools.kafka.broker import Broker

HOPS = 3
WARM, COUNTED = 800, 400
TURN = 25
"""changes in a row before it is the other's turn"""


class Chain:
    """Everfresh's chain: publish a change, wait for the third asset's new version."""

    def __init__(self, broker: Broker) -> None:
        self.publisher = AsyncPublisher(broker.url, source="bench")
        self.consumer = AIOKafkaConsumer("everfresh.materializations.v1", bootstrap_servers=broker.address)
        self.sent = 0

    async def once(self) -> float:
        begun = time.perf_counter()
        self.sent += 1
        await self.publisher.publish("chain/start", version=str(self.sent))
        async for record in self.consumer:
            data = orjson.loads(record.value)["data"]
            if data["asset"] == "chain/third" and data["cut"]["chain/start"] == self.sent:
                return time.perf_counter() - begun
        raise AssertionError


class Bare:
    """The bare chain: send an event of the same size, wait until it comes out at the end."""

    def __init__(self, broker: Broker) -> None:
        self.producer = AIOKafkaProducer(bootstrap_servers=broker.address, acks="all", enable_idempotence=True)
        self.consumer = AIOKafkaConsumer("bare-2", bootstrap_servers=broker.address)

    async def once(self) -> float:
        begun = time.perf_counter()
        await self.producer.send_and_wait(
            "bare-0", orjson.dumps({"type": "everfresh.asset.changed.v1", "data": "x" * 150})
        )
        await self.consumer.getone()
        return time.perf_counter() - begun


def said(name: str, times: list[float]) -> float:
    """Print p50 and p99 a hop, in milliseconds; returns the p50."""
    ordered = sorted(seconds / HOPS * 1_000 for seconds in times)
    p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    print(f"hop: {name:<22} p50 {p50:6.2f} ms   p99 {p99:6.2f} ms   ({len(ordered)} changes)")
    return p50


async def measure(broker: Broker) -> None:
    chain, bare = Chain(broker), Bare(broker)
    await chain.consumer.start()
    await bare.consumer.start()
    await bare.producer.start()
    times: dict[str, list[float]] = {"everfresh": [], "bare aiokafka": []}
    for _ in range(WARM):
        await chain.once()
        await bare.once()
    while len(times["everfresh"]) < COUNTED:
        times["everfresh"] += [await chain.once() for _ in range(TURN)]
        times["bare aiokafka"] += [await bare.once() for _ in range(TURN)]
    p50s = [said(name, found) for name, found in times.items()]
    print(f"hop: everfresh is {p50s[0] / p50s[1]:.2f} x the bare chain at p50")
    await chain.publisher.close()
    await chain.consumer.stop()
    await bare.consumer.stop()
    await bare.producer.stop()


async def topics(address: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    await admin.create_topics([NewTopic(f"bare-{number}", 1, 1) for number in range(HOPS)])
    await admin.close()


def embedded() -> None:
    """The same chain in one process on the embedded log, each append fsynced."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, "-m", "bench.embedded", str(Path(folder) / "log.db")], check=True)
        assert done.returncode == 0


def main() -> None:
    with ExitStack() as stack:
        broker = stack.enter_context(Broker())
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(topics(broker.address))
            deployed("bench/chain.py", broker.url)
            ours = (*EVERFRESH, "start")
            said_where = ("--app", "bench/chain.py", "--log", broker.url)
            stack.enter_context(running(*ours, "reactor", "ingress", *said_where))
            stack.enter_context(running(*ours, "worker", *said_where))
            stack.enter_context(running("-m", "bench.relay", broker.address, "bare-0", "bare-1"))
            stack.enter_context(running("-m", "bench.relay", broker.address, "bare-1", "bare-2"))
            runner.run(measure(broker))
    embedded()
