"""Where the suites run: in memory, on SQLite, on a real Kafka broker; the same assertions on each."""

import asyncio
import uuid
from dataclasses import dataclass, field

import pytest

from streams.io.kafka_settings import KafkaSettings
from streams.io.urls import Log, open_log
from streams.ports import Entry, EventLog, Record
from streams.topics import Topic, Topics
from tests.patience import PATIENCE_SECONDS

KAFKA = KafkaSettings(session_timeout_ms=3_000)

_KINDS = ["memory", "sqlite", pytest.param("kafka", marks=pytest.mark.kafka)]
everywhere = pytest.mark.parametrize("kind", _KINDS)
durable = pytest.mark.parametrize("kind", _KINDS[1:])


@dataclass
class Place:
    """Where a log lives. Each `open` is what another process would have of it; in memory there is only one."""

    kind: str
    url: str
    topics: Topics
    opened: list[Log] = field(default_factory=list)

    async def open(self) -> Log:
        if self.kind == "memory" and self.opened:
            return self.opened[0]
        self.opened.append(await open_log(self.url, self.topics, KAFKA))
        return self.opened[-1]

    async def topic(self, partitions: int = 1, **settings: object) -> str:
        """A new topic's name."""
        topic = Topic(f"{self.topics.prefix}{uuid.uuid4().hex[:8]}", "", partitions, **settings)  # type: ignore[arg-type]
        opened = self.opened[0] if self.opened else await self.open()
        assert await opened.admin.create([topic]) == [topic.name]
        return topic.name


def records(topic: str, *values: str, key: str | None = None) -> list[Record]:
    return [Record(topic, value.encode(), key.encode() if key else None) for value in values]


async def everything(log: EventLog, topic: str) -> list[Entry]:
    """All entries of all partitions, partition by partition."""
    found: list[Entry] = []
    for partition, (first, end) in (await log.bounds(topic)).items():
        at = first
        while at < end and (entries := await log.read(topic, partition, at, limit=1_000)):
            found += entries
            at = entries[-1].offset + 1
    return found


async def values(log: EventLog, topic: str) -> list[str]:
    return [(entry.value or b"").decode() for entry in await everything(log, topic)]


async def committed(log: EventLog, topic: str, count: int) -> list[str]:
    """All values, once there are so many: a reader hears of a transaction a moment after its writer does."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(found := await values(log, topic)) < count:
            await asyncio.sleep(0.02)
    return found
