"""What the tests of Faust share: topics of their own on a broker, and a log to write to them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from streams.cloudevents import HEADERS, encode, envelope
from streams.events import Event, RunGranted
from streams.io.kafka import KafkaLog
from streams.io.kafka_settings import KafkaSettings
from streams.ports import Entry, Record
from streams.topics import Topic, Topics
from tests.patience import PATIENCE_SECONDS

"""patience with a machine that does other things too"""

QUICK = KafkaSettings(session_timeout_ms=6_000, starving_ms=4_000)


@dataclass
class Stage:
    """Topics under a prefix of their own."""

    broker: str  # host:port
    log: KafkaLog
    topics: Topics

    async def create(self, *topics: Topic) -> None:
        await self.log.create(list({one.name: one for one in topics}.values()))

    async def write(self, topic: str, *values: bytes, key: bytes | None = None) -> int:
        """Append raw values to partition 0; returns the offset of the last."""
        records = [Record(topic, value, key, HEADERS, partition=0) for value in values]
        return (await self.log.append(records))[-1].offset

    async def say(self, topic: str, event: Event, key: str, name: str | None = None) -> int:
        """Append an event."""
        wrapped = envelope(event, name or uuid4().hex, "tests", key, 0)
        return await self.write(topic, encode(wrapped), key=key.encode())

    async def spread(self, topic: str, names: Sequence[str]) -> None:
        """Append an event of each name, over all partitions."""
        await self.log.append([Record(topic, numbered(name), name.encode(), HEADERS) for name in names])

    async def tombstone(self, topic: str) -> None:
        await self.log.append([Record(topic, None, b"key", partition=0)])

    async def transaction(self, topic: str, value: bytes, *, commit: bool) -> None:
        """Append one value in a transaction of its own."""
        producer = AIOKafkaProducer(bootstrap_servers=self.broker, transactional_id=uuid4().hex)
        await producer.start()
        try:
            await producer.begin_transaction()
            await producer.send_and_wait(topic, value, b"key", partition=0)
            await (producer.commit_transaction() if commit else producer.abort_transaction())
        finally:
            await producer.stop()

    async def read(self, topic: str) -> list[Entry]:
        """Everything that stands in a topic."""
        found: list[Entry] = []
        for partition, (at, end) in (await self.log.bounds(topic)).items():
            while at < end:
                entries = await self.log.read(topic, partition, at, wait_ms=500)
                found += entries
                at = entries[-1].offset + 1  # noqa: PLW2901
        return found


@asynccontextmanager
async def staged(broker: str, *domains: str, prefix: str = "") -> AsyncIterator[Stage]:
    """A stage with the topics that these domains need."""
    topics = Topics(prefix or f"t{uuid4().hex[:8]}.")
    log = await KafkaLog.connect(broker, QUICK)
    try:
        stage = Stage(broker, log, topics)
        await stage.create(*(one for domain in domains for one in topics.of(domain)))
        yield stage
    finally:
        await log.close()


def a_grant(run: str, worker: str = "w1") -> RunGranted:
    """A grant of no consequence."""
    return RunGranted(
        run=run,
        number=1,
        asset="shop/revenue",
        attempt=1,
        wave="1",
        worker=worker,
        claim_by=0,
        basis=1,
        cut_at=1,
        inputs={},
        cut={},
        covers={},
        deadline=0,
        lease_ms=1_000,
        timeout_ms=1_000,
        code_version="1",
        reason="tests",
    )


def numbered(name: str) -> bytes:
    """A small event with this id."""
    return orjson.dumps({"specversion": "1.0", "id": name, "source": "tests", "type": "tests.numbered", "data": {}})


async def committed(stage: Stage, group: str, topic: str) -> dict[int, int]:
    """Where a group has come to."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stage.broker)
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(group)
        return {place.partition: one.offset for place, one in found.items() if place.topic == topic}
    finally:
        await admin.close()


async def eventually(true: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


async def eventually_so(true: Callable[[], Awaitable[object]], seconds: float = PATIENCE_SECONDS) -> None:
    """The same, for what has to be asked for."""
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.05)
