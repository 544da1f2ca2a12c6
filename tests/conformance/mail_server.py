"""A real SMTP server that keeps what it is handed, and answers recipients as a test tells it."""

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

PASSWORD = "s3cret"


class Kept:
    """Keeps each mail with whom it is for. `answers` maps a recipient to what it is answered, from the first on."""

    def __init__(self) -> None:
        self.got: list[tuple[list[str], EmailMessage]] = []
        self.answers: dict[str, list[str]] = {}
        self.data_answers: list[str] = []
        self.asked: list[str] = []

    async def handle_RCPT(  # noqa: N802  # aiosmtpd names it
        self, _server: Any, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        self.asked.append(address)
        if waiting := self.answers.get(address):
            answer = waiting.pop(0)
            if not answer.startswith("2"):
                return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # the same
        if self.data_answers:
            return self.data_answers.pop(0)
        mail = message_from_bytes(cast("bytes", envelope.content), policy=policy.default)
        self.got.append((list(envelope.rcpt_tos), mail))
        return "250 kept"

    @property
    def mails(self) -> list[EmailMessage]:
        return [mail for _, mail in self.got]


@contextmanager
def mail_server(port: int = 0, **settings: Any) -> Iterator[tuple[Kept, int]]:
    """The server and its port."""
    from tools.kafka.broker import free_port

    kept = Kept()
    controller = Controller(kept, hostname="127.0.0.1", port=port or free_port(), **settings)
    controller.start()
    try:
        yield kept, int(controller.port)
    finally:
        controller.stop()


def allows(_server: Any, _session: Session, _envelope: Envelope, _mechanism: str, given: LoginPassword) -> AuthResult:
    return AuthResult(success=given.password == PASSWORD.encode(), handled=False)  # aiosmtpd answers
