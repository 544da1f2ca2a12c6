"""Apprise as a destination, with a real HTTP server at its other end: off the loop, and nobody told twice."""

import asyncio
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from everfresh.config import settings
from everfresh.messengers import messengers
from sinks.choosing import Choice, types_of
from sinks.io.apprise import Apprise, Notice
from sinks.io.attempts import Manner
from streams.cloudevents import Envelope
from streams.errors import SettingError
from tests.conformance.sinks_stage import QUICK, Stage, sent, until
from tests.conformance.webhook_receiver import Receiver, receiving, says
from tests.core.sinks_samples import event

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:apprise", "ignore:'imghdr' is deprecated")


@pytest.fixture
def kind() -> str:
    return "memory"


def notice(*receivers: Receiver) -> Notice:
    urls = tuple(f"json://{one.url.removeprefix('http://')}" for one in receivers)
    return Notice("chat", urls, Choice(types_of(["alert.*"])))


async def settled(stage: Stage, meant: Notice, *events: Envelope) -> None:
    route = replace(meant.route(stage.topics), manner=Manner(QUICK))
    await sent(stage, stage.delivery(Apprise(meant), route=route), *events)


async def test_each_transition_is_a_message_with_its_colour(stage: Stage, receiver: Receiver) -> None:
    await settled(stage, notice(receiver), event("alert.opened"), event("alert.resolved", 2, sequence=2))
    opened, resolved = (orjson.loads(body) for _, body in receiver.got)
    assert (opened["title"], opened["type"]) == ("shop/revenue: freshness.overdue", "failure")
    assert opened["message"].startswith("Opened (error): shop/revenue is more than 5m behind")
    assert resolved["type"] == "success"


async def test_who_was_reached_isnt_told_again_where_another_wasnt(stage: Stage, receiver: Receiver) -> None:
    async with receiving() as other:
        other.answers = [says(500), says(500)]
        await settled(stage, notice(receiver, other), event("alert.opened"))
        assert (len(receiver.got), len(other.got)) == (1, 3)
    assert await stage.letters() == []


async def test_who_is_never_reached_is_a_dead_letter_without_its_url(
    stage: Stage, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    async def picky(request: web.Request) -> web.Response:
        return web.Response(status=404 if b"shop/doomed" in await request.read() else 204)

    receiver.answers = [picky] * 100
    events = [event("alert.opened", n, fingerprint=f"f{n}") for n in range(8)]
    await settled(stage, notice(receiver), event("alert.opened", 9, "shop/doomed"), *events)
    [letter] = await stage.letters()
    assert "apprise didn't reach url 1" in letter["data"]["error"]
    assert "s3cret-path" not in f"{letter} {notice(receiver)!r} {caplog.text}"


async def test_a_slow_one_doesnt_stop_the_loop(stage: Stage, receiver: Receiver) -> None:
    held = asyncio.Event()

    async def hold(_: web.Request) -> web.Response:
        await held.wait()
        return web.Response()

    receiver.answers = [hold]
    task = asyncio.create_task(settled(stage, notice(receiver), event("alert.opened")))
    await until(lambda: bool(receiver.got))  # the call is out, and this very loop serves it
    assert not task.done()
    held.set()
    await task
    assert stage.counted == [("apprise-chat", "delivered")]


def test_a_wrong_url_is_named_by_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHATS", "json://here nonsense://s3cret")
    with pytest.raises(SettingError, match=r"'apprise\.chat\.urls' is wrong: .* 'nonsense' URL in place 2") as raised:
        list(messengers(settings(apprise={"chat": {"urls_env": "CHATS"}})))
    assert "s3cret" not in str(raised.value)
    with pytest.raises(SettingError, match=r"'apprise\.chat\.urls' is missing; set `urls` or `urls_env`"):
        list(messengers(settings(apprise={"chat": {}})))
