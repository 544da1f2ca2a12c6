"""What people are promised who are told by mail, on a real SMTP server."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from everfresh.config import settings
from everfresh.messengers import messengers
from sinks.choosing import Choice, types_of
from sinks.io.attempts import Manner
from sinks.io.mail import Mail, Mailbox
from sinks.mail import Sender, Server, mail_of
from sinks.ports import Retry
from streams.cloudevents import Envelope
from streams.errors import SettingError
from tests.conformance.mail_server import PASSWORD, allows, mail_server
from tests.conformance.sinks_stage import QUICK, Stage, sent, until
from tests.core.sinks_samples import event
from tools.kafka.broker import free_port

TO = ("ops@shop.example", "growth@shop.example")
SENDER = Sender("Everfresh <everfresh@shop.example>", TO, "shop.example")
ALERTS = Choice(types_of(["alert.*", "asset.*"]))


@pytest.fixture
def kind() -> str:
    return "memory"


def box(port: int, choice: Choice = ALERTS, **server: Any) -> Mailbox:
    told: dict[str, Any] = {"security": "none", "try_ms": 5_000} | server
    return Mailbox("ops", Server("127.0.0.1", port, **told), SENDER, choice)


async def settled(stage: Stage, mailbox: Mailbox, *events: Envelope) -> None:
    route = replace(mailbox.route(stage.topics), manner=Manner(QUICK))
    await sent(stage, stage.delivery(Mail(mailbox), route=route), *events)


async def test_an_alert_comes_as_text_and_html_to_all(stage: Stage) -> None:
    with mail_server() as (server, port):
        await settled(stage, box(port), event("alert.opened", labels={"team": "<growth>"}))
    [(receivers, mail)] = server.got
    assert receivers == list(TO)
    assert mail["Subject"] == "shop/revenue: freshness.overdue"
    assert mail["From"] == SENDER.sender
    assert mail["To"] == ", ".join(TO)
    text, html = (str(mail.get_body((kind,)).get_content()).replace("\r\n", "\n") for kind in ("plain", "html"))  # type: ignore[union-attr]
    assert text.startswith("Opened (error): shop/revenue is more than 5m behind its sources\n")
    assert "owner: growth" in text
    assert "team: <growth>" in text
    assert "&lt;growth&gt;" in html


async def test_an_episode_is_one_thread_and_the_next_episode_another(stage: Stage) -> None:
    steps = [event("alert.opened", 1), event("alert.updated", 2, sequence=2), event("alert.resolved", 3, sequence=3)]
    with mail_server() as (server, port):
        await settled(stage, box(port), *steps, event("alert.opened", 4, episode=2))
    first, second, third, other = server.mails
    assert first["Message-ID"] == second["References"] == third["References"] == third["In-Reply-To"]
    assert first["References"] is None
    assert len({one["Message-ID"] for one in server.mails}) == 4
    assert [one["Subject"] for one in (first, second, third)] == [
        "shop/revenue: freshness.overdue",
        *["Re: shop/revenue: freshness.overdue"] * 2,
    ]
    assert other["References"] is None
    assert third.get_body(("plain",)).get_content().startswith("Resolved")  # type: ignore[union-attr]


async def test_a_repeat_bears_the_same_id(stage: Stage) -> None:
    mail = Mail(box(1))
    await mail.close()
    one, again = (mail_of(event("asset.quarantined"), SENDER) for _ in range(2))
    assert one["Message-ID"] == again["Message-ID"]
    assert one["Message-ID"] != mail_of(event("asset.quarantined", 2), SENDER)["Message-ID"]


async def test_who_has_it_isnt_written_to_again_where_another_is_busy(stage: Stage) -> None:
    with mail_server() as (server, port):
        server.answers[TO[1]] = ["451 come back later", "451 and later"]
        await settled(stage, box(port), event("alert.opened"))
    assert [receivers for receivers, _ in server.got] == [[TO[0]], [TO[1]]]
    assert await stage.letters() == []


async def test_who_is_unknown_is_a_dead_letter_and_the_others_have_it(stage: Stage) -> None:
    with mail_server() as (server, port):
        server.answers = {TO[0]: ["550 no such user"], TO[1]: ["451 busy", "250"]}
        await settled(stage, box(port), event("alert.opened"))
    assert [receivers for receivers, _ in server.got] == [[TO[1]]]
    [letter] = await stage.letters()
    assert letter["data"]["error"] == "sink 'mail-ops': refused: ops@shop.example: SMTP 550 no such user"
    assert server.asked == [*TO, TO[1]]


@pytest.mark.parametrize(("answer", "dead"), [("554 it looks like spam", 1), ("452 disk full", 0)])
async def test_a_mail_that_is_refused_for_good_is_a_dead_letter_and_else_tried_again(
    stage: Stage, answer: str, dead: int
) -> None:
    with mail_server() as (server, port):
        server.data_answers = [answer]
        await settled(stage, box(port), event("alert.opened"))
    assert len(await stage.letters()) == dead
    assert len(server.got) == 1 - dead


async def test_a_server_that_is_away_gets_it_later(stage: Stage) -> None:
    port = free_port()
    task = asyncio.create_task(settled(stage, box(port), event("alert.opened")))
    await until(lambda: ("mail-ops", "retried") in stage.counted)
    with mail_server(port) as (server, _):
        await task
    assert len(server.got) == 1
    assert await stage.letters() == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
async def test_a_wrong_password_waits_for_an_operator_and_is_never_said() -> None:
    with mail_server(authenticator=allows, auth_require_tls=False, auth_required=True) as (server, port):
        for password, count in (("hunter2", 0), (PASSWORD, 1)):
            mail = Mail(box(port, user="everfresh", password=password))
            if count:
                await mail.deliver(event("alert.opened"))
            else:
                with pytest.raises(Retry, match="SMTP 535") as raised:
                    await mail.deliver(event("alert.opened"))
                assert password not in str(raised.value)
            await mail.close()
            assert len(server.got) == count


async def test_without_encryption_nothing_is_sent_unless_that_was_said() -> None:
    with mail_server() as (server, port):
        mail = Mail(box(port, security="starttls"))
        with pytest.raises(Retry, match="STARTTLS"):
            await mail.deliver(event("alert.opened"))
        await mail.close()
    assert server.got == []


async def test_names_from_outside_cant_add_a_header(stage: Stage) -> None:
    evil = "shop/x\r\nBcc: all@shop.example"
    with mail_server() as (server, port):
        mail = Mail(box(port))
        await mail.deliver(event("alert.opened", rule=evil, asset=evil) | {"id": evil.replace("/", "-")[:1]})
        await mail.close()
    [(receivers, kept)] = server.got
    assert receivers == list(TO)
    assert kept["Bcc"] is None


def test_a_file_names_a_mailbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAIL_PASSWORD", "s3cret")
    Path("everfresh.toml").write_text(
        '[mail.ops]\nserver = "smtp.example"\nfrom = "Everfresh <e@shop.example>"\nto = "ops@shop.example"\n'
        'user = "e"\npassword_env = "MAIL_PASSWORD"\nleast = "warn"\n'
    )
    said = settings()
    [(route, _)] = messengers(said)
    assert route.sink == "mail-ops"
    assert said.mail["ops"].host("x").port == 587
    assert "s3cret" not in repr(said)


def test_a_route_leads_to_a_mailbox_or_a_chat_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mail = {"server": "smtp.example", "from": "e@shop.example", "to": "ops@shop.example"}
    routes = ({"to": "mail-ops", "owner": "growth"}, {"to": "apprise-chat", "owner": "finance"})
    said = settings(mail={"ops": mail}, apprise={"chat": {"urls": "json://here"}}, routes=routes)
    chosen = {name: said.routing.choice(name, said.mail["ops"].choice) for name in ("mail-ops", "apprise-chat")}
    for owner, name in (("growth", "mail-ops"), ("finance", "apprise-chat")):
        assert [one for one, choice in chosen.items() if choice.wants(event("alert.opened", owner=owner))] == [name]
    quiet = event("alert.opened", owner="growth", inhibited_by="f9")
    assert not any(choice.wants(quiet) for choice in chosen.values())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"server": "me:pw@smtp.example"}, r"'mail\.ops\.server' is wrong: it is a host, or host:port"),
        ({"to": []}, r"'mail\.ops\.to' is wrong"),
        ({"to": "ops"}, r"'mail\.ops\.to' is wrong: it is a mail address"),
        ({"from": "x@y\r\nBcc: z@y"}, r"'mail\.ops\.from' is wrong: it is a mail address"),
        ({"types": "alrt.*"}, "is no event that is delivered"),
        ({"password_env": "NOWHERE"}, r"'mail\.ops\.password' is missing; set NOWHERE"),
    ],
)
def test_a_wrong_mailbox_is_one_sentence(
    change: dict[str, Any], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = {"server": "smtp.example", "from": "e@shop.example", "to": "ops@shop.example"}
    with pytest.raises(SettingError, match=sentence):
        list(messengers(settings(mail={"ops": said | change})))
