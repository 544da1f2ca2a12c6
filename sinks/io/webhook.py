"""An HTTP address as a destination: CloudEvents, signed as Standard Webhooks has it.

Sources: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md and
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver

from sinks.answers import judge
from sinks.io.attempts import Manner
from sinks.io.calling import Caller
from sinks.io.delivery import Route
from sinks.ports import Refused
from sinks.retries import PATIENT
from sinks.routing import Wanted
from sinks.signing import signature
from streams.cloudevents import CONTENT_TYPE, Envelope, encode
from streams.io.clock import wall_clock_ms
from streams.topics import Topics


@dataclass(frozen=True, slots=True)
class Hook:
    """One receiver: where, what it gets, and the keys that sign it."""

    name: str
    url: str = field(repr=False)  # a path may be as good as a password
    keys: tuple[bytes, ...] = field(repr=False)
    choice: Wanted
    allow_private: bool = False
    try_ms: int = 15_000
    """how long one call may take"""
    per_minute: float = 0

    @property
    def sink(self) -> str:
        """Its name among sinks."""
        return f"webhook-{self.name}"

    def route(self, topics: Topics) -> Route:
        """A new receiver isn't told what is long over: it begins with what comes."""
        return Route(
            self.sink,
            self.choice.topics(topics),
            "latest",
            Manner(PATIENT, try_ms=self.try_ms, per_minute=self.per_minute),
        )


class Webhook:
    """Posts what it is for to the hook's url. A repeat carries the same `webhook-id`, the event's own.

    Redirects are never followed, and addresses are checked as `Caller` has it.
    """

    def __init__(self, hook: Hook, resolver: Callable[[], AbstractResolver] = ThreadedResolver) -> None:
        self._caller = Caller(hook.url, f"webhooks.{hook.name}", hook.allow_private, resolver)
        self._hook = hook

    async def lets_pass(self, envelope: Envelope) -> bool:
        return not self._hook.choice.wants(envelope)

    async def deliver(self, envelope: Envelope) -> None:
        hook, now_ms = self._hook, wall_clock_ms()
        if await self.lets_pass(envelope):
            return
        name, body = envelope["id"], encode(envelope)
        if not (name.isascii() and name.isprintable()):
            raise Refused("the event's id can't stand in an HTTP header")
        headers = {
            "content-type": CONTENT_TYPE,
            "webhook-id": name,
            "webhook-timestamp": str(now_ms // 1_000),
            "webhook-signature": signature(hook.keys, name, now_ms // 1_000, body),
        }
        answer = await self._caller.post(body, headers)
        judge(answer.status, answer.retry_after, now_ms)

    async def close(self) -> None:
        await self._caller.close()
