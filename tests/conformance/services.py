"""Local servers that answer as PagerDuty and Slack say they do, and refuse what their documents don't have.

Sources: https://github.com/PagerDuty/api-schema/blob/main/reference/events-v2/openapiv3.json,
https://docs.slack.dev/reference/methods/chat.postMessage and https://docs.slack.dev/reference/methods/chat.update
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jsonschema
import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer

Json = dict[str, Any]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

KEY, TOKEN, CHANNEL = "R0s3cretR0s3cretR0s3cretR0s3cret", "xoxb-s3cret", "#growth"
ID = "C0GROWTH"

_TEXT: Json = {"type": "string", "minLength": 1}
_LINKS: Json = {
    "type": "array",
    "items": {"type": "object", "required": ["href"], "properties": {"href": {"pattern": "^https?://"}, "text": _TEXT}},
}

ENQUEUE: Json = {
    "type": "object",
    "required": ["routing_key", "event_action"],
    "additionalProperties": False,
    "properties": {
        "routing_key": {"type": "string", "minLength": 32, "maxLength": 32},
        "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": {"type": "string", "minLength": 1, "maxLength": 255},
        "client": _TEXT,
        "client_url": {"pattern": "^https?://"},
        "links": _LINKS,
        "images": {"type": "array"},
        "payload": {
            "type": "object",
            "required": ["summary", "severity", "source"],
            "additionalProperties": False,
            "properties": {
                "summary": {"type": "string", "minLength": 1, "maxLength": 1024},
                "severity": {"enum": ["critical", "warning", "error", "info"]},
                "source": _TEXT,
                "timestamp": {"type": "string", "format": "date-time"},
                "component": _TEXT,
                "group": _TEXT,
                "class": _TEXT,
                "custom_details": {"type": "object"},
            },
        },
    },
    "if": {"properties": {"event_action": {"const": "trigger"}}},
    "then": {"required": ["payload"]},
    "else": {"required": ["dedup_key"]},
}

_MRKDWN: Json = {
    "type": "object",
    "required": ["type", "text"],
    "properties": {
        "type": {"enum": ["mrkdwn", "plain_text"]},
        "text": {"type": "string", "minLength": 1, "maxLength": 3000},
    },
}
_BLOCK: Json = {
    "oneOf": [
        {"required": ["text"], "properties": {"type": {"const": "section"}, "text": _MRKDWN}},
        {
            "required": ["elements"],
            "properties": {
                "type": {"const": "context"},
                "elements": {"type": "array", "minItems": 1, "maxItems": 10, "items": _MRKDWN},
            },
        },
    ]
}
_SAID: Json = {
    "channel": _TEXT,
    "text": {"type": "string", "minLength": 1, "maxLength": 40_000},
    "blocks": {"type": "array", "maxItems": 50, "items": _BLOCK},
}
POSTED: Json = {
    "type": "object",
    "required": ["channel", "text"],
    "additionalProperties": False,
    "properties": {
        **_SAID,
        "unfurl_links": {"type": "boolean"},
        "metadata": {
            "type": "object",
            "required": ["event_type", "event_payload"],
            "properties": {"event_type": _TEXT, "event_payload": {"type": "object"}},
        },
    },
}
UPDATED: Json = {
    "type": "object",
    "required": ["channel", "ts", "text"],
    "additionalProperties": False,
    "properties": {**_SAID, "ts": {"type": "string", "pattern": r"^\d{10}\.\d{6}$"}},
}


@dataclass
class Service:
    """What it took, and how it is to answer the next calls instead of taking them."""

    url: str = ""
    took: list[Json] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # calls that its documents don't have
    answers: list[Answer] = field(default_factory=list)
    calls: int = 0

    def checked(self, said: Any, schema: Json) -> str | None:
        """Why it isn't as documented."""
        try:
            jsonschema.validate(said, schema, format_checker=jsonschema.FormatChecker())
        except jsonschema.ValidationError as error:
            self.wrong.append(error.message)
            return error.message
        return None


class PagerDutyServer(Service):
    """`incidents`: dedup_key → what is asked of it, in order."""

    @property
    def incidents(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for one in self.took:
            found.setdefault(one["dedup_key"], []).append(one["event_action"])
        return found

    async def enqueue(self, request: web.Request) -> web.StreamResponse:
        self.calls += 1
        if self.answers:
            return await self.answers.pop(0)(request)
        said = orjson.loads(await request.read())
        why = self.checked(said, ENQUEUE)
        if why or request.content_type != "application/json":
            body = {"status": "invalid event", "message": "Event object is invalid", "errors": [why]}
            return web.json_response(body, status=400)
        self.took.append(said)
        body = {"status": "success", "message": "Event processed", "dedup_key": said["dedup_key"]}
        return web.json_response(body, status=202)


@dataclass
class SlackServer(Service):
    """`messages`: ts → its newest text, and `details` what is written small below it; `edits` counts them."""

    messages: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    edits: int = 0

    async def post(self, request: web.Request) -> web.StreamResponse:
        if (refused := await self._refused(request, POSTED)) is not None:
            return refused
        ts = f"1767254400.{len(self.messages):06d}"
        self.messages[ts] = self.took[-1]["text"]
        return web.json_response({"ok": True, "channel": ID, "ts": ts, "message": {"text": self.messages[ts]}})

    async def update(self, request: web.Request) -> web.StreamResponse:
        if (refused := await self._refused(request, UPDATED)) is not None:
            return refused
        said = self.took.pop()
        if said["channel"] != ID:  # a name won't do here
            return web.json_response({"ok": False, "error": "channel_not_found"})
        if said["ts"] not in self.messages:
            return web.json_response({"ok": False, "error": "message_not_found"})
        self.messages[said["ts"]] = said["text"]
        self.details[said["ts"]] = said["blocks"][1]["elements"][0]["text"]
        self.edits += 1
        return web.json_response({"ok": True, "channel": ID, "ts": said["ts"], "text": said["text"]})

    async def _refused(self, request: web.Request, schema: Json) -> web.StreamResponse | None:
        self.calls += 1
        if self.answers:
            return await self.answers.pop(0)(request)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"ok": False, "error": "invalid_auth"})
        said = orjson.loads(await request.read())
        if self.checked(said, schema) or request.content_type != "application/json" or request.charset != "utf-8":
            return web.json_response({"ok": False, "error": "invalid_arguments"})
        self.took.append(said)
        return None


@asynccontextmanager
async def pagerduty() -> AsyncIterator[PagerDutyServer]:
    made, app = PagerDutyServer(), web.Application()
    app.router.add_post("/v2/enqueue", made.enqueue)
    async with TestServer(app) as server:
        made.url = f"http://127.0.0.1:{server.port}/v2/enqueue"
        yield made


@asynccontextmanager
async def slack() -> AsyncIterator[SlackServer]:
    made, app = SlackServer(), web.Application()
    app.router.add_post("/api/chat.postMessage", made.post)
    app.router.add_post("/api/chat.update", made.update)
    async with TestServer(app) as server:
        made.url = f"http://127.0.0.1:{server.port}/api"
        yield made
