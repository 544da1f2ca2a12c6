"""Reactors that come, go, are cut off and stand beside each other, on the embedded log and on real Kafka."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import apsw
import orjson
import pytest

import everfresh as ef
from everfresh import App
from everfresh.config import Settings
from everfresh.policies import Eager
from everfresh.reading import Reading, entries
from everfresh.site import Site, opened
from reactors.entries import fold
from reactors.granting import Terms
from reactors.io.clock import SystemClock
from reactors.io.reactor import ROLE as REACTORS
from reactors.io.reactor import DomainReactor, Pace, Parts
from reactors.io.reactor_host import ReactorHost
from streams.cloudevents import decode
from streams.errors import Fenced, LogUnavailable
from streams.io.urls import sqlite_path
from streams.ports import Entry, EventLog, Position, Record, Stamp
from streams.topics import Topics
from tests.kafka.stage import Stage, on_each_log, staged
from tests.patience import PATIENCE_SECONDS

Place = tuple[str, int]


def shop() -> App:
    """Two assets in a row."""
    app = App("shop")
    app.source("orders")

    @app.asset(deps=["orders"], freshness=Eager())
    async def revenue(orders: ef.Input) -> ef.Output:
        return ef.Output(version=f"of {orders.version}")

    @app.asset(deps=["revenue"], freshness=Eager())
    async def report(revenue: ef.Input) -> ef.Output:
        return ef.Output(version=f"report {revenue.version}")

    return app


def parts_of(site: Site) -> Parts:
    """What the shipped reactor role is made of (everfresh/wiring.py)."""
    log = site.log
    return Parts(log.log, log.snapshots, log.fencing, SystemClock(), site.settings.topics, site.transactional)


@dataclass
class Reactor:
    """A reactor of the test's own, so that it can look inside, and cut it off."""

    host: ReactorHost
    place: Place
    task: "asyncio.Task[None]"
    stop: asyncio.Event

    @property
    def one(self) -> DomainReactor:
        return self.host.reactors[self.place]

    async def cut_off(self) -> None:
        """In the middle of whatever it does: nothing is flushed, no position moves, no snapshot is kept."""
        self.task.cancel()
        await asyncio.wait([self.task])


@asynccontextmanager
async def reacting(stage: Stage, pace: Pace | None = None, parts: Parts | None = None) -> AsyncIterator[Reactor]:
    """A reactor on a log opened by itself, which has taken the domain over."""
    async with opened(stage.settings) as site:
        host = ReactorHost([stage.app.domain], parts or parts_of(site), Terms(), pace)
        stop = asyncio.Event()
        found = Reactor(host, (stage.journal, 0), asyncio.create_task(host.run(stop)), stop)
        try:
            await stage.until(lambda: found.place in host.reactors or found.task.done(), "the journal is taken over")
            yield found
        finally:
            stop.set()
            await asyncio.gather(found.task, return_exceptions=True)


async def refolded(stage: Stage, end: int) -> str:
    """The digest of the domain, folded from the journal's beginning."""
    reading = Reading(stage.site.log, stage.settings.topics, stage.app.domain)
    await reading.begin(whole=True)
    async for _ in reading.to_end(end):
        pass
    assert reading.next == end
    return reading.domain.digest()


class Deaf:
    """A group's member that never hears that it isn't one any more, and reads on; `heard` when its commits count."""

    def __init__(self, log: EventLog, place: Place, heard: bool = False) -> None:
        self._log, self._place, self._heard = log, place, heard
        self._group = Topics(place[0].partition("journal.")[0]).group(REACTORS)
        self.at, self._end = 0, 0

    async def fetch(self, limit: int = 500, wait_ms: int = 200) -> Mapping[Place, Sequence[Entry]]:
        found = await self._log.read(*self._place, self.at, limit, min(wait_ms, 50))
        self.at = found[-1].offset + 1 if found else self.at
        self._end = (await self._log.bounds(self._place[0]))[0][1]
        return {self._place: found} if found else {}

    async def commit(self, positions: Mapping[Place, int]) -> None:
        if self._heard:
            await self._log.append([], Position(self._group, *self._place, positions[self._place]))

    def owned(self) -> frozenset[Place]:
        return frozenset([self._place])

    async def position(self, topic: str, partition: int) -> int:
        return self.at

    def behind(self, topic: str, partition: int) -> bool:
        return self.at < self._end

    async def close(self) -> None:
        """There is nothing to leave."""


