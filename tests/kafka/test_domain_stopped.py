"""A domain whose journal can't be folded says so as an alert, and that is over once it goes on: on both logs."""

import pytest

from everfresh import App
from everfresh.cli.overruling import overrule
from everfresh.config import Settings
from everfresh.reading import Reading
from tests.choking import Choking, version
from tests.kafka.stage import Json, Stage, on_each_log, staged
from tests.kafka.test_promises_poison import shop


def labelled() -> App:
    app = shop()
    app.alert("domain.*", labels={"team": "platform"})
    return app


async def told(stage: Stage) -> list[Json]:
    """The transitions of the alert, each id once, in the order in which they came."""
    found = {}
    async for _, event in stage.entries(stage.settings.topics.alerts.name):
        if event is not None and event["data"]["rule"] == "domain.stopped":
            found[event["id"]] = event["data"] | {"type": event["type"]}
    return list(found.values())


async def fires(stage: Stage) -> set[str]:
    """The rules of what fires, as the compacted topic has it."""
    newest = {key: event async for key, event in stage.entries(stage.settings.topics.alert_state.name)}
    return {event["data"]["rule"] for event in newest.values() if event is not None}


async def until_fires(stage: Stage, rules: set[str]) -> None:
    for _ in range(900):
        if await fires(stage) == rules:
            return
        await stage.reading.more(wait_ms=100)
    raise AssertionError(f"{await fires(stage)} fires, and not {rules}")


async def until_stopped(stage: Stage, times: int) -> None:
    """Return once it stopped so often, and all is told of that."""
    journal = stage.settings.topics.journal("shop").name
    for _ in range(900):
        said = [event async for _, event in stage.entries(journal) if event is not None]
        if sum(event["type"] == "everfresh.reactor.stopped.v1" for event in said) >= times:
            return await until_fires(stage, {"domain.stopped"})
        await stage.reading.more(wait_ms=100)
    raise AssertionError(f"it didn't stop {times} times")


@on_each_log
async def test_a_domain_that_stops_opens_one_alert_however_often_it_is_tried(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    choking = Choking(monkeypatch, version("shop/orders", "poison"))
    async with staged(settings, labelled(), "ingress", "worker") as stage:
        await stage.publisher.publish("shop/orders", version="poison")
        for times in (1, 2, 3):
            reactor = await stage.start("reactor")
            await until_stopped(stage, times)
            await reactor.ended()
        (opened,) = await told(stage)
    (offset,) = set(choking.offsets)
    assert opened["type"] == "everfresh.alert.opened.v1"
    assert (opened["severity"], opened["episode"], opened["sequence"]) == ("critical", offset + 1, 1)
    assert opened["labels"] == {"team": "platform"}, "as the app says of such alerts"
    assert f"everfresh skip shop {offset}" in opened["summary"]
    assert "a bug in the fold" in opened["actual"]


@on_each_log
async def test_the_alert_of_a_stopped_domain_resolves_once_the_code_is_mended(settings: Settings) -> None:
    async with staged(settings, labelled(), "ingress", "worker") as stage:
        with pytest.MonkeyPatch.context() as bug:
            Choking(bug, version("shop/orders", "poison"))
            await stage.publish("shop/orders", version="poison")
            for times in (1, 2):
                reactor = await stage.start("reactor")
                await until_stopped(stage, times)
                await reactor.ended()
            assert await fires(stage) == {"domain.stopped"}
        await stage.start("reactor")
        await stage.publish("shop/orders", version="2")
        story = await stage.checked()
        await until_fires(stage, set())
        opened, resolved = await told(stage)
    assert story.outputs("asset.materialized")[-1]["data"]["version"] == "of 2", "and the poison was none"
    assert resolved["type"] == "everfresh.alert.resolved.v1"
    for name in ("fingerprint", "episode", "severity", "labels", "since"):
        assert resolved[name] == opened[name]
    assert resolved["sequence"] == 2


@on_each_log
async def test_an_entry_that_is_passed_over_lets_a_running_reactor_go_on_by_itself(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    choking = Choking(monkeypatch, version("shop/orders", "poison"))
    async with staged(settings, labelled(), "ingress", "worker", "reactor") as stage:
        await stage.publish("shop/orders", version="1")
        await stage.settled()
        await stage.publisher.publish("shop/orders", version="poison")
        await until_fires(stage, {"domain.stopped"})
        (offset,) = set(choking.offsets)
        await overrule(stage.site, "shop", offset, "a bug in the fold")
        await until_fires(stage, {"dead.letter"})
        stage.reading = Reading(stage.site.log, stage.settings.topics, "shop")
        await stage.reading.begin(whole=True)
        await stage.publish("shop/orders", version="2")
        await stage.settled()
        story = await stage.told(without=[offset])
        opened, resolved = await told(stage)
    assert [one["data"]["version"] for one in story.outputs("asset.materialized")] == ["of 1", "of 2"]
    assert (opened["sequence"], resolved["sequence"]) == (1, 2)
    assert len(choking.offsets) == 3, "it was never folded again"
