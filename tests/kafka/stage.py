"""An installation in one loop: the roles as they are shipped, on the log a test asks for, under a prefix of its own."""

import asyncio
import contextlib
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from everfresh import App, AsyncPublisher
from everfresh.cli.streaming import Selection, stream
from everfresh.config import Settings
from everfresh.reading import Reading, behind, entries
from everfresh.site import Site, deploy, opened
from everfresh.wiring import serve
from reactors.domain import Domain
from reactors.io.ingress import ROLE as INGRESS
from reactors.io.reactor import ROLE as REACTORS
from streams.cloudevents import decode
from streams.events import EVENTS
from tests.checker import check, read
from tests.patience import PATIENCE_SECONDS

"""how long anything may take on a machine that has other things to do"""

ALL = ("ingress", "reactor", "worker")

on_each_log = pytest.mark.parametrize("kind", ["sqlite", pytest.param("kafka", marks=pytest.mark.kafka)])

Json = dict[str, Any]


def installation(log: str, **said: Any) -> Settings:
    """Settings of an installation that shares its log with others."""
    return Settings(**{"log": log, "prefix": f"t{uuid.uuid4().hex[:8]}.", "slots": 4, "grace_ms": 5_000, **said})


@dataclass
class Running:
    """Roles that go on until they are told to end, or are cut off."""

    task: "asyncio.Task[None]"
    stop: asyncio.Event

    async def ended(self) -> None:
        """In good order."""
        self.stop.set()
        await self.task

    async def cut_off(self) -> None:
        """In the middle of whatever they are doing: nothing is flushed, no position moves, no snapshot is kept."""
        self.task.cancel()
        await asyncio.wait([self.task])

    def fail(self) -> None:
        """Raise what ended them, if something did."""
        if self.task.done() and not self.task.cancelled() and (error := self.task.exception()):
            raise error


@dataclass
class Stage:
    """A domain on a log, and whoever looks at it from outside: a publisher, and a reader who folds the journal."""

    site: Site
    app: App
    publisher: AsyncPublisher
    reading: Reading
    acked: list[dict[str, str]] = field(default_factory=list)
    roles: list[Running] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return self.site.settings

    @property
    def domain(self) -> Domain:
        """The domain as the journal tells it, as far as it was read."""
        return self.reading.domain

    @property
    def journal(self) -> str:
        return self.settings.topics.journal(self.app.domain).name

    async def publish(self, asset: str, **fields: Any) -> None:
        """A change, acknowledged and remembered for the checker."""
        event_id = await self.publisher.publish(asset, **fields)
        self.acked.append({"source": self.publisher.source, "id": event_id, "asset": asset})

    async def start(self, *roles: str, app: App | None = None, domains: Sequence[str] = (), **said: Any) -> Running:
        """Start roles as processes would, with a log opened by themselves; returns once all are at work."""
        running = await started(self.settings.model_copy(update=said), app or self.app, roles, domains)
        self.roles.append(running)
        return running

    async def until(self, happened: Callable[[], Any], what: str) -> Any:
        """Fold what comes until that has happened."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not (found := happened()):
                    await self.reading.more(wait_ms=20)
                    await asyncio.sleep(0.01)
                    for one in self.roles:
                        one.fail()
                return found
        except TimeoutError:
            raise AssertionError(f"after {PATIENCE_SECONDS:.0f} s still not: {what}\n{_told(self.domain)}") from None

    async def settled(self) -> None:
        """Return once all that was published is taken in, nothing is due, and the reactor has said so."""
        while True:
            await self.taken_in()
            await self.until(lambda: is_idle(self.domain), "nothing left to do")
            await self.taken_in()
            if is_idle(self.domain):
                return

    async def taken_in(self) -> None:
        """Return once ingress and reactor have done with all that is there."""
        await self._done(self.settings.topics.group(INGRESS), self.settings.topics.changes.name)
        await self._done(self.settings.topics.group(REACTORS), self.journal)
        while await self.reading.more():
            pass

    async def _done(self, group: str, topic: str) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await behind(self.site.log, group, topic):
                await asyncio.sleep(0.02)

    async def records(self) -> list[Json]:
        """The journal and the outputs, as `everfresh events --export` gives them."""
        selection = Selection(frozenset(EVENTS), (self.app.domain,), narrowed=True, journal=True, since=None)
        found = []
        async for one in stream(self.site.log, selection.topics(self.settings.topics), None, follow=False):
            if (event := selection.chosen(one)) is not None:
                at = {"topic": one.topic, "partition": one.partition, "offset": one.offset, "timestamp": one.timestamp}
                found.append(at | {"event": event})
        return found

    async def entries(self, topic: str) -> AsyncIterator[tuple[bytes | None, Json | None]]:
        """Key and event of whatever stands in a topic; None for a tombstone."""
        for partition, (first, end) in (await self.site.log.log.bounds(topic)).items():
            async for one in entries(self.site.log, topic, partition, first, end):
                yield one.key, None if one.value is None else decode(one.value, one.headers)

    async def checked(self) -> "Story":
        """Settle, and let the independent checker look at all topics: it must find nothing wrong."""
        await self.settled()
        return await self.told()

    async def told(self, quiet: bool = True, without: Sequence[int] = ()) -> "Story":
        """The same without settling; `without` leaves out what an operator had the reactor pass over."""
        await self.taken_in()
        records = [one for one in await self.records() if one["topic"] != self.journal or one["offset"] not in without]
        report = check(read(records), quiet=quiet, acked=self.acked)
        assert not report.violations, "\n".join(map(str, report.violations))
        assert not report.is_empty
        return Story(self.journal, records)


@dataclass(frozen=True)
class Story:
    """What the topics tell."""

    journal: str
    records: list[Json]

    def facts(self, kind: str, asset: str = "") -> list[Json]:
        """The data of the journal's events of a kind, like "run.granted"."""
        return [
            one["event"]["data"]
            for one in self.records
            if one["topic"] == self.journal
            and one["event"]["type"] == f"everfresh.{kind}.v1"
            and asset in {"", one["event"]["data"].get("asset")}
        ]

    def outputs(self, kind: str, asset: str = "") -> list[Json]:
        """The outputs of a kind, each once, by their causes."""
        found = {
            one["event"]["id"]: one["event"]
            for one in self.records
            if one["topic"] != self.journal
            and one["event"]["type"] == f"everfresh.{kind}.v1"
            and asset in {"", one["event"]["data"].get("asset"), one["event"]["subject"]}
        }
        return sorted(found.values(), key=lambda event: str(event["sequence"]))

    def granted(self, asset: str = "") -> list[Json]:
        """The grants that were sent to workers."""
        return [one["data"] for one in self.outputs("run.granted", asset)]

    def most_at_once(self) -> dict[str, int]:
        """Worker → the most attempts it had in flight at one time, by the journal."""
        ended = {f"everfresh.run.{how}.v1" for how in ("succeeded", "failed", "rejected", "lost")}
        now, most = Counter[str](), Counter[str]()
        for one in self.records:
            kind, data = one["event"]["type"], one["event"]["data"]
            if one["topic"] == self.journal and kind == "everfresh.run.granted.v1":
                now[data["worker"]] += 1
                most[data["worker"]] = max(most[data["worker"]], now[data["worker"]])
            elif one["topic"] == self.journal and kind in ended:
                now[data["worker"]] -= 1
        return dict(most)


