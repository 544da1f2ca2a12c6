"""What Slack is sent: one message an episode, edited as it goes on, also by whoever comes after a crash."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from sinks.choosing import Choice, types_of
from sinks.io.attempts import Manner
from sinks.io.delivery import Delivery
from sinks.io.slack import Channel, Slack
from streams.cloudevents import Envelope
from streams.errors import LogUnavailable
from streams.units import rfc3339
from tests.conformance.logs import Place, durable, everywhere
from tests.conformance.services import CHANNEL, ID, TOKEN, Answer, SlackServer, slack
from tests.conformance.sinks_stage import QUICK, Stage, sent
from tests.conformance.webhook_receiver import says
from tests.core.sinks_samples import EIGHT, event

in_memory = pytest.mark.parametrize("kind", ["memory"])


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    async with slack() as made:
        yield made


def channel(server: SlackServer, **said: Any) -> Channel:
    choice = Choice(types_of(["alert.*"]), "warn", for_people=True)
    manner = Manner(QUICK, try_ms=said.pop("try_ms", 5_000))
    return Channel("growth", said.pop("token", TOKEN), CHANNEL, choice, server.url, allow_private=True, manner=manner)


def destination(stage: Stage, server: SlackServer, **said: Any) -> Slack:
    return Slack(channel(server, **said), stage.moody, stage.topics)


def delivery(stage: Stage, server: SlackServer, **said: Any) -> Delivery:
    route = channel(server, **said).route(stage.topics)
    return stage.delivery(destination(stage, server, **said), route=route)


def alert(how: str, sequence: int, **fields: Any) -> Envelope:
    return event(f"alert.{how}", sequence, sequence=sequence, **fields)


@everywhere
async def test_an_episode_is_one_message_that_is_edited_when_it_is_over(stage: Stage, server: SlackServer) -> None:
    worse = alert("updated", 2, severity="critical", actual="1h")
    await sent(
        stage, delivery(stage, server), alert("opened", 1), worse, alert("resolved", 3), alert("opened", 4, episode=2)
    )
    first, second = server.messages.values()
    assert first.startswith("resolved after 3ms: shop/revenue is more than 5m behind")
    assert second.startswith("error: shop/revenue")
    assert (server.edits, server.wrong) == (2, [])
    assert server.took[0]["channel"] == CHANNEL
    assert server.took[0]["metadata"]["event_payload"]["fingerprint"] == "f1"


@durable
async def test_whoever_comes_after_a_crash_edits_what_was_posted_before(
    stage: Stage, server: SlackServer, place: Place
) -> None:
    first = destination(stage, server)
    await first.deliver(alert("opened", 1))
    await first.close()
    after = Stage(await place.open(), stage.topics)
    second = destination(after, server)
    await second.deliver(alert("opened", 1))  # a crash repeats
    await second.deliver(alert("resolved", 2))
    await second.deliver(alert("opened", 1))
    await second.close()
    third = destination(after, server)
    await third.deliver(alert("resolved", 2))
    await third.close()
    [message] = server.messages.values()
    assert message.startswith("resolved")
    assert (server.calls, server.edits) == (2, 1)


@in_memory
async def test_two_that_share_a_channel_edit_each_others_messages(stage: Stage, server: SlackServer) -> None:
    one, other = destination(stage, server), destination(stage, server)
    await one.deliver(alert("opened", 1))
    await other.deliver(alert("updated", 2, severity="critical"))
    await one.deliver(alert("resolved", 3))
    await other.deliver(alert("opened", 4, episode=2))
    await one.deliver(alert("resolved", 5, episode=2))
    assert [text.partition(" ")[0] for text in server.messages.values()] == ["resolved", "resolved"]
    await one.close()
    await other.close()


@in_memory
async def test_what_was_posted_and_couldnt_be_noted_isnt_posted_again(stage: Stage, server: SlackServer) -> None:
    sink = destination(stage, server)
    stage.moody.unwritable = True
    with pytest.raises(LogUnavailable):
        await sink.deliver(alert("opened", 1))
    stage.moody.unwritable = False
    await sink.deliver(alert("opened", 1))
    await sink.close()
    later = destination(stage, server)
    await later.deliver(alert("resolved", 2))
    await later.close()
    assert [text.partition(" ")[0] for text in server.messages.values()] == ["resolved"]


@in_memory
async def test_a_message_that_somebody_deleted_is_posted_anew(stage: Stage, server: SlackServer) -> None:
    sink = destination(stage, server)
    await sink.deliver(alert("opened", 1))
    server.messages.clear()
    await sink.deliver(alert("resolved", 2))
    await sink.close()
    assert [text.partition(" ")[0] for text in server.messages.values()] == ["resolved"]


@in_memory
async def test_a_journal_that_was_made_anew_counts_anew(stage: Stage, server: SlackServer) -> None:
    sink = destination(stage, server)
    await sink.deliver(alert("opened", 7, episode=3))
    await sink.deliver(alert("resolved", 8, episode=3))
    await sink.deliver(alert("opened", 1) | {"time": rfc3339(EIGHT + 60_000)})
    await sink.close()
    assert len(server.messages) == 2


@in_memory
async def test_nothing_is_said_of_the_end_of_what_wasnt_said(stage: Stage, server: SlackServer) -> None:
    mild = alert("opened", 1, severity="info"), alert("resolved", 2, severity="info")
    await sent(stage, delivery(stage, server), *mild, event("alert.resolved", 9, fingerprint="before"))
    assert server.calls == 0


@in_memory
async def test_a_quiet_alert_is_posted_once_it_isnt_and_a_message_says_that_it_is(
    stage: Stage, server: SlackServer
) -> None:
    sink = destination(stage, server)
    await sink.deliver(alert("opened", 1, inhibited_by="f0"))
    assert server.calls == 0
    await sink.deliver(alert("updated", 2))
    await sink.deliver(alert("updated", 3, silenced_until="2999-01-01T00:00:00Z", acknowledged_by="ada"))
    await sink.close()
    [details] = server.details.values()
    assert "*Acknowledged by* ada" in details
    assert "*Silenced until* 2999-01-01T00:00:00.000Z" in details


@in_memory
async def test_what_others_wrote_is_shown_and_never_obeyed(stage: Stage, server: SlackServer) -> None:
    evil = "<!channel> & <https://evil.example|here>"
    fields = {"summary": evil, "actual": evil, "labels": {evil: evil}, "links": {"run|book": "https://x.example/?<a>"}}
    await sent(stage, delivery(stage, server), alert("opened", 1, **fields, expected="y" * 9_000))
    [took] = server.took
    written = [took["text"], took["blocks"][0]["text"]["text"], took["blocks"][1]["elements"][0]["text"]]
    assert not any("<!" in one or "<https://evil" in one for one in written)
    assert "&lt;!channel&gt; &amp; " in written[0]
    assert server.wrong == []


async def hang(_: web.Request) -> web.Response:
    await asyncio.sleep(1)
    return web.Response()


def denies(error: str) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"ok": False, "error": error})

    return answer


async def babble(_: web.Request) -> web.Response:
    return web.Response(text="<html>a proxy's page")


AGAIN = [
    says(500),
    says(429, **{"Retry-After": "1"}),
    hang,
    babble,
    *map(denies, ("ratelimited", "invalid_auth", "fatal_error")),
]


@in_memory
@pytest.mark.parametrize("answer", AGAIN)
async def test_it_is_tried_again_until_it_is_taken(stage: Stage, server: SlackServer, answer: Answer) -> None:
    server.answers += [answer]
    await sent(stage, delivery(stage, server, try_ms=200), alert("opened", 1))
    assert (server.calls, len(server.messages)) == (2, 1)
    assert await stage.letters() == []


@in_memory
@pytest.mark.parametrize("answer", [says(400), denies("msg_too_long"), denies("invalid_blocks")])
async def test_what_it_will_never_take_is_a_dead_letter_at_once(
    stage: Stage, server: SlackServer, answer: Answer
) -> None:
    server.answers += [answer]
    await sent(stage, delivery(stage, server), alert("opened", 1))
    [letter] = await stage.letters()
    assert letter["data"]["error"].startswith("sink 'slack-growth': refused: ")
    assert server.calls == 1


@in_memory
async def test_the_token_is_never_said(stage: Stage, server: SlackServer, caplog: pytest.LogCaptureFixture) -> None:
    meant = delivery(stage, server, token="xoxb-wr0ng")
    server.answers += [denies("token_revoked"), denies("no_text")]
    await sent(stage, meant, alert("opened", 1))
    told = f"{caplog.text} {await stage.letters()} {await stage.journal()} {channel(server, token='xoxb-wr0ng')!r}"
    assert "token_revoked" in told
    assert "wr0ng" not in told


@in_memory
async def test_notes_about_what_is_over_for_long_are_dropped(
    stage: Stage, server: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = destination(stage, server)
    with monkeypatch.context() as patched:
        patched.setattr("sinks.io.slack.wall_clock_ms", lambda: EIGHT)
        for sequence, how in enumerate(("opened", "resolved")):
            await sink.deliver(alert(how, sequence, fingerprint="old"))
    for sequence, how in enumerate(("opened", "resolved")):
        await sink.deliver(alert(how, sequence, fingerprint="new"))
    await sink.close()
    entries = await stage.log.log.read(stage.topics.sink_state.name, 0, 0)
    newest = {entry.key: entry.value for entry in entries}
    assert newest[b"slack-growth/old"] is None
    assert newest[b"slack-growth/new"] is not None
    assert ID.encode() in newest[b"slack-growth/new"]
