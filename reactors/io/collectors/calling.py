"""Asks a service that bills: with its token, again where it is busy, and never for half an answer."""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import orjson
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar

from streams.errors import NotCollected

TRIES = 6
PAUSE_MAX_S = 60.0
TIMEOUT_S = 120.0

OK, ACCEPTED, TOO_MANY, SERVER_ERROR = 200, 202, 429, 500
_ERROR_MAX = 300
"""characters of an answer that an error quotes"""

Json = dict[str, Any]


class Service:
    """One service over HTTP. Use it by `async with`."""

    def __init__(self, url: str, token: str, headers: Mapping[str, str] | None = None, pause_s: float = 1.0) -> None:
        self._url, self._pause_s = url.rstrip("/"), pause_s
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", **(headers or {})}
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = ClientSession(
            headers={"User-Agent": "everfresh", **self._headers},
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=TIMEOUT_S),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        """What is at a path. Raises NotCollected."""
        return await self._call("GET", path, query, None)

    async def post(self, path: str, body: Json) -> Json:
        """The answer to a question. Raises NotCollected."""
        return await self._call("POST", path, None, body)

    async def pause(self) -> None:
        """Before one asks again whether it is done."""
        await asyncio.sleep(self._pause_s)

    async def _call(self, method: str, path: str, query: Mapping[str, str] | None, body: Json | None) -> Json:
        """Busy, broken, out of reach: tried again; a no is final. Along a redirect the token would go astray."""
        if self._session is None:
            raise RuntimeError("a Service is used by `async with`")
        pause, why = self._pause_s, ""
        for _ in range(TRIES):
            try:
                async with self._session.request(
                    method, self._url + path, params=query, json=body, allow_redirects=False
                ) as answer:
                    said = await answer.read()
                    if answer.status in (OK, ACCEPTED):
                        return self._read(said)
                    why = f"HTTP {answer.status}: {said[:_ERROR_MAX].decode('utf-8', 'replace')}"
                    if answer.status != TOO_MANY and answer.status < SERVER_ERROR:
                        break
                    after = answer.headers.get("Retry-After", "")
                    pause = float(after) if after.isdecimal() else pause
            except (ClientError, TimeoutError) as error:
                why = f"{type(error).__name__}: {error}".rstrip(": ")
            await asyncio.sleep(min(pause, PAUSE_MAX_S))
            pause *= 2
        raise NotCollected(f"{self._url} can't be read, so nothing was billed: {why}")

    def _read(self, said: bytes) -> Json:
        try:
            found = orjson.loads(said)
        except orjson.JSONDecodeError as error:
            raise NotCollected(f"{self._url} answered what is no JSON: {error}; is the url right?") from None
        if not isinstance(found, dict):
            raise NotCollected(f"{self._url} answered what is no JSON object; is the url right?")
        return found
