"""What Alertmanager is told, on the real one: what fires, what is over, and that again and again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sinks.choosing import Choice, types_of
from sinks.io.alertmanager import Alertmanager, Pager, Resending
from sinks.io.attempts import Manner
from sinks.ports import Refused
from sinks.routing import AlertRoute, Routing
from streams.cloudevents import HEADERS, Envelope, encode
from streams.io.clock import wall_clock_ms
from streams.ports import Record
from streams.units import rfc3339
from tests.conformance.sinks_stage import QUICK, Stage, running
from tests.core.sinks_samples import event
from tests.patience import PATIENCE_SECONDS
from tests.real_alertmanager import RealAlertmanager, alertmanager
from tools.kafka.broker import free_port

OWN = Choice(types_of(["alert.*"]), "warn", for_people=True)


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[RealAlertmanager]:
    async with alertmanager(tmp_path) as made:
        yield made


@pytest.fixture
def kind() -> str:
    return "memory"


def pager(url: str, **said: Any) -> Pager:
    return replace(
        Pager("main", url, OWN, allow_private=True, manner=Manner(QUICK, try_ms=5_000), resend_ms=1_000), **said
    )


@asynccontextmanager
async def told(stage: Stage, meant: Pager) -> AsyncIterator[Alertmanager]:
    """The destination at work, with its clock."""
    destination, stop = Alertmanager(meant), asyncio.Event()
    delivery = stage.delivery(destination, route=meant.route(stage.topics))
    again = asyncio.create_task(Resending(meant, destination, stage.moody, stage.topics).run(stop))
    async with running(delivery):
        await delivery.ready.wait()
        yield destination
        stop.set()
        await again


def alert(how: str, sequence: int, fingerprint: str = "f1", **fields: Any) -> Envelope:
    """One that says what it does now."""
    now_ms = wall_clock_ms()
    said: dict[str, Any] = {"fingerprint": fingerprint, "sequence": sequence, "since": now_ms - 60_000} | fields
    return event(f"alert.{how}", sequence, **said) | {"time": rfc3339(now_ms)}


async def is_so(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await true():
            await asyncio.sleep(0.05)


async def is_told(real: RealAlertmanager, *how: str, fingerprint: str = "f1", episode: int = 1) -> None:
    async def true() -> bool:
        return real.told(fingerprint, episode) == list(how)

    await is_so(true)


async def test_an_alert_fires_with_what_it_is_about_and_is_over_when_it_is(
    stage: Stage, real: RealAlertmanager
) -> None:
    fields: dict[str, Any] = {
        "labels": {"check": "no_nulls", "data-class": "a"},
        "links": {"console": "https://console.example/x"},
    }
    async with told(stage, pager(real.url)):
        await stage.send(alert("opened", 1, **fields))
        await is_told(real, "firing")
        [shown] = await real.firing(fingerprint="f1")
        assert shown["labels"] == {
            "alertname": "freshness.overdue",
            "severity": "error",
            "asset": "shop/revenue",
            "owner": "growth",
            "domain": "shop",
            "fingerprint": "f1",
            "episode": "1",
            "check": "no_nulls",
            "data_class": "a",
        }
        assert shown["annotations"]["summary"] == "shop/revenue is more than 5m behind its sources"
        assert shown["generatorURL"] == "https://console.example/x"
        await stage.send(alert("resolved", 2, **fields))
        await is_told(real, "firing", "resolved")
        assert await real.firing(fingerprint="f1") == []
        await stage.send(alert("opened", 3, episode=2))
        await is_told(real, "firing", episode=2)


async def test_what_fires_is_told_again_so_that_it_never_lapses(stage: Stage, real: RealAlertmanager) -> None:
    async with told(stage, pager(real.url)):
        await stage.send(alert("opened", 1))
        await is_told(real, "firing")
        await asyncio.sleep(5)  # one telling holds for 4 s
        assert real.told("f1") == ["firing"]
    await is_told(real, "firing", "resolved")  # nobody tells of it any more


async def test_what_fired_before_a_start_is_known_from_the_states(stage: Stage, real: RealAlertmanager) -> None:
    states = stage.topics.alert_state.name
    for name in ("f1", "f2"):
        await stage.log.log.append([Record(states, encode(alert("opened", 1, name)), name.encode(), HEADERS)])
    await stage.log.log.append([Record(states, None, b"f2")])
    async with told(stage, pager(real.url)):
        await is_told(real, "firing")
        assert real.told("f2") == []
        await stage.log.log.append([Record(states, None, b"f1")])
        await is_told(real, "firing", "resolved")


async def test_what_is_over_by_its_transition_isnt_told_again_though_the_state_lags(
    stage: Stage, real: RealAlertmanager
) -> None:
    opened, resolved = alert("opened", 1), alert("resolved", 2)
    await stage.send(opened)
    await stage.send(resolved)
    await stage.log.log.append([Record(stage.topics.alert_state.name, encode(opened), b"f1", HEADERS)])
    async with told(stage, pager(real.url)) as destination:
        await asyncio.sleep(0.5)
        assert destination.firing.newest("f1") == resolved
    assert real.told("f1") == []


async def test_one_that_is_made_anew_hears_of_everything(stage: Stage, tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    async with told(stage, pager(f"http://127.0.0.1:{port}")):
        async with alertmanager(tmp_path / "first", port) as first:
            await stage.send(alert("opened", 1))
            await is_told(first, "firing")
        await stage.send(alert("opened", 1, "f2"))
        async with alertmanager(tmp_path / "second", port) as second:
            await is_told(second, "firing")
            await is_told(second, "firing", fingerprint="f2")


async def test_another_severity_is_the_same_alert_and_the_old_one_ends(stage: Stage, real: RealAlertmanager) -> None:
    async with told(stage, pager(real.url, resend_ms=60_000)):  # nothing lapses meanwhile
        await stage.send(alert("opened", 1, severity="warn"))
        await is_told(real, "firing")
        await stage.send(alert("updated", 2, severity="critical"))

        async def one_of_them() -> bool:
            return [one["labels"]["severity"] for one in await real.firing(fingerprint="f1")] == ["critical"]

        await is_so(one_of_them)
        await stage.send(alert("resolved", 3, severity="critical"))

        async def none() -> bool:
            return not await real.firing(fingerprint="f1")

        await is_so(none)


async def test_what_is_silenced_or_explained_by_another_is_quiet_there_until_it_isnt(
    stage: Stage, real: RealAlertmanager
) -> None:
    async with told(stage, pager(real.url)):
        await stage.send(alert("opened", 1, "late", inhibited_by="f1"))
        await stage.send(alert("opened", 1))
        await is_told(real, "firing")
        await stage.send(alert("updated", 2, silenced_until=wall_clock_ms() + 3_600_000))
        await is_told(real, "firing", "resolved")  # nobody tells of it any more
        assert real.told("late") == []
        assert real.told("f1") == ["firing", "resolved"]
        await stage.send(alert("updated", 3))
        await is_told(real, "firing", "resolved", "firing")
        await stage.send(alert("updated", 2, "late"))
        await is_told(real, "firing", fingerprint="late")


async def test_what_isnt_for_it_isnt_told_and_ends_always_are(stage: Stage, real: RealAlertmanager) -> None:
    route = AlertRoute(frozenset({"alertmanager-main"}), owners=("growth",), least="error")
    routing = Routing((route,), otherwise=frozenset({"slack-rest"}))
    async with told(stage, pager(real.url, choice=routing.choice("alertmanager-main", OWN))):
        await stage.send(alert("opened", 1, "mild", severity="warn"))
        await stage.send(alert("opened", 1, "foreign", owner="sales"))
        await stage.send(alert("opened", 1))
        await is_told(real, "firing")
        await stage.send(alert("resolved", 2, severity="info", owner="sales"))
        await is_told(real, "firing", "resolved")
    assert {labels["fingerprint"] for _, labels in real.heard} == {"f1"}


async def test_what_is_no_alert_is_refused(real: RealAlertmanager) -> None:
    sink = Alertmanager(pager(real.url))
    broken = event("alert.opened")
    del broken["data"]["rule"]
    with pytest.raises(Refused, match="rule"):
        await sink.deliver(broken | {"data": broken["data"] | {"since": "soon"}})
    await sink.deliver(event("asset.materialized"))
    await sink.close()
    assert real.heard == []
