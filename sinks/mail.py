"""A message as an e-mail, in the thread of its alert's episode.

Nothing is remembered for that: what begins an episode has an id made of the episode, which every later mail refers to.
"""

from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from typing import Literal, NamedTuple

from sinks.messages import Message, message_of
from sinks.reading import time_ms
from streams.cloudevents import Envelope, event_id
from streams.units import rfc3339

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail is handed in."""

    host: str
    port: int
    security: Security = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    try_ms: int = 30_000


class Sender(NamedTuple):
    """Who writes, and to whom. `domain` is what message ids end with."""

    sender: str
    receivers: tuple[str, ...]
    domain: str


def mail_of(wrapped: Envelope, sender: Sender) -> EmailMessage:
    """The mail about an event: the same event, the same mail, by its Message-ID too. Raises BadEvent, ValueError."""
    said = message_of(wrapped)
    mail = EmailMessage()
    mail["From"] = sender.sender
    mail["To"] = ", ".join(sender.receivers)
    mail["Subject"] = said.title if said.begins else f"Re: {said.title}"
    mail["Date"] = format_datetime(datetime.fromisoformat(rfc3339(time_ms(wrapped))))
    first = None if said.thread is None else _id("thread", said.thread, sender.domain)
    own = first if first and said.begins else _id("event", wrapped["id"], sender.domain)
    mail["Message-ID"] = own
    if first and first != own:
        mail["In-Reply-To"] = first
        mail["References"] = first
    mail["Auto-Submitted"] = "auto-generated"  # no out-of-office notes, please
    mail["X-Everfresh-Event"] = str(wrapped["id"])[:200]
    mail.set_content(said.text)
    mail.add_alternative(_html(said), subtype="html")
    return mail


def _id(kind: str, name: str, domain: str) -> str:
    """Whatever is in a name, an id that a header can hold."""
    return f"<{event_id(kind, name)}@{domain}>"


def _html(said: Message) -> str:
    cells = ((escape(name), escape(value)) for name, value in said.facts)
    rows = "".join(f"<tr><th align='left'>{name}</th><td>{value}</td></tr>" for name, value in cells)
    return f"<p><b>{escape(said.lead)}</b></p><table cellpadding='3'>{rows}</table>\n"
