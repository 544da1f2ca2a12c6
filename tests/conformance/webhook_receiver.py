"""An HTTP server that keeps what webhooks post to it, and answers as a test tells it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

from sinks.choosing import Choice, types_of
from sinks.io.webhook import Hook
from sinks.signing import key_of

SECRET, OLDER = "whsec_" + "QUJD" * 8, "whsec_" + "REVG" * 8
PATH = "/hook/s3cret-path"

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Receiver:
    """Keeps each request, and answers as it is told; 204 if not."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.paths: list[str] = []
        self.answers: list[Answer] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        self.paths.append(request.path)
        return await self.answers.pop(0)(request) if self.answers else web.Response(status=204)

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.take)
    async with TestServer(app) as server:
        made.url = f"http://127.0.0.1:{server.port}{PATH}"
        yield made


def says(status: int, **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers)

    return answer


def hook(receiver: Receiver, *types: str, secrets: tuple[str, ...] = (SECRET,), allow_private: bool = True) -> Hook:
    keys = tuple(map(key_of, secrets))
    return Hook("pager", receiver.url, keys, Choice(types_of(types or ("alert.*",)), "warn"), allow_private)
