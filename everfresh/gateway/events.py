"""`POST /v1/events`: CloudEvents over HTTP, structured, binary or a batch, into the topic of changes.

`POST /api/v1/lineage` takes OpenLineage, for whom the settings say which dataset is which source.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

import hmac
import logging
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from everfresh.gateway.openlineage import taken
from sinks.openlineage import PATH
from streams.cloudevents import HEADERS, Envelope, checked, decode, encode
from streams.definitions import NAME
from streams.errors import BadEvent, EventTooLarge, LogUnavailable
from streams.events import FROM_OUTSIDE
from streams.ports import EventLog, Record
from streams.topics import Topics

logger = logging.getLogger("everfresh.gateway")

BATCH_MAX = 500
"""events in one request"""

BODY_MAX = 4 * 1024 * 1024
"""bytes of one request"""

_BATCH = "application/cloudevents-batch+json"


class Events:
    """Takes events in. 202 means kept; anything else means that none of the request was."""

    def __init__(
        self, log: EventLog, topics: Topics, token: str | None = None, assets: Mapping[str, str] | None = None
    ) -> None:
        self._log, self._topic, self._token = log, topics.changes.name, token
        self._assets = assets or {}  # what OpenLineage calls a dataset → the source that it is here

    def routes(self) -> list[web.RouteDef]:
        """For `app.add_routes`."""
        return [web.post("/v1/events", self.take), web.post(f"/{PATH}", self.take_lineage)]

    async def take(self, request: web.Request) -> web.Response:
        """202 with the ids, once the log has acknowledged all; 400 with what is wrong, 401, 413, or 503: try again."""
        if not self._may(request):
            return _said(401, "the gateway wants 'Authorization: Bearer …' with the token it was started with")
        try:
            events = [_said_of_an_asset(event) for event in await _read(request)]
        except BadEvent as error:
            return _said(400, str(error))
        return await self._kept(events, {})

    async def take_lineage(self, request: web.Request) -> web.Response:
        """The same for one OpenLineage event; the answer also names the datasets that no setting calls a source."""
        if not self._may(request):
            return _said(401, "the gateway wants 'Authorization: Bearer …' with the token it was started with")
        try:
            found = taken(_json(await request.read()), self._assets)
        except BadEvent as error:
            return _said(400, str(error))
        if found.passed_over:
            logger.info("no setting says which source is %s", ", ".join(found.passed_over))
        return await self._kept(found.events, {"passed_over": found.passed_over})

    async def _kept(self, events: list[Envelope], beside: dict[str, Any]) -> web.Response:
        try:
            records = [Record(self._topic, encode(event), str(event["subject"]).encode(), HEADERS) for event in events]
        except EventTooLarge as error:
            return _said(413, str(error))
        try:
            if records:
                await self._log.append(records)
        except LogUnavailable as error:
            logger.warning("%s", error)
            return _said(503, f"{error}; nothing was kept, send it again", {"Retry-After": "1"})
        return web.json_response({"ids": [event["id"] for event in events]} | beside, status=202)

    def _may(self, request: web.Request) -> bool:
        if self._token is None:
            return True
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode())


async def _read(request: web.Request) -> list[Envelope]:
    body = await request.read()
    if request.content_type == _BATCH:
        events = _json(body)
        if not (isinstance(events, list) and 0 < len(events) <= BATCH_MAX):
            raise BadEvent(f"a batch is a JSON array of 1 to {BATCH_MAX} events")
        return [checked(event) for event in events]
    headers = [(name.lower(), value.encode()) for name, value in request.headers.items()]
    return [decode(body, headers)]


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadEvent(f"the body is not JSON: {error}") from None


def _said_of_an_asset(event: Envelope) -> Envelope:
    """The event, if it is about something that can be an asset: who it concerns is the journal's to judge."""
    if event["type"] not in FROM_OUTSIDE:
        allowed = " and ".join(map(repr, sorted(FROM_OUTSIDE)))
        raise BadEvent(f"only {allowed} are taken here, not {event['type']!r}")
    domain, _, name = str(event.get("subject", "")).partition("/")
    if not (NAME.fullmatch(domain) and NAME.fullmatch(name)):
        raise BadEvent(f"the subject {event.get('subject')!r} is no asset key; it is 'domain/name', like 'shop/orders'")
    event.pop("origin", None)  # the ingress says that, nobody else
    return event


def _said(status: int, error: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"error": error}, status=status, headers=headers)