async def assert_the_newest_state_won(stage: Stage) -> None:
    """Per asset the last word in freshness.v1 is the one with the highest sequence, and it says fresh."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not all_fresh(said := await words(stage)):
            await asyncio.sleep(0.05)  # a reader hears of a transaction a moment after its writer does
    assert set(said) == {b"shop/revenue", b"shop/report"}
    for one in said.values():
        assert one[-1]["sequence"] == max(word["sequence"] for word in one)


async def words(stage: Stage) -> dict[bytes | None, list[dict[str, Any]]]:
    """Per asset what freshness.v1 holds of it, in order."""
    topic = stage.settings.topics.freshness.name
    said: dict[bytes | None, list[dict[str, Any]]] = {}
    for partition, (first, end) in (await stage.site.log.log.bounds(topic)).items():
        async for entry in entries(stage.site.log, topic, partition, first, end):
            said.setdefault(entry.key, []).append(decode(entry.value, entry.headers))
    return said


def all_fresh(said: dict[bytes | None, list[dict[str, Any]]]) -> bool:
    return len(said) == 2 and all(one[-1]["data"]["verdict"] == "fresh" for one in said.values())


async def assert_one_grant_an_attempt(stage: Stage, versions: int) -> None:
    story = await stage.checked()
    keys = [(one["run"], one["attempt"]) for one in story.granted()]
    assert len(keys) == len(set(keys))
    starts = [(one["run"], one["attempt"]) for one in story.facts("run.started")]
    assert sorted(starts) == sorted(keys), "each grant was begun once"
    assert stage.domain.state.nodes["shop/report"].version == f"report of {versions}"


@on_each_log
async def test_of_two_reactors_on_one_journal_each_attempt_gets_one_grant(settings: Settings) -> None:
    async with staged(settings, shop(), "ingress", "worker") as stage:
        first = await stage.start("reactor")
        for number in range(1, 31):
            await stage.publish("shop/orders", version=str(number))
            if number == 10:
                await stage.start("reactor")
            if number == 20:
                await first.ended()
        await assert_one_grant_an_attempt(stage, 30)
        await assert_the_newest_state_won(stage)


@on_each_log
async def test_a_zombie_that_thinks_it_owns_the_journal_changes_nothing(settings: Settings) -> None:
    async with staged(settings, shop(), "ingress", "worker") as stage, opened(settings) as own:
        zombie, deaf = ReactorHost(["shop"], parts_of(own)), Deaf(own.log.log, (stage.journal, 0))
        await zombie.turn(deaf)
        await stage.start("reactor")

        async def go_on() -> None:
            with contextlib.suppress(Fenced):
                while True:
                    await zombie.turn(deaf)

        going_on = asyncio.create_task(go_on())
        for number in range(1, 31):
            await stage.publish("shop/orders", version=str(number))
            await stage.until(partial(is_heard, stage, number), "it is in the journal")
        await stage.settled()
        end = stage.reading.next
        await stage.until(lambda: going_on.done() or deaf.at >= end, "the zombie has seen it all, or was fenced off")
        assert own.transactional or going_on.done(), "its first flush was refused"
        going_on.cancel()
        await asyncio.wait([going_on])
        await zombie.let_go(list(zombie.reactors))
        await assert_one_grant_an_attempt(stage, 30)
        await assert_the_newest_state_won(stage)


@on_each_log
async def test_a_reactor_that_slept_while_another_had_the_journal_folds_what_it_missed(settings: Settings) -> None:
    async with staged(settings, shop(), "ingress", "worker") as stage, opened(settings) as own:
        sleeper, member = ReactorHost(["shop"], parts_of(own)), Deaf(own.log.log, (stage.journal, 0), heard=True)
        await sleeper.turn(member)
        another = await stage.start("reactor")
        for number in range(1, 4):
            await stage.publish("shop/orders", version=str(number))
        await stage.settled()
        await another.ended()
        member.at = (await own.log.admin.positions(stage.settings.topics.group(REACTORS), stage.journal))[
            0
        ]  # it is dealt the journal again
        await stage.publish("shop/orders", version="4")

        async def go_on() -> None:
            while True:
                await sleeper.turn(member)

        going_on = asyncio.create_task(go_on())
        await stage.until(lambda: going_on.done() or is_at(stage, 4), "the last update is reported")
        await assert_one_grant_an_attempt(stage, 4)
        going_on.cancel()
        await asyncio.wait([going_on])
        reactor = sleeper.reactors[stage.journal, 0]
        assert reactor.domain.digest() == await refolded(stage, reactor.next)
        await sleeper.let_go(list(sleeper.reactors))


def is_heard(stage: Stage, number: int) -> bool:
    return stage.domain.state.roots["shop/orders"].seq >= number


def is_at(stage: Stage, number: int) -> bool:
    return stage.domain.state.nodes["shop/report"].version == f"report of {number}"


@on_each_log
async def test_a_reactor_that_takes_over_goes_on_from_snapshot_and_tail(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(settings, shop(), "ingress", "worker") as stage:
        async with reacting(stage, Pace(snapshot_entries=10)) as first:
            for number in range(1, 11):
                await stage.publish("shop/orders", version=str(number))
                await stage.until(lambda: stage.domain.state.nodes["shop/report"].version, "there is a report")
            await stage.settled()
            await stage.publish("shop/orders", version="11")
            await first.cut_off()
        kept = await stage.site.log.snapshots.newest("shop")
        assert kept is not None
        assert kept.offset >= 10
        folded: list[int] = []

        def watched(domain: Any, entry: Any, skips: Any) -> Any:
            folded.append(entry.offset)
            return fold(domain, entry, skips)

        monkeypatch.setattr("reactors.io.reactor.fold", watched)
        async with reacting(stage) as second:
            await stage.settled()
            await stage.checked()
            assert folded[0] == kept.offset, "the tail, and nothing before it"
            assert second.one.domain.digest() == await refolded(stage, second.one.next)
    assert stage.domain.state.nodes["shop/report"].version == "report of 11"


async def heads(stage: Stage) -> list[int]:
    """Offsets of the domain's snapshots that are kept."""
    topic = stage.settings.topics.snapshots.name
    if stage.site.transactional:
        with contextlib.closing(apsw.Connection(str(sqlite_path(stage.settings.log)))) as db:
            return [int(offset) for (offset,) in db.execute("SELECT offset FROM snapshots ORDER BY offset")]
    found: dict[bytes | None, bytes | None] = {}
    for partition, (first, end) in (await stage.site.log.log.bounds(topic)).items():
        async for entry in entries(stage.site.log, topic, partition, first, end):
            found[entry.key] = entry.value
    written = [value for key, value in found.items() if key and key.endswith(b"/head") and value is not None]
    return sorted(orjson.loads(value)["offset"] for value in written)


