"""A log with topics on it, and a destination that a test tells how to behave."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from sinks.io.attempts import Manner
from sinks.io.delivery import Delivery, Route
from sinks.io.lanes import Room
from sinks.ports import Destination
from sinks.retries import Retries
from streams.cloudevents import HEADERS, Envelope, decode, encode
from streams.errors import LogUnavailable
from streams.io.urls import Log
from streams.ports import Entry, EventLog, Position, Record, Stamp, Subscription
from streams.topics import Topics
from tests.core.sinks_samples import event
from tests.patience import PATIENCE_SECONDS

QUICK = Retries(attempts=4, patience_ms=60_000, first_ms=4, longest_ms=20)


class Kept:
    """Keeps what it is given. `behave` runs first and may raise, or wait."""

    def __init__(self, behave: Callable[[Envelope], Awaitable[None]] | None = None) -> None:
        self.got: list[Envelope] = []
        self.closed = False
        self._behave = behave

    async def deliver(self, envelope: Envelope) -> None:
        if self._behave is not None:
            await self._behave(envelope)
        self.got.append(envelope)

    async def close(self) -> None:
        self.closed = True

    @property
    def ids(self) -> list[str]:
        return [one["id"] for one in self.got]

    def of(self, subject: str) -> list[str]:
        return [one["id"] for one in self.got if one["subject"] == subject]


class Moody:
    """A log that nobody can reach while `away`, what was subscribed to before neither; or only not write to."""

    def __init__(self, log: EventLog) -> None:
        self.away = False
        self.unwritable = False
        self._log = log

    async def append(self, records: Sequence[Record], position: Position | None = None) -> list[Stamp]:
        if self.unwritable:
            raise LogUnavailable("not enough replicas")
        return await self._here().append(records, position)

    async def read(
        self, topic: str, partition: int, offset: int, limit: int = 500, wait_ms: int = 0
    ) -> Sequence[Entry]:
        return await self._here().read(topic, partition, offset, limit, wait_ms)

    async def bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        return await self._here().bounds(topic)

    async def subscribe(
        self, group: str, topics: Sequence[str], start: Literal["earliest", "latest"] = "earliest"
    ) -> Subscription:
        member = await self._here().subscribe(group, topics, start)
        fetch = member.fetch

        async def fetched(limit: int = 500, wait_ms: int = 200) -> Mapping[tuple[str, int], Sequence[Entry]]:
            self._here()
            return await fetch(limit, wait_ms)

        member.fetch = fetched  # type: ignore[method-assign]
        return member

    async def close(self) -> None:
        """Whoever opened the log closes it."""

    def _here(self) -> EventLog:
        if self.away:
            raise LogUnavailable("the broker is away")
        return self._log


@dataclass
class Stage:
    """One log, with everfresh's topics of the domain `shop`."""

    log: Log
    topics: Topics
    counted: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.moody = Moody(self.log.log)  # what deliveries get

    async def materialized(self, subject: str, offsets: Sequence[int]) -> list[str]:
        """Events about one asset; returns their ids."""
        events = [event("asset.materialized", offset, subject) for offset in offsets]
        name = self.topics.materializations.name
        await self.log.log.append([Record(name, encode(one), subject.encode(), HEADERS) for one in events])
        return [one["id"] for one in events]

    async def send(self, one: Envelope) -> None:
        """An output, to its topic."""
        topic = self.topics.output(one["type"]).name
        await self.log.log.append([Record(topic, encode(one), one["subject"].encode(), HEADERS)])

    async def raw(self, value: bytes | None, key: bytes | None = b"shop/poison", topic: str = "") -> None:
        await self.log.log.append([Record(topic or self.topics.materializations.name, value, key)])

    def delivery(
        self,
        destination: Destination,
        sink: str = "test",
        manner: Manner | None = None,
        room: Room | None = None,
        route: Route | None = None,
    ) -> Delivery:
        topics = (self.topics.materializations.name,)
        route = route or Route(sink, topics, "earliest", manner or Manner(QUICK), room or Room())
        return Delivery(route, destination, self.moody, self.topics, lambda *one: self.counted.append(one))

    async def letters(self) -> list[Envelope]:
        return await self._all(self.topics.dead_letters.name)

    async def journal(self) -> list[Envelope]:
        return await self._all(self.topics.journal("shop").name)

    async def _all(self, topic: str) -> list[Envelope]:
        found: list[Envelope] = []
        for partition, (first, end) in (await self.log.log.bounds(topic)).items():
            at = first
            while at < end:
                entries = await self.log.log.read(topic, partition, at)
                found += [decode(entry.value, entry.headers) for entry in entries]
                at = entries[-1].offset + 1
        return found

    async def left(self, sink: str = "test") -> int:
        """How many entries the group's position still has before it."""
        topic = self.topics.materializations.name
        stands = await self.log.admin.positions(self.topics.group(f"sink-{sink}"), topic)
        return sum(
            end - stands.get(number, first) for number, (first, end) in (await self.log.log.bounds(topic)).items()
        )


@asynccontextmanager
async def running(*deliveries: Delivery, grace_seconds: float = 0.3) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Each in a task of its own, told to stop at the end, and cancelled if that takes longer."""
    stop = asyncio.Event()
    tasks = [asyncio.create_task(one.run(stop)) for one in deliveries]
    try:
        yield tasks
    finally:
        stop.set()
        await asyncio.wait(tasks, timeout=grace_seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(true: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not true():
            await asyncio.sleep(0.005)


async def until_read(stage: Stage, sink: str = "test") -> None:
    """Wait until the group has nothing before it."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await stage.left(sink):
            await asyncio.sleep(0.02)


def bytes_of(letter: Envelope) -> bytes:
    """What a dead letter carries."""
    return base64.b64decode(letter["data"]["value_base64"])


async def sent(stage: Stage, meant: Delivery, *events: Envelope) -> None:
    """Have each delivered, or given up."""
    async with running(meant):
        await meant.ready.wait()
        for one in events:
            await stage.send(one)
        await until(lambda: sum(outcome != "retried" for _, outcome in stage.counted) == len(events))
