"""An HTTP address as a destination: CloudEvents, signed as Standard Webhooks has it.

Sources: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md and
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from sinks.addresses import is_address, why_inside
from sinks.answers import judge
from sinks.choosing import Choice
from sinks.io.attempts import Manner
from sinks.io.delivery import Route
from sinks.ports import Refused
from sinks.retries import Retries
from sinks.signing import signature
from streams.cloudevents import CONTENT_TYPE, Envelope, encode
from streams.errors import SettingError
from streams.io.clock import wall_clock_ms
from streams.topics import Topics

RETRIES = Retries(patience_ms=86_400_000, longest_ms=60_000)
"""a receiver that is down for a night gets everything the next day"""


@dataclass(frozen=True, slots=True)
class Hook:
    """One receiver: where, what it gets, and the keys that sign it."""

    name: str
    url: str = field(repr=False)  # a path may be as good as a password
    keys: tuple[bytes, ...] = field(repr=False)
    choice: Choice
    allow_private: bool = False
    try_ms: int = 15_000
    """how long one call may take"""

    @property
    def sink(self) -> str:
        """Its name among sinks."""
        return f"webhook-{self.name}"

    def route(self, topics: Topics) -> Route:
        """A new receiver isn't told what is long over: it begins with what comes."""
        return Route(self.sink, self.choice.topics(topics), "latest", Manner(RETRIES, try_ms=self.try_ms))


class Webhook:
    """Posts what it is for to the hook's url. A repeat carries the same `webhook-id`, the event's own.

    Redirects are never followed. Unless the hook allows private addresses, each address is checked when it is resolved,
    and that very one is connected to. Raises SettingError where the url itself is an address that isn't allowed.
    """

    def __init__(self, hook: Hook, resolver: Callable[[], AbstractResolver] = ThreadedResolver) -> None:
        self._url = URL(hook.url)  # read once: what is checked is what is called
        host = self._url.host or ""
        if not hook.allow_private and is_address(host) and (why := why_inside(host)):
            raise SettingError(f"setting 'webhooks.{hook.name}.url' is wrong: {_refusal(host, why)}")
        self._hook, self._resolver = hook, resolver
        self._session: ClientSession | None = None

    async def deliver(self, envelope: Envelope) -> None:
        hook, now_ms = self._hook, wall_clock_ms()
        if not hook.choice.wants(envelope):
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
        async with self._opened().post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
            judge(answer.status, answer.headers.get("Retry-After"), now_ms)

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> ClientSession:
        if self._session is None:
            resolver = self._resolver()
            checked = resolver if self._hook.allow_private else Checked(resolver)
            self._session = ClientSession(
                connector=TCPConnector(resolver=checked, use_dns_cache=False),
                cookie_jar=DummyCookieJar(),
                headers={"user-agent": "everfresh"},
                timeout=ClientTimeout(total=None),  # the manner's `try_ms` bounds each call
            )
        return self._session


class Checked(AbstractResolver):
    """Gives the connector only addresses out on the internet: it connects to what it was given here."""

    def __init__(self, resolver: AbstractResolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises Refused if one of the host's addresses leads inside."""
        found = await self._resolver.resolve(host, port, family)
        for one in found:
            if why := why_inside(one["host"]):
                raise Refused(_refusal(f"{host!r} is {one['host']}, which", why))
        return found

    async def close(self) -> None:
        await self._resolver.close()


def _refusal(what: str, why: str) -> str:
    return f"{what} is {why}; say allow_private = true for this webhook if that is meant"
