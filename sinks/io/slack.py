"""Slack as a destination: one message an episode of an alert, edited as the alert changes and when it is over."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from sinks.answers import judge_call
from sinks.firing import is_over
from sinks.io.attempts import Manner
from sinks.io.calling import Caller
from sinks.io.delivery import Route
from sinks.io.notes import Notes
from sinks.ports import Refused
from sinks.reading import event_of
from sinks.retries import PATIENT
from sinks.routing import ALERTS, Wanted
from sinks.slack import POST, UPDATE, URL, Gone, Mark, Message, judge, mark_of, post, update
from streams.cloudevents import Envelope
from streams.errors import BadEvent
from streams.events import Alert
from streams.io.clock import wall_clock_ms
from streams.ports import EventLog
from streams.topics import DAY_MS, Topics

KEPT_MS = DAY_MS
"""for so long a message about what is over is remembered: a repeat that comes in between isn't posted anew"""

_ANSWER_MAX = 256 * 1024


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel, who posts there, and what."""

    name: str
    token: str = field(repr=False)
    channel: str
    choice: Wanted
    url: str = URL
    allow_private: bool = False
    manner: Manner = field(default_factory=lambda: Manner(PATIENT, per_minute=60))

    @property
    def sink(self) -> str:
        """Its name among sinks."""
        return f"slack-{self.name}"

    def route(self, topics: Topics) -> Route:
        """A new one isn't told what is long over: it begins with what comes."""
        return Route(self.sink, (topics.alerts.name,), "latest", self.manner)


class Due(NamedTuple):
    """Whether something is to be said, and in which message; None: in a new one."""

    is_due: bool
    message: Message | None = None


class Slack:
    """Posts, and remembers in a topic what it posted where, so that whoever comes next can edit it.

    A crash between Slack's answer and the note of it posts the message twice; any other repeat edits, or does nothing.
    """

    def __init__(self, channel: Channel, log: EventLog, topics: Topics) -> None:
        self._caller = Caller(channel.url, f"slack.{channel.name}", channel.allow_private)
        self._channel = channel
        self._notes = Notes(log, topics, channel.sink, Message.decoded)

    async def lets_pass(self, envelope: Envelope) -> bool:
        return not (await self._due(envelope)).is_due

    async def deliver(self, envelope: Envelope) -> None:
        due = await self._due(envelope)
        if due.is_due:
            await self._say(due.message, envelope)
        if is_over(envelope):
            await self._forget()

    async def close(self) -> None:
        await self._caller.close()

    async def _due(self, wrapped: Envelope) -> Due:
        """A repeat isn't due, nor what isn't for this channel, unless its episode stands there already."""
        if wrapped["type"] not in ALERTS:
            return Due(is_due=False)
        alert, mark = _read(wrapped)
        note = await self._notes.find(alert.fingerprint)
        if note is not None and mark <= note.mark:
            return Due(is_due=False)
        if note is not None and note.mark.episode == alert.episode and not note.over:
            return Due(is_due=True, message=note)
        return Due(is_due=not is_over(wrapped) and self._channel.choice.wants(wrapped))

    async def _say(self, message: Message | None, wrapped: Envelope) -> None:
        """Edit the message, or post one; and note it."""
        alert, mark = _read(wrapped)
        if message is not None:
            try:
                await self._call(UPDATE, update(message, wrapped, alert))
            except Gone:
                message = None
        if message is None:
            answer = await self._call(POST, post(self._channel.channel, wrapped, alert))
            message = Message(mark, str(answer.get("channel", self._channel.channel)), str(answer.get("ts", "")), 0)
        told = message._replace(mark=mark, told_ms=wall_clock_ms(), over=is_over(wrapped))
        await self._notes.keep(alert.fingerprint, told)

    async def _call(self, method: str, said: dict[str, Any]) -> dict[str, Any]:
        headers = {
            "content-type": "application/json; charset=utf-8",
            "authorization": f"Bearer {self._channel.token}",
        }
        now_ms = wall_clock_ms()
        answer = await self._caller.post(orjson.dumps(said), headers, method, _ANSWER_MAX)
        judge_call(answer.status, answer.retry_after, now_ms)
        return judge(answer.body)

    async def _forget(self) -> None:
        """Whatever is over for long needs no note."""
        before = wall_clock_ms() - KEPT_MS
        for name, one in self._notes:
            if one.over and one.told_ms < before:
                await self._notes.forget(name)


def _read(wrapped: Envelope) -> tuple[Alert, Mark]:
    """Raises Refused for what is no alert."""
    try:
        alert: Alert = event_of(wrapped)
        return alert, mark_of(wrapped, alert)
    except (BadEvent, ValueError) as error:
        raise Refused(str(error)) from None
