"""A process that was away comes back: what it still believes changes nothing, and nobody is lost by mistake."""

import asyncio
from pathlib import Path

import pytest

from everfresh.reading import entries
from reactors.apply import apply
from reactors.domain import Domain
from streams.cloudevents import decode
from streams.events import FreshnessChanged
from tests.faults.roles import Role
from tests.faults.stage import Json, Stage, staged
from tests.patience import PATIENCE_SECONDS
from tools.kafka.broker import Broker

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.long]

TAKEN = "taken over at offset"


def taken_at(role: Role) -> str:
    """When it took the domain over last; "" if it never did."""
    return max((line[:23] for line in role.said.read_text().splitlines() if TAKEN in line), default="")


async def until_runs(stage: Stage, count: int) -> None:
    """Return once so many more runs have succeeded."""
    before = stage.tail.count("run.succeeded")
    await stage.eventually(lambda: stage.tail.count("run.succeeded") >= before + count, f"{count} more runs")


async def newest_states(stage: Stage) -> dict[str, str]:
    """Asset → the id of the newest state in the compacted topic, as a committed reader sees it."""
    topic, found = stage.settings.topics.freshness.name, {}
    for partition, (first, end) in (await stage.site.log.log.bounds(topic)).items():
        async for entry in entries(stage.site.log, topic, partition, first, end):
            event = decode(entry.value, entry.headers)
            found[event["subject"]] = event["id"]
    return found


def last_states(stage: Stage) -> dict[str, str]:
    """The same, as folding the whole journal says."""
    domain, found = Domain(), {}
    for at, entry in enumerate(stage.tail.entries):
        assert entry.offset == at
        for output in apply(domain, entry.offset, entry.timestamp, decode(entry.value, entry.headers)):
            if output.model is FreshnessChanged:
                found[output.subject] = output.envelope(domain.name, domain.state.incarnation)["id"]
    return found


def one_worker_an_attempt(records: list[Json]) -> None:
    sent: dict[tuple[str, int], set[str]] = {}
    for one in records:
        if one["event"]["type"] == "everfresh.run.granted.v1" and ".runs.v1." in one["topic"]:
            data = one["event"]["data"]
            sent.setdefault((data["run"], data["attempt"]), set()).add(data["worker"])
    assert sent
    assert all(len(workers) == 1 for workers in sent.values())


async def test_a_reactor_that_slept_through_its_session_has_no_second_effect(broker: Broker, tmp_path: Path) -> None:
    async with staged(broker.url, tmp_path) as stage:
        await stage.start("reactor", "worker-1", "ingress")
        loading = stage.begin_load()
        await until_runs(stage, 3)
        await stage.start("reactor-2")
        both = stage.role("reactor"), stage.role("reactor-2")
        await until_runs(stage, 1)
        other, sleeper = sorted(both, key=taken_at)
        sleeper.pause()
        await stage.eventually(lambda: taken_at(other) > taken_at(sleeper), "the other reactor takes over")
        await until_runs(stage, 5)
        sleeper.resume()
        await until_runs(stage, 10)
        assert other.stop() == 0
        await stage.eventually(lambda: taken_at(sleeper) > taken_at(other), "the sleeper has the domain again")
        await until_runs(stage, 5)
        await stage.end_load(loading)
        await stage.quiet()
        records = stage.export()
        stage.checked(records)
        one_worker_an_attempt(records)
        states, newest = last_states(stage), dict[str, str]()
        for _ in range(100):  # the last ones are flushed a moment after the rest
            if (newest := await newest_states(stage)) == states:
                break
            await asyncio.sleep(0.1)
        assert newest == states


