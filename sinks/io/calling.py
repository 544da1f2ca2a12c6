"""Calls a destination by HTTP: never where it mustn't, never along a redirect."""

import socket
from collections.abc import Callable, Mapping
from typing import NamedTuple

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from sinks.addresses import is_address, why_inside
from sinks.ports import Refused
from streams.errors import SettingError


class Answer(NamedTuple):
    """What came back."""

    status: int
    retry_after: str | None
    body: bytes


class Caller:
    """Posts to one host.

    Unless private addresses are allowed, each address is checked when it is resolved, and that very one is connected
    to. Raises SettingError, with the setting's name, where the url itself is an address that isn't allowed.
    """

    def __init__(
        self,
        url: str,
        setting: str,
        allow_private: bool = False,
        resolver: Callable[[], AbstractResolver] = ThreadedResolver,
    ) -> None:
        self.url = URL(url)  # read once: what is checked is what is called
        self._setting, self._allow_private, self._resolver = setting, allow_private, resolver
        self._session: ClientSession | None = None
        host = self.url.host or ""
        if not allow_private and is_address(host) and (why := why_inside(host)):
            raise SettingError(f"setting '{setting}.url' is wrong: {refusal(host, why, setting)}")

    async def post(self, body: bytes, headers: Mapping[str, str], path: str = "", body_max: int = 0) -> Answer:
        """Post to the url, or to a path below it; of the answer's body so much is read.

        Raises Refused for an address that leads inside, and whatever aiohttp raises.
        """
        url = self.url / path if path else self.url
        async with self._opened().post(url, data=body, headers=headers, allow_redirects=False) as answer:
            said = b""
            while len(said) < body_max and (more := await answer.content.read(body_max - len(said))):
                said += more
            return Answer(answer.status, answer.headers.get("Retry-After"), said)

    async def close(self) -> None:
        """Let go; idempotent."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> ClientSession:
        if self._session is None:
            resolver = self._resolver()
            checked = resolver if self._allow_private else Checked(resolver, self._setting)
            self._session = ClientSession(
                connector=TCPConnector(resolver=checked, use_dns_cache=False),
                cookie_jar=DummyCookieJar(),
                headers={"user-agent": "everfresh"},
                timeout=ClientTimeout(total=None),  # the manner's `try_ms` bounds each call
            )
        return self._session


class Checked(AbstractResolver):
    """Gives the connector only addresses out on the internet: it connects to what it was given here."""

    def __init__(self, resolver: AbstractResolver, setting: str) -> None:
        self._resolver, self._setting = resolver, setting

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises Refused if one of the host's addresses leads inside."""
        found = await self._resolver.resolve(host, port, family)
        for one in found:
            if why := why_inside(one["host"]):
                raise Refused(refusal(f"{host!r} is {one['host']}, which", why, self._setting))
        return found

    async def close(self) -> None:
        await self._resolver.close()


def refusal(what: str, why: str, setting: str) -> str:
    """Why it isn't called, and what to set if it should be."""
    return f"{what} is {why}; say allow_private = true in [{setting}] if that is meant"
