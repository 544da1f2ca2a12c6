"""What nobody can read, or fold, stays an affair of its own: on the embedded log and on real Kafka."""

from collections.abc import Sequence
from typing import Any

import pytest

import everfresh as ef
from everfresh import App
from everfresh.cli.overruling import overrule
from everfresh.config import Settings
from everfresh.policies import Eager
from everfresh.reading import Reading
from reactors.io.clock import SystemClock
from reactors.io.reactor import ROLE as REACTORS
from reactors.io.reactor import DomainReactor, Pace, Parts
from reactors.stops import FoldFailed
from streams.cloudevents import HEADERS, encode, envelope
from streams.events import AssetChanged, DefinitionsDeclared, RunGranted, WorkerHeartbeat
from streams.io.urls import open_log
from streams.ports import Record
from streams.topics import Topics
from tests.choking import Choking, version
from tests.kafka.stage import ALL, Json, Stage, on_each_log, staged


def shop(domain: str = "shop") -> App:
    app = App(domain)
    app.source("orders")

    @app.asset(deps=["orders"], freshness=Eager())
    async def revenue(orders: ef.Input) -> ef.Output:
        return ef.Output(version=f"of {orders.version}")

    return app


async def dead_letters(stage: Stage) -> dict[str, Json]:
    """Coordinates → the letter."""
    said = [event async for _, event in stage.entries(stage.settings.topics.dead_letters.name) if event is not None]
    return {event["data"]["origin"]: event["data"] for event in said}


def changed(asset: str, **fields: Any) -> dict[str, Any]:
    return envelope(AssetChanged(**fields), f"{asset} {fields}", "test", asset, SystemClock().now_ms())


async def written(stage: Stage, topic: str, values: Sequence[bytes]) -> list[str]:
    """Append as they are; their coordinates."""
    stamps = await stage.site.log.log.append([Record(topic, value, None, HEADERS, partition=0) for value in values])
    return [f"{topic}/0/{stamp.offset}" for stamp in stamps]


@on_each_log
async def test_poison_in_a_journal_becomes_dead_letters_and_the_rest_goes_on(settings: Settings) -> None:
    async with staged(settings, shop(), *ALL) as stage:
        await stage.publish("shop/orders", version="1")
        unknown = changed("shop/orders", version="x") | {"type": "everfresh.unheard.of.v9"}
        poison = (b"\xff\xfe not JSON", encode(changed("shop/nobody", version="1")), encode(unknown))
        places = [place.rpartition("/")[2] for place in await written(stage, stage.journal, poison)]
        await stage.publish("shop/orders", version="2")
        story = await stage.checked()
        letters = await dead_letters(stage)
    assert [one["data"]["version"] for one in story.outputs("asset.materialized")][-1] == "of 2"
    undecodable, undeclared, unheard_of = [f"journal/shop/{place}" for place in places]
    assert set(letters) == {undecodable, undeclared}
    assert "not JSON" in letters[undecodable]["error"]
    assert "shop/nobody" in letters[undeclared]["error"]
    assert unheard_of not in letters, "a newer version's event: nothing to a reactor that doesn't know it"


@on_each_log
async def test_poison_among_changes_becomes_dead_letters_and_the_rest_goes_on(settings: Settings) -> None:
    async with staged(settings, shop(), *ALL) as stage:
        unknown = changed("shop/orders", version="x") | {"type": "everfresh.unheard.of.v9"}
        poison = (b"\xff\xfe not JSON", encode(unknown), encode(changed("elsewhere/orders", version="1")))
        places = await written(stage, stage.settings.topics.changes.name, poison)
        await stage.publish("shop/orders", version="1")
        await stage.checked()
        letters = await dead_letters(stage)
    assert sorted(letters) == sorted(places)
    assert letters[places[0]]["value_base64"]
    assert "everfresh.unheard.of.v9" in letters[places[1]]["error"]
    assert "elsewhere/orders" in letters[places[2]]["error"]


