"""PagerDuty as a destination: a trigger, an acknowledgement or a resolution for each transition."""

from dataclasses import dataclass, field

import orjson

from sinks.answers import NotTaken, judge_call
from sinks.firing import is_over
from sinks.io.attempts import Manner
from sinks.io.calling import Caller
from sinks.io.delivery import Route
from sinks.pagerduty import URL, enqueued, is_about_the_key
from sinks.ports import Refused
from sinks.reading import event_of
from sinks.retries import PATIENT
from sinks.routing import ALERTS, Wanted
from streams.cloudevents import Envelope
from streams.errors import BadEvent
from streams.io.clock import wall_clock_ms
from streams.topics import Topics

_ANSWER_MAX = 4_096


@dataclass(frozen=True, slots=True)
class Service:
    """One integration of a service there, and what it gets."""

    name: str
    routing_key: str = field(repr=False)
    choice: Wanted
    url: str = URL
    allow_private: bool = False
    manner: Manner = field(default_factory=lambda: Manner(PATIENT))

    @property
    def sink(self) -> str:
        """Its name among sinks."""
        return f"pagerduty-{self.name}"

    def route(self, topics: Topics) -> Route:
        """A new one isn't told what is long over: it begins with what comes."""
        return Route(self.sink, (topics.alerts.name,), "latest", self.manner)


class PagerDuty:
    """Posts transitions. It may get the same again: its `dedup_key` names the alert and the episode."""

    def __init__(self, service: Service) -> None:
        self._caller = Caller(service.url, f"pagerduty.{service.name}", service.allow_private)
        self._service = service

    async def lets_pass(self, envelope: Envelope) -> bool:
        """An end is for it always: where nothing began, nothing comes of it there."""
        is_wanted = is_over(envelope) or self._service.choice.wants(envelope)
        return envelope["type"] not in ALERTS or not is_wanted

    async def deliver(self, envelope: Envelope) -> None:
        if await self.lets_pass(envelope):
            return
        try:
            body = orjson.dumps(enqueued(envelope, event_of(envelope), self._service.routing_key))
        except BadEvent as error:
            raise Refused(str(error)) from None
        now_ms = wall_clock_ms()
        answer = await self._caller.post(body, {"content-type": "application/json"}, body_max=_ANSWER_MAX)
        if answer.status == 400 and is_about_the_key(answer.body):
            raise NotTaken("HTTP 400: the routing key is wrong")
        judge_call(answer.status, answer.retry_after, now_ms)

    async def close(self) -> None:
        await self._caller.close()
