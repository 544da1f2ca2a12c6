"""Mail as a destination: one SMTP conversation an event, in a thread of its own."""

import asyncio
import smtplib
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.message import EmailMessage

from sinks.answers import NotTaken
from sinks.io.attempts import Manner
from sinks.io.delivery import Route
from sinks.mail import Sender, Server, mail_of
from sinks.ports import Refused, Retry
from sinks.reached import Reached
from sinks.retries import Retries
from sinks.routing import Wanted
from streams.cloudevents import Envelope
from streams.errors import BadEvent
from streams.topics import Topics

RETRIES = Retries(patience_ms=86_400_000, longest_ms=300_000)
AT_ONCE = 2
_PERMANENT = 500
"""SMTP's answers from here on are for good"""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One destination: which events, by which server, to whom."""

    name: str
    server: Server
    sender: Sender
    choice: Wanted
    per_minute: float = 0

    def route(self, topics: Topics) -> Route:
        """A new one isn't told what is long over."""
        manner = Manner(RETRIES, AT_ONCE, 2 * self.server.try_ms, self.per_minute)
        return Route(f"mail-{self.name}", self.choice.topics(topics), "latest", manner)


class Mail:
    """Sends what it is for. Who took it isn't written to again where somebody else on the same mail didn't."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._reached, self._refusals = Reached(), dict[tuple[str, str], str]()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="everfresh-mail")

    async def lets_pass(self, envelope: Envelope) -> bool:
        return not self._mailbox.choice.wants(envelope)

    async def deliver(self, envelope: Envelope) -> None:
        box, name = self._mailbox, envelope["id"]
        if await self.lets_pass(envelope):
            return
        try:
            mail = mail_of(envelope, box.sender)
        except (BadEvent, ValueError) as error:
            raise Refused(str(error)) from None
        left = self._reached.left(name, box.sender.receivers)
        loop = asyncio.get_running_loop()
        refused = await loop.run_in_executor(self._threads, _send, box.server, mail, left) if left else {}
        later = [why for one in left if (why := self._settled(name, one, refused.get(one)))]
        if later:
            raise NotTaken("; ".join(later))
        self._reached.forget(name)
        for_good = [self._refusals.pop((name, one)) for one in box.sender.receivers if (name, one) in self._refusals]
        if for_good:
            raise Refused("; ".join(for_good))

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _settled(self, name: str, receiver: str, answer: tuple[int, bytes] | None) -> str | None:
        """Why the receiver is to be tried again; None if it has the mail, or won't ever."""
        if answer is not None:
            why = f"{receiver}: {_said(*answer)}"
            if answer[0] < _PERMANENT:
                return why
            self._refusals[name, receiver] = why
        self._reached.mark(name, receiver)
        return None


def _send(server: Server, mail: EmailMessage, receivers: tuple[str, ...]) -> dict[str, tuple[int, bytes]]:
    """Hand it in; returns whom the server didn't take it for, with its answer."""
    try:
        with _connected(server) as smtp:
            return smtp.send_message(mail, to_addrs=list(receivers))
    except smtplib.SMTPRecipientsRefused as error:
        return error.recipients
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        said = _said(error.smtp_code, error.smtp_error)
        if error.smtp_code >= _PERMANENT:
            raise Refused(said) from None
        raise Retry(said) from None
    except smtplib.SMTPResponseException as error:  # it doesn't let us in: an operator's to mend, not the event's
        raise Retry(_said(error.smtp_code, error.smtp_error)) from None
    except (smtplib.SMTPException, OSError) as error:
        raise Retry(f"{server.host}:{server.port}: {type(error).__name__}: {error}") from None


def _connected(server: Server) -> smtplib.SMTP:
    seconds = server.try_ms / 1_000
    if server.security == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, timeout=seconds, context=ssl.create_default_context()
        )
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=seconds)
    try:
        if server.security == "starttls":
            smtp.starttls(context=ssl.create_default_context())
        if server.user:
            smtp.login(server.user, server.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _said(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"SMTP {code} {' '.join(words.split())[:200]}"