@on_each_log
async def test_a_fold_that_fails_three_times_stops_its_domain_only_until_an_operator_skips_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    choking, both = Choking(monkeypatch, version("shop/orders", "poison")), ["shop", "mall"]
    async with staged(settings, shop(), "worker") as stage, staged(settings, shop("mall"), "worker") as mall:
        await stage.start("ingress", domains=both)
        await stage.start("reactor", domains=both)
        await stage.publish("shop/orders", version="1")
        await stage.settled()
        await stage.publisher.publish("shop/orders", version="poison")
        await stage.until(lambda: "stops at offset" in caplog.text, "the domain stops")
        for number in range(3):
            await mall.publish("mall/orders", version=str(number))
            await mall.checked()
        (offset,) = set(choking.offsets)
        assert len(choking.offsets) == 3
        assert f"everfresh skip shop {offset}" in caplog.text, "it says what to do"
        standing = await stage.site.log.admin.positions(stage.settings.topics.group(REACTORS), stage.journal)
        assert standing[0] <= offset, "nothing is passed over in silence"

        await overrule(stage.site, "shop", offset, "a bug in the fold")
        stage.reading = Reading(stage.site.log, stage.settings.topics, "shop")
        await stage.reading.begin(whole=True)
        await stage.publish("shop/orders", version="2")
        await stage.settled()
        story = await stage.told(without=[offset])
        assert [one["data"]["version"] for one in story.outputs("asset.materialized")] == ["of 1", "of 2"]
        assert "override" in (await dead_letters(stage))[f"journal/shop/{offset}"]["error"]
        assert len(choking.offsets) == 3, "it was never folded again"


@on_each_log
async def test_a_tail_that_cannot_be_folded_any_more_stops_its_domain_only(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    both = ["shop", "mall"]
    async with staged(settings, shop(), "worker") as stage, staged(settings, shop("mall"), "worker") as mall:
        await stage.start("ingress", domains=both)
        reactor = await stage.start("reactor", domains=both)
        await stage.publish("shop/orders", version="1")
        await stage.checked()
        await reactor.cut_off()
        choking = Choking(monkeypatch, version("shop/orders", "1"))
        await stage.start("reactor", domains=both)
        await stage.until(lambda: "stops at offset" in caplog.text, "the domain stops")
        await mall.publish("mall/orders", version="1")
        await mall.checked()
        assert len(choking.offsets) == 3


@on_each_log
async def test_a_fold_that_fails_twice_costs_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    choking = Choking(monkeypatch, version("shop/orders", "2"), times=2)
    async with staged(settings, shop(), *ALL) as stage:
        for number in range(1, 4):
            await stage.publish("shop/orders", version=str(number))
        story = await stage.checked()
    assert len(choking.offsets) == 2
    assert story.outputs("asset.materialized")[-1]["data"]["version"] == "of 3"


async def test_states_that_wait_for_their_flush_outlive_a_fold_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    topics, log = Topics(), await open_log("memory:")
    await log.admin.create(topics.of("shop"))
    Choking(monkeypatch, version("shop/orders", "poison"), times=1)
    parts = Parts(log.log, log.snapshots, log.fencing, SystemClock(), topics, transactional=False)
    reactor = DomainReactor("shop", parts, pace=Pace(flush_ms=3_600_000))
    await reactor.restore(0)
    deploy = envelope(DefinitionsDeclared(**shop().manifest(1).model_dump()), "deploy", "test", "shop", 0)
    journal = topics.journal("shop").name
    for event in (deploy, changed("shop/orders", version="1"), changed("shop/orders", version="poison")):
        await log.log.append([Record(journal, encode(event), None, HEADERS, partition=0)])
        await reactor.turn(await log.log.read(journal, 0, reactor.next), caught_up=False)
    await reactor.close()
    bounds = await log.log.bounds(topics.freshness.name)
    assert sum(end for _, end in bounds.values()) > 0, "what the first change made stale was said"
    await log.close()


async def test_a_fact_of_its_own_that_cannot_be_folded_stops_the_domain_and_not_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    topics, log = Topics(), await open_log("memory:")
    await log.admin.create(topics.of("shop"))
    manifest, journal = shop().manifest(1), topics.journal("shop").name
    reactor = DomainReactor("shop", Parts(log.log, log.snapshots, log.fencing, SystemClock(), topics, True))
    await reactor.restore(0)

    Choking(monkeypatch, lambda event: event["type"] == RunGranted.TYPE)
    versions = {one.key: one.code_version for one in manifest.assets if one.kind == "derived"}
    beat = envelope(WorkerHeartbeat(worker="w", slots=1, code_versions=versions), "beat", "test", "w", 0)
    deploy = envelope(DefinitionsDeclared(**manifest.model_dump()), "deploy", "test", "shop", 0)
    for event in (deploy, beat, changed("shop/orders", version="1")):
        await log.log.append([Record(journal, encode(event), None, HEADERS, partition=0)])
    with pytest.raises(FoldFailed, match="everfresh skip shop 3"):
        await reactor.turn(await log.log.read(journal, 0, 0), caught_up=True)
    await reactor.let_go()
    await log.close()