async def test_a_reactor_that_was_away_invents_nothing_when_it_comes_back(broker: Broker, tmp_path: Path) -> None:
    """Three leases long, with workers that go on and a run that goes on."""
    async with staged(broker.url, tmp_path) as stage:
        await stage.start("reactor", "worker-1", "worker-2", "ingress")
        loading = stage.begin_load()
        await until_runs(stage, 3)
        await stage.load.one("jobs", "8:away")
        begun = await stage.tail.next(
            lambda seen: seen.kind == "run.started" and seen.data["asset"].endswith("/long"), PATIENCE_SECONDS, 0
        )
        stage.role("reactor").kill()
        journal = stage.settings.topics.journal(stage.domain).name
        end = (await stage.site.log.log.bounds(journal))[0][1]
        await asyncio.sleep(10.0)  # time itself is what is tested: three leases
        away = [seen.kind for seen in stage.tail.seen if seen.offset >= end]
        assert set(away) <= {"asset.changed", "worker.heartbeat", "run.succeeded", "run.started", "run.rejected"}
        since = stage.tail.seen[-1].offset + 1
        stage.role("reactor").start()
        await stage.back(stage.role("reactor"), since)
        await until_runs(stage, 10)
        await stage.end_load(loading)
        await stage.quiet()
        records = stage.export()
        stage.checked(records)
        held = {seen.attempt for seen in stage.tail.seen if seen.kind == "run.started"}
        lost = {seen.attempt for seen in stage.tail.seen if seen.kind == "run.lost"}
        assert not lost & held
        assert ended(records, "/long") == [(begun.data["run"], 1, "materialized")]
        opened = [one["event"]["data"]["asset"] for one in records if "alert.opened" in one["event"]["type"]]
        assert not [asset for asset in opened if asset.endswith("/long")]


async def test_a_worker_killed_in_a_long_run_is_followed_by_another_after_its_lease(
    broker: Broker, tmp_path: Path
) -> None:
    async with staged(broker.url, tmp_path) as stage:
        await stage.start("reactor", "worker-1", "worker-2", "ingress")
        await stage.load.one("jobs", "5")
        first = await stage.tail.next(lambda seen: seen.kind == "run.started", PATIENCE_SECONDS, 0)
        at = stage.role(worker_of(first.data["worker"])).kill()
        lost = await stage.tail.next(lambda seen: seen.kind == "run.lost", PATIENCE_SECONDS, first.offset)
        again = await stage.tail.next(lambda seen: seen.kind == "run.started", PATIENCE_SECONDS, lost.offset)
        assert lost.at - at >= stage.settings.lease_ms * 2 // 3 - 200  # its last heartbeat, at most a third ago
        assert again.attempt == (first.attempt[0], 2)
        assert again.data["worker"] != first.data["worker"]
        await stage.quiet()
        records = stage.export()
        stage.checked(records)
        assert [outcome for _, _, outcome in ended(records, "/long")] == ["lost", "materialized"]


async def test_the_late_report_of_a_worker_that_slept_is_rejected(broker: Broker, tmp_path: Path) -> None:
    async with staged(broker.url, tmp_path) as stage:
        await stage.start("reactor", "worker-1", "worker-2", "ingress")
        await stage.load.one("jobs", "3")
        first = await stage.tail.next(lambda seen: seen.kind == "run.started", PATIENCE_SECONDS, 0)
        sleeper = stage.role(worker_of(first.data["worker"]))
        sleeper.pause()
        lost = await stage.tail.next(lambda seen: seen.kind == "run.lost", PATIENCE_SECONDS, first.offset)
        await stage.tail.next(lambda seen: seen.kind == "run.started", PATIENCE_SECONDS, lost.offset)
        sleeper.resume()
        late = await stage.tail.next(
            lambda seen: seen.attempt == first.attempt and seen.kind == "run.succeeded", PATIENCE_SECONDS, lost.offset
        )
        await stage.quiet()
        records = stage.export()
        stage.checked(records)
        assert ended(records, "/long") == [
            (first.attempt[0], 1, "lost"),
            (late.attempt[0], 1, "rejected"),
            (first.attempt[0], 2, "materialized"),
        ]


def worker_of(name: str) -> str:
    """`worker-1` of `worker-1-4711-beef`."""
    return name.rsplit("-", 2)[0]


def ended(records: list[Json], asset: str) -> list[tuple[str, int, str]]:
    """How each attempt of an asset ended: run, attempt, outcome; in the order of the causes, each once."""
    found: dict[tuple[int, str, int, str], None] = {}
    for one in records:
        event = one["event"]
        kind = event["type"].removeprefix("everfresh.").removesuffix(".v1")
        if kind in {"run.ended", "asset.materialized"} and event["data"]["asset"].endswith(asset):
            data = event["data"]
            found[int(event["journaloffset"]), data["run"], data["attempt"], data.get("outcome", "materialized")] = None
    return [(run, attempt, outcome) for _, run, attempt, outcome in sorted(found)]
