"""What a webhook's receiver is promised, on a real HTTP server: signed events, and repeats known by their id."""

import asyncio
import hashlib
import hmac
from base64 import b64decode, b64encode
from dataclasses import replace

import orjson
import pytest
from aiohttp import web

from everfresh.webhooks import verify
from sinks.io.attempts import Manner
from sinks.io.delivery import Delivery
from sinks.io.webhook import Hook, Webhook
from sinks.ports import Refused
from tests.conformance.sinks_stage import QUICK, Stage, running, until
from tests.conformance.webhook_receiver import OLDER, PATH, SECRET, Answer, Receiver, hook, says
from tests.core.sinks_samples import event


@pytest.fixture
def kind() -> str:
    return "memory"


def delivery(stage: Stage, meant: Hook, try_ms: int = 5_000) -> Delivery:
    route = replace(meant.route(stage.topics), manner=Manner(QUICK, try_ms=try_ms))
    return stage.delivery(Webhook(meant), route=route)


async def settled(stage: Stage, meant: Delivery, receiver: Receiver, *answers: Answer) -> None:
    """One alert, delivered to a receiver that answers so, until it has it or it was given up."""
    receiver.answers += answers
    async with running(meant):
        await meant.ready.wait()
        await stage.send(event("alert.opened"))
        await until(lambda: stage.counted[-1:] in ([("webhook-pager", "delivered")], [("webhook-pager", "dead")]))


async def error_of(stage: Stage) -> str:
    [letter] = await stage.letters()
    return str(letter["data"]["error"])


async def test_what_is_meant_for_it_comes_as_a_signed_cloudevent(stage: Stage, receiver: Receiver) -> None:
    sent = [event("alert.opened"), event("alert.resolved", 2)]
    pager = delivery(stage, hook(receiver))
    async with running(pager):
        await pager.ready.wait()
        for one in (sent[0], event("alert.opened", 3, severity="info"), sent[1]):
            await stage.send(one)
        await until(lambda: len(receiver.got) == 2)
    assert [orjson.loads(body) for _, body in receiver.got] == sent
    for (headers, body), one in zip(receiver.got, sent, strict=True):
        assert headers["content-type"] == "application/cloudevents+json"
        assert headers["webhook-id"] == one["id"]
        # By hand, as the standard's text has it.
        content = f"{one['id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = hmac.new(b64decode(SECRET.removeprefix("whsec_")), content, hashlib.sha256).digest()
        assert headers["webhook-signature"] == "v1," + b64encode(digest).decode()
        assert verify(headers, body, SECRET) == one
    assert receiver.paths == [PATH, PATH]


async def test_with_two_secrets_a_receiver_may_know_either(stage: Stage, receiver: Receiver) -> None:
    await settled(stage, delivery(stage, hook(receiver, secrets=(SECRET, OLDER))), receiver)
    for secret in (SECRET, OLDER):
        assert verify(*receiver.got[0], secret)


async def test_other_events_come_when_asked_for(stage: Stage, receiver: Receiver) -> None:
    await stage.materialized("shop/before", [1])
    pager = delivery(stage, hook(receiver, "asset.materialized"))
    async with running(pager):
        await pager.ready.wait()
        [name] = await stage.materialized("shop/a", [2])
        await until(lambda: bool(receiver.got))
    assert receiver.ids == [name], "and nothing that was before the webhook was"


@pytest.mark.parametrize("status", [500, 502, 408])
async def test_a_receiver_that_fails_gets_it_again_with_the_same_id(
    stage: Stage, receiver: Receiver, status: int
) -> None:
    await settled(stage, delivery(stage, hook(receiver)), receiver, says(status), says(status))
    assert len(receiver.got) == 3
    assert set(receiver.ids) == {event("alert.opened")["id"]}
    assert await stage.letters() == []


@pytest.mark.parametrize("status", [429, 503])
async def test_a_receiver_that_is_busy_is_left_alone_for_as_long_as_it_asks(
    stage: Stage, receiver: Receiver, status: int
) -> None:
    loop = asyncio.get_running_loop()
    before = loop.time()
    await settled(stage, delivery(stage, hook(receiver)), receiver, says(status, **{"Retry-After": "1"}))
    assert loop.time() - before >= 1
    assert len(receiver.got) == 2


@pytest.mark.parametrize("status", [410, 400, 401, 404])
async def test_what_the_receiver_refuses_is_a_dead_letter_at_once(
    stage: Stage, receiver: Receiver, status: int
) -> None:
    await settled(stage, delivery(stage, hook(receiver)), receiver, says(status))
    assert len(receiver.got) == 1
    assert f"refused: HTTP {status}" in await error_of(stage)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_never_followed(stage: Stage, receiver: Receiver, status: int) -> None:
    await settled(stage, delivery(stage, hook(receiver)), receiver, says(status, Location="/inside"))
    assert receiver.paths == [PATH]
    assert "redirects aren't followed" in await error_of(stage)


async def test_a_receiver_that_never_answers_is_tried_again(stage: Stage, receiver: Receiver) -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(1)
        return web.Response()

    await settled(stage, delivery(stage, hook(receiver), try_ms=100), receiver, hang)
    assert len(receiver.got) == 2


async def test_an_answer_without_an_end_holds_nothing_up(stage: Stage, receiver: Receiver) -> None:
    async def pour(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65_536)

    async with asyncio.timeout(5):
        await settled(stage, delivery(stage, hook(receiver)), receiver, pour)
    assert stage.counted == [("webhook-pager", "delivered")]


async def test_neither_secret_nor_path_is_ever_said(
    stage: Stage, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    meant = hook(receiver)
    await settled(stage, delivery(stage, meant), receiver, says(500), hang_up, says(400))
    told = f"{caplog.text} {await stage.letters()} {await stage.journal()} {meant!r} {meant.route(stage.topics)!r}"
    assert "HTTP 500" in told
    assert not any(one in told for one in ("QUJD", "ABCABC", "s3cret-path"))


async def test_an_id_that_cant_stand_in_a_header_is_refused(stage: Stage, receiver: Receiver) -> None:
    sink = Webhook(hook(receiver))
    for name in ("a\r\nx-evil: 1", "ÿ"):
        with pytest.raises(Refused, match="can't stand in an HTTP header"):
            await sink.deliver(event("alert.opened") | {"id": name})
    await sink.close()
    assert receiver.got == []