@asynccontextmanager
async def staged(settings: Settings, app: App, *roles: str, **said: Any) -> AsyncIterator[Stage]:
    """Deploy an app and start roles; whatever still runs in the end is ended."""
    async with contextlib.AsyncExitStack() as closing:
        site = await closing.enter_async_context(opened(settings))
        await deploy(site, app)
        publisher = await closing.enter_async_context(AsyncPublisher(settings.log, "test", topics=settings.topics))
        reading = Reading(site.log, settings.topics, app.domain)
        await reading.begin(whole=True)
        while await reading.more():
            pass
        stage = Stage(site, app, publisher, reading)
        try:
            if roles:
                await stage.start(*roles, **said)
            yield stage
        finally:
            await asyncio.gather(*(one.ended() for one in reversed(stage.roles)), return_exceptions=True)


async def started(settings: Settings, app: App, roles: Sequence[str], domains: Sequence[str] = ()) -> Running:
    """Run roles on a log of their own; returns once all are at work."""
    waiting, stop = {role: asyncio.Event() for role in roles}, asyncio.Event()

    async def run() -> None:
        async with opened(settings) as site:
            heard = replace(site, ready=lambda role: waiting[role].set())
            await serve(heard, roles, domains or [app.domain], app, stop)

    running = Running(asyncio.create_task(run()), stop)
    async with asyncio.timeout(PATIENCE_SECONDS):
        for one in waiting.values():
            while not one.is_set():
                running.fail()
                await asyncio.sleep(0.01)
    return running


def is_idle(domain: Domain) -> bool:
    """Nothing is stale, wanted or in flight, as far as the journal tells."""
    waiting = any(node.stale_since is not None or node.requests for node in domain.state.nodes.values())
    return not waiting and not domain.flights and not domain.state.waves


def _told(domain: Domain) -> str:
    nodes = domain.state.nodes.values()
    return "\n".join(f"{one.asset}: runs {one.runs}, stale since {one.stale_since}, cut {one.cut}" for one in nodes)