@on_each_log
async def test_of_many_snapshots_the_two_newest_are_kept_and_a_restart_equals_a_refold(settings: Settings) -> None:
    pace = Pace(snapshot_entries=5)
    async with staged(settings, shop(), "ingress", "worker") as stage:
        newest = [0]
        for restart in range(2):
            async with reacting(stage, pace) as reactor:
                for number in range(5):
                    await stage.publish("shop/orders", version=f"{restart} {number}")
                    await stage.settled()
                    await stage.until(lambda: reactor.one.next >= stage.reading.next, "the reactor is there too")
                assert reactor.one.domain.digest() == await refolded(stage, reactor.one.next)
                await stage.checked()
            kept = await heads(stage)
            assert len(kept) == 2
            assert kept[0] > newest[-1], "those before are gone"
            newest = kept


class Refusing:
    """A log that refuses the next append to a topic, once it is told which; keeps nothing of it."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.topic = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def append(self, records: Sequence[Record], position: Position | None = None) -> list[Stamp]:
        if any(record.topic == self.topic for record in records):
            self.topic = ""
            raise LogUnavailable("the log is away for a moment")
        return await self._log.append(records, position)


@on_each_log
async def test_a_reactor_whose_log_was_away_repeats_the_turn_and_loses_no_output(settings: Settings) -> None:
    topics = settings.topics
    async with staged(settings, shop(), "ingress", "worker") as stage, opened(settings) as own:
        parts = parts_of(own)
        refusing = Refusing(parts.log)
        async with reacting(stage, parts=replace(parts, log=refusing)):
            for number, topic in enumerate((topics.journal("shop"), topics.materializations, topics.runs("shop"))):
                refusing.topic = topic.name
                await stage.publish("shop/orders", version=str(number))
                await stage.until(lambda: not refusing.topic, "the log was away")
                await stage.settled()
            story = await stage.checked()
            assert len(story.outputs("asset.materialized")) == 6
            await assert_the_newest_state_won(stage)
