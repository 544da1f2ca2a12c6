"""What PagerDuty is sent: what its document has, under one key an episode, until it takes it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from sinks.choosing import Choice, types_of
from sinks.io.attempts import Manner
from sinks.io.delivery import Delivery
from sinks.io.pagerduty import PagerDuty, Service
from streams.cloudevents import Envelope
from tests.conformance.services import KEY, Answer, PagerDutyServer, pagerduty
from tests.conformance.sinks_stage import QUICK, Stage, sent
from tests.conformance.webhook_receiver import says
from tests.core.sinks_samples import event


@pytest.fixture
async def server() -> AsyncIterator[PagerDutyServer]:
    async with pagerduty() as made:
        yield made


@pytest.fixture
def kind() -> str:
    return "memory"


def delivery(stage: Stage, server: PagerDutyServer, try_ms: int = 5_000) -> Delivery:
    choice = Choice(types_of(["alert.*"]), "warn", for_people=True)
    meant = Service("oncall", KEY, choice, server.url, allow_private=True, manner=Manner(QUICK, try_ms=try_ms))
    return stage.delivery(PagerDuty(meant), route=meant.route(stage.topics))


def alert(how: str, sequence: int, **fields: Any) -> Envelope:
    return event(f"alert.{how}", sequence, sequence=sequence, **fields)


async def test_an_episode_is_triggered_acknowledged_and_resolved_under_one_key(
    stage: Stage, server: PagerDutyServer
) -> None:
    taken_on = alert("updated", 2, acknowledged_by="ada")
    again = alert("opened", 4, episode=2)
    await sent(stage, delivery(stage, server), alert("opened", 1), taken_on, alert("resolved", 3), again)
    assert server.incidents == {"f1/1": ["trigger", "acknowledge", "resolve"], "f1/2": ["trigger"]}
    assert server.wrong == []


async def test_a_trigger_says_what_it_is_about(stage: Stage, server: PagerDutyServer) -> None:
    links = {"console": "https://console.example/x", "no link": "javascript:1"}
    fields = {"labels": {"check": "no_nulls"}, "links": links, "summary": "x" * 2_000, "severity": "warn"}
    await sent(stage, delivery(stage, server), alert("opened", 1, **fields))
    [took] = server.took
    payload = took["payload"]
    assert (payload["severity"], payload["source"], payload["class"]) == (
        "warning",
        "shop/revenue",
        "freshness.overdue",
    )
    assert payload["custom_details"]["labels"] == {"check": "no_nulls"}
    assert payload["custom_details"]["owner"] == "growth"
    assert took["links"] == [{"href": "https://console.example/x", "text": "console"}]


async def test_an_alert_without_asset_or_words_is_as_documented_too(stage: Stage, server: PagerDutyServer) -> None:
    bare = {"asset": None, "owner": None, "summary": "", "expected": None, "actual": None}
    await sent(stage, delivery(stage, server), alert("opened", 1, **bare))
    assert server.wrong == []
    assert server.took[0]["payload"]["source"] == "shop"


async def test_what_isnt_for_it_isnt_sent_but_every_end_is(stage: Stage, server: PagerDutyServer) -> None:
    mild = alert("opened", 1, severity="info"), alert("resolved", 2, severity="info")
    await sent(stage, delivery(stage, server), *mild)
    assert server.incidents == {"f1/1": ["resolve"]}


async def test_nobody_is_called_for_what_is_silenced_or_explained_until_it_isnt(
    stage: Stage, server: PagerDutyServer
) -> None:
    quiet = alert("opened", 1, silenced_until="2999-01-01T00:00:00Z"), alert("updated", 2, inhibited_by="f0")
    await sent(stage, delivery(stage, server), *quiet, alert("updated", 3), alert("resolved", 4, inhibited_by="f0"))
    assert server.incidents == {"f1/1": ["trigger", "resolve"]}


async def hang(_: web.Request) -> web.Response:
    await asyncio.sleep(1)
    return web.Response()


async def wrong_key(_: web.Request) -> web.Response:
    errors = ["Length of 'routing_key' is incorrect (should be 32 characters)"]
    return web.json_response({"status": "invalid event", "errors": errors}, status=400)


@pytest.mark.parametrize(
    "answer",
    [wrong_key, says(500), says(502), says(403), says(404), says(429), says(429, **{"Retry-After": "1"}), hang],
)
async def test_it_is_tried_again_with_the_same_key_until_it_is_taken(
    stage: Stage, server: PagerDutyServer, answer: Answer
) -> None:
    server.answers += [answer]
    began = asyncio.get_running_loop().time()
    await sent(stage, delivery(stage, server, try_ms=200), alert("opened", 1))
    assert (server.calls, server.incidents) == (2, {"f1/1": ["trigger"]})
    if answer is not hang and (await answer(None)).headers.get("Retry-After"):  # type: ignore[arg-type]
        assert asyncio.get_running_loop().time() - began >= 1


@pytest.mark.parametrize("status", [400, 413])
async def test_what_it_will_never_take_is_a_dead_letter_at_once(
    stage: Stage, server: PagerDutyServer, status: int
) -> None:
    server.answers += [says(status)]
    await sent(stage, delivery(stage, server), alert("opened", 1))
    [letter] = await stage.letters()
    assert letter["data"]["error"] == f"sink 'pagerduty-oncall': refused: HTTP {status}"
    assert server.calls == 1


async def test_the_key_is_never_said(stage: Stage, server: PagerDutyServer, caplog: pytest.LogCaptureFixture) -> None:
    server.answers += [says(500), says(400)]
    meant = delivery(stage, server)
    await sent(stage, meant, alert("opened", 1))
    assert KEY not in f"{caplog.text} {await stage.letters()} {await stage.journal()} {meant.route!r}"
