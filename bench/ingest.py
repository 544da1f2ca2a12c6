"""A million changes through the shipped reactor's own `turn()`, on real Kafka, beside a bare loop and a Faust table.

Validation, dedupe and snapshots are on; the final state is asserted. The bare loop reads the very same topic.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterable

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.journals import DOMAIN, Shape, values
from everfresh.cli.running import calm_collector
from everfresh.config import settings
from everfresh.site import Site, opened
from reactors.io.clock import SystemClock
from reactors.io.reactor import DomainReactor, Parts
from streams.topics import Topics
from tools.kafka.broker import Broker

CHANGES = int(os.environ.get("CHANGES", "1000000"))
SOURCES = 10_000
FETCH = 2_000
FAUST_EVENTS = 30_000


async def write(broker: Broker, topic: str, events: Iterable[bytes]) -> int:
    """Fill a topic of one partition; returns how many."""
    producer = AIOKafkaProducer(bootstrap_servers=broker.address, acks="all", max_batch_size=1 << 20, linger_ms=20)
    await producer.start()
    count = 0
    for value in events:
        await producer.send(topic, value, partition=0)
        count += 1
    await producer.stop()
    return count


async def bare(broker: Broker, topic: str, count: int) -> float:
    """`getmany` and orjson, nothing else: events a second."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker.address, fetch_max_bytes=8 << 20, max_partition_fetch_bytes=8 << 20
    )
    await consumer.start()
    place = TopicPartition(topic, 0)
    consumer.assign([place])
    await consumer.seek_to_beginning(place)
    begun, seen = time.perf_counter(), 0
    while seen < count:
        for batch in (await consumer.getmany(timeout_ms=1_000, max_records=FETCH)).values():
            for record in batch:
                orjson.loads(record.value)
            seen += len(batch)
    rate = count / (time.perf_counter() - begun)
    await consumer.stop()
    return rate


async def ours(site: Site, begin: int, count: int) -> tuple[float, DomainReactor]:
    """The reactor's `turn()`, as its host calls it: events a second from `begin` on, and the reactor as it is then."""
    log, topics = site.log, site.settings.topics
    parts = Parts(log.log, log.snapshots, log.fencing, SystemClock(), topics, transactional=False)
    reactor = DomainReactor(DOMAIN, parts)
    subscription = await log.log.subscribe(reactor.group, [reactor.topic])
    await reactor.restore(0)
    calm_collector()  # as `everfresh start` does
    begun, first = 0.0, 0
    while reactor.next < count:
        for entries in (await subscription.fetch(FETCH, 1_000)).values():
            await reactor.turn(entries, caught_up=False)
        await reactor.tick(caught_up=False)
        if reactor.next >= begin and not begun:
            begun, first = time.perf_counter(), reactor.next
    await reactor.flush()
    rate = (count - first) / (time.perf_counter() - begun)
    await subscription.close()
    return rate, reactor


async def measure(broker: Broker, name: str, shape: Shape) -> tuple[float, float]:
    """One journal: (events a second of the bare loop, of ours)."""
    said = settings(log=broker.url, prefix=f"{name}.")
    topic = Topics(said.prefix).journal(DOMAIN).name
    async with opened(said) as site:
        await site.prepare([DOMAIN])
        first = await site.log.log.append([])  # connects, so that the first measurement doesn't
        assert first == []
        count = await write(broker, topic, values(shape, int(time.time() * 1_000)))
        plain = await bare(broker, topic, count)
        rate, reactor = await ours(site, shape.prelude, count)
        expect(reactor, shape)
    print(
        f"ingest: {name:<28} {count - shape.prelude:>9,} events  bare {plain:>9,.0f}/s  everfresh {rate:>9,.0f}/s  "
        f"= {rate / plain:.2f} of the bare loop"
    )
    return plain, rate


def expect(reactor: DomainReactor, shape: Shape) -> None:
    """The final state is what the journal says: every change counted once, nothing lost."""
    state = reactor.domain.state
    seqs = [state.roots[f"{DOMAIN}/s{n}"].seq for n in range(shape.assets)]
    rounds = shape.changes // shape.assets
    assert seqs == [1 + (n in shape.stale) + rounds for n in range(shape.assets)], "changes were lost or counted twice"
    assert state.changes == sum(seqs)


def faust() -> float:
    """A Faust agent with a table: events a second, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.faust_table", os.environ["BENCH_BROKER"], str(FAUST_EVENTS)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[-1])


async def run(broker: Broker) -> None:
    plain, rate = await measure(broker, "10k-sources", Shape(SOURCES, CHANGES))
    await measure(broker, "10k-sources-runs-between", Shape(SOURCES, CHANGES // 4, between=True))
    costs = {}
    for assets in (100, 100_000):
        shape = Shape(assets, CHANGES // 5, half_fresh=False)
        costs[assets] = (await measure(broker, f"{assets}-assets", shape))[1]
    print(f"ingest: a change costs {costs[100] / costs[100_000]:.2f} x as much at 100,000 assets as at 100")
    table = faust()
    print(f"ingest: a Faust agent with a table {table:,.0f}/s; everfresh is {rate / table:.0f} x that")
    print(f"ingest: wanted 0.4 of the bare loop, {rate / plain:.2f} found")


def main() -> None:
    with Broker() as broker:
        os.environ["BENCH_BROKER"] = broker.address
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(broker))
