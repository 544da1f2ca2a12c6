"""Alertmanager as a destination: each transition as it comes, and what fires again and again, as it wants it."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from sinks.alertmanager import PATH, posted
from sinks.answers import judge_call
from sinks.firing import Firing, is_over
from sinks.io.attempts import Manner, Observe
from sinks.io.calling import Caller
from sinks.io.delivery import Route, unobserved
from sinks.io.following import Following
from sinks.ports import Refused
from sinks.reading import event_of
from sinks.retries import PATIENT
from sinks.routing import ALERTS, Wanted
from streams.cloudevents import Envelope, decode
from streams.errors import BadEvent
from streams.io.clock import wall_clock_ms
from streams.io.racing import unless_stopped
from streams.ports import Entry, EventLog
from streams.topics import Topics

logger = logging.getLogger("everfresh.sinks")

LOOK_BACK = 5_000
"""entries of each partition of alerts.v1 that are read at the start: what is over, though a state may not say so yet"""

_CALL_MAX = 500
"""alerts of one call"""


@dataclass(frozen=True, slots=True)
class Pager:
    """One Alertmanager: where, and what it gets."""

    name: str
    url: str = field(repr=False)
    choice: Wanted
    token: str = field(default="", repr=False)
    allow_private: bool = False
    manner: Manner = field(default_factory=lambda: Manner(PATIENT, try_ms=15_000))
    resend_ms: int = 60_000

    @property
    def sink(self) -> str:
        """Its name among sinks."""
        return f"alertmanager-{self.name}"

    def route(self, topics: Topics) -> Route:
        """A new one begins with what comes; what fires already it gets when it is told again."""
        return Route(self.sink, (topics.alerts.name,), "latest", self.manner)


class Alertmanager:
    """Posts transitions, and keeps what it needs to post them again.

    Alertmanager holds an alert for over that nobody tells of for a while, and it forgets all when it is made anew. So
    what fires is told again each `resend_ms`, and what is over for a quarter of an hour.
    """

    def __init__(self, pager: Pager) -> None:
        self._caller = Caller(pager.url, f"alertmanager.{pager.name}", pager.allow_private)
        self._pager = pager
        self._posted: dict[str, Envelope] = {}  # what it was told of each alert that fires
        self.firing = Firing()

    async def lets_pass(self, envelope: Envelope) -> bool:
        if envelope["type"] not in ALERTS:
            return True
        try:
            self.firing.take(envelope)  # so that nothing older is told again from now on
        except BadEvent as error:
            raise Refused(str(error)) from None
        return not self._wants(envelope)

    async def deliver(self, envelope: Envelope) -> None:
        if not await self.lets_pass(envelope):
            await self._post([envelope])

    async def tell_again(self) -> int:
        """Post all that is to be told; returns how many alerts that were."""
        told = [one for one in self.firing.told(wall_clock_ms()) if self._wants(one)]
        for begin in range(0, len(told), _CALL_MAX):
            part = told[begin : begin + _CALL_MAX]
            while part:
                await self._post(part)
                now = [self.firing.newest(one["data"]["fingerprint"]) or one for one in part]
                # What ended while the call was out may have come there before it.
                part = [new for new, old in zip(now, part, strict=True) if new is not old and self._wants(new)]
        return len(told)

    async def close(self) -> None:
        await self._caller.close()

    def _wants(self, wrapped: Envelope) -> bool:
        """An end is for it always: where nothing began, nothing comes of it there."""
        return is_over(wrapped) or self._pager.choice.wants(wrapped)

    async def _post(self, alerts: Sequence[Envelope]) -> None:
        now_ms = wall_clock_ms()
        body = orjson.dumps([one for wrapped in alerts for one in self._said(wrapped, now_ms)])
        headers = {"content-type": "application/json"}
        if self._pager.token:
            headers["authorization"] = f"Bearer {self._pager.token}"
        answer = await self._caller.post(body, headers, PATH)
        judge_call(answer.status, answer.retry_after, now_ms)
        for one in alerts:
            name = one["data"]["fingerprint"]
            self._posted[name] = one
            if is_over(one):
                del self._posted[name]

    def _said(self, wrapped: Envelope, now_ms: int) -> list[dict[str, Any]]:
        """The alert; and where what names it there has changed, the end of the one by the old name."""
        said = [posted(wrapped, event_of(wrapped), now_ms, self._pager.resend_ms)]
        before = self._posted.get(wrapped["data"]["fingerprint"])
        if before is not None:
            old = posted(before, event_of(before), now_ms, 0)
            if old["labels"] != said[0]["labels"]:
                said.append(old)
        return said


class Resending:
    """Tells what fires again, on a clock of its own, from what the topics say: also after a restart."""

    def __init__(
        self, pager: Pager, destination: Alertmanager, log: EventLog, topics: Topics, observe: Observe = unobserved
    ) -> None:
        self._pager, self._destination, self._observe = pager, destination, observe
        self._states = topics.alert_state.name
        self._following = Following(log, {self._states: None, topics.alerts.name: LOOK_BACK})
        self._trouble: str | None = None

    def trouble(self) -> str | None:
        """Why nothing is told again; None while all is well. For a health page."""
        return self._trouble

    async def run(self, stop: asyncio.Event) -> None:
        """Tell it at once, and then each `resend_ms`, until `stop`; what fails is told the next time."""
        while not stop.is_set():
            try:
                if await unless_stopped(self.turn(), stop):
                    self._trouble = None
            except Exception as error:
                self._trouble = f"what fires isn't told again: {type(error).__name__}: {error}"
                logger.warning("sink %s: %s", self._pager.sink, self._trouble)
            try:
                async with asyncio.timeout(self._pager.resend_ms / 1_000):
                    await stop.wait()
            except TimeoutError:
                pass

    async def turn(self) -> None:
        """Read on, and tell what fires."""
        async for entry in self._following.more():
            self._take(entry)
        async with asyncio.timeout(self._pager.manner.try_ms / 1_000):
            told = await self._destination.tell_again()
        if told:
            self._observe(self._pager.sink, "resent")

    def _take(self, entry: Entry) -> None:
        firing = self._destination.firing
        if entry.value is None:
            firing.forget((entry.key or b"").decode("utf-8", "replace"))
            return
        try:
            firing.take(decode(entry.value, entry.headers))
        except Exception as error:  # whatever the bytes are; the dead letters are for what delivers
            logger.debug("sink %s: %s/%d/%d: %s", self._pager.sink, entry.topic, entry.partition, entry.offset, error)
