"""Nothing that a publisher or a function says stops a reactor by its size: it is cut, or said to be too large."""

from typing import Any

import orjson
import pytest

from everfresh.testing import World
from reactors.domain import Output
from reactors.io.clock import SystemClock
from reactors.io.emitter import Emitter
from reactors.io.reactor import DomainReactor, Parts
from streams.cloudevents import SIZE_MAX, Envelope, decode, encode, envelope
from streams.errors import DefinitionError, EventTooLarge
from streams.events import (
    AssetChanged,
    AssetMaterialized,
    DeadLetter,
    DefinitionsDeclared,
    Event,
    RunGranted,
    RunSucceeded,
    WorkerHeartbeat,
)
from streams.io.urls import open_log
from streams.policies import Eager
from streams.ports import Record
from streams.sizes import CUT, shortened
from streams.topics import Topics
from tests.core.worlds import derived, domain_of, source

LONG = {"text": "x" * 150_000}
INPUTS = ("d/s", "d/t", "d/u")


class Reactor:
    """A real one on a log in memory; the test is its publishers and its worker."""

    def __init__(self, parts: Parts) -> None:
        self.parts, self.reactor = parts, DomainReactor("d", parts)
        self._place = {"journal": 0}

    @classmethod
    async def of(cls, *events: tuple[str, Any]) -> "Reactor":
        log, topics = await open_log("memory:"), Topics()
        await log.admin.create(topics.of("d"))
        found = cls(Parts(log.log, log.snapshots, log.fencing, SystemClock(), topics, transactional=False))
        await found.hear(*events)
        return found

    async def hear(self, *events: tuple[str, Any]) -> None:
        """Append these and let the reactor turn until it has nothing more to say."""
        topic = self.parts.topics.journal("d").name
        now = self.parts.clock.now_ms()
        for number, (subject, event) in enumerate(events):
            wrapped = envelope(event, f"{subject}-{number}-{now}", "test", subject, now)
            await self.parts.log.append([Record(topic, encode(wrapped), None, (), partition=0)])
        for _ in range(5):
            entries = await self.parts.log.read(topic, 0, self.reactor.next, limit=1_000, wait_ms=0)
            await self.reactor.turn(entries, caught_up=True)
        await self.reactor.sent()

    async def said(self, topic: str, kind: type[Event]) -> list[Envelope]:
        """What stands in a topic of a kind."""
        found = []
        for partition in range(4):
            try:
                entries = await self.parts.log.read(topic, partition, 0, limit=1_000, wait_ms=0)
            except Exception:
                break
            found += [decode(one.value) for one in entries]
        return [one for one in found if one["type"] == kind.TYPE]


def changed(metadata: dict[str, Any] | None = LONG) -> list[tuple[str, Any]]:
    return [(key, AssetChanged(version="1", metadata=metadata, uri=f"s3://{key}")) for key in INPUTS]


def declared(policy: Any = None) -> tuple[str, Any]:
    manifest = domain_of(*map(source, INPUTS), derived("d/a", *INPUTS, policy=policy or Eager()))
    return "d", DefinitionsDeclared(**manifest.model_dump())


BEAT = ("w", WorkerHeartbeat(worker="w", slots=2, code_versions={"d/a": "1"}))


async def test_a_grant_of_inputs_with_long_metadata_is_cut_and_the_reactor_goes_on() -> None:
    reactor = await Reactor.of(declared(), *changed(), BEAT)
    (grant,) = await reactor.said("everfresh.runs.v1.d", RunGranted)
    pins = grant["data"]["inputs"]
    assert sum(pin.get("metadata") == {CUT: 150_011} for pin in pins.values()) == 2
    assert pins["d/u"]["metadata"] == LONG  # as much as fits stays
    assert {pins[key]["uri"] for key in INPUTS} == {f"s3://{key}" for key in INPUTS}


async def test_a_publication_is_cut_too() -> None:
    reactor = await Reactor.of(declared(), *changed({"text": "x" * 80_000}), BEAT)
    (grant,) = await reactor.said("everfresh.runs.v1.d", RunGranted)
    named = {name: grant["data"][name] for name in ("run", "asset", "attempt", "worker")}
    done = RunSucceeded(**named, metadata=LONG, started_at=0, finished_at=1, duration_ms=1)
    await reactor.hear(("d/a", done))
    (published,) = await reactor.said("everfresh.materializations.v1", AssetMaterialized)
    assert published["data"]["metadata"] == {CUT: 150_011}
    assert len(orjson.dumps(published)) <= SIZE_MAX


async def test_what_is_too_large_all_the_same_pauses_its_asset_and_says_why() -> None:
    many = [f"d/s{number}" for number in range(200)]
    manifest = domain_of(*(source(one) for one in many), derived("d/a", *many, policy=Eager()), derived("d/b", many[0]))
    changes = [(one, AssetChanged(version="v" * 900, uri="u" * 900)) for one in many]
    reactor = await Reactor.of(("d", DefinitionsDeclared(**manifest.model_dump())), BEAT, *changes)
    node = reactor.reactor.domain.state.nodes["d/a"]
    assert node.paused is not None
    assert "its grant is too large" in node.paused
    await reactor.hear((many[0], AssetChanged(version="2")))  # it goes on


def test_an_output_that_nothing_can_shorten_becomes_a_dead_letter() -> None:
    fields = {
        "asset": "d/a",
        "version": "1",
        "inputs": {},
        "cut": {f"d/{'s' * 90}{n}": n for n in range(3_000)},
        "covers": {},
    }
    output = Output(AssetMaterialized, "d/a", 7, 0, 0, fields)
    (record,) = Emitter(Topics(), "d", "j").records([output])
    letter = decode(record.value)
    assert (record.topic, letter["type"]) == ("everfresh.dead-letters.v1", DeadLetter.TYPE)
    assert letter["data"]["origin"] == "journal/d/7"


def test_an_asset_that_reads_more_than_a_grant_can_name_is_refused_at_deploy() -> None:
    many = [f"d/s{number}" for number in range(751)]
    with pytest.raises(DefinitionError, match="'d/a' reads 751 assets, and a run can name 750"):
        World(domain_of(*(source(one) for one in many), derived("d/a", *many)))


def test_what_has_nothing_to_cut_is_refused() -> None:
    with pytest.raises(EventTooLarge):
        shortened({"specversion": "1.0", "type": "t", "data": {"version": "x" * 300_000}})
