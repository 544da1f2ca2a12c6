"""Event ⇄ bytes: CloudEvents 1.0. Structured JSON out; structured and binary in.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from streams.errors import BadEvent, EventTooLarge
from streams.events import EVENTS, DefinitionsDeclared, Event
from streams.units import rfc3339

CONTENT_TYPE = "application/cloudevents+json"
SIZE_MAX = 256 * 1024
"""bytes of one encoded event, at most"""

HEADERS: tuple[tuple[str, bytes], ...] = (("content-type", CONTENT_TYPE.encode()),)
_BINARY_PREFIXES = ("ce_", "ce-")
_REQUIRED = ("id", "source", "type")

TEXT_MAX = 1_024
"""characters of an envelope's own attributes"""

Envelope = dict[str, Any]
"""A decoded event: `id`, `source`, `type`, `subject`, `time`, `data` (a dict) and its extension attributes."""


def event_id(*parts: object) -> str:
    """Name an event after its cause: equal parts, equal id, on every replica.

    >>> event_id("a", 1) == event_id("a", 1) != event_id("a1")
    True
    """
    return blake2b("\x1f".join(map(str, parts)).encode(), digest_size=16).hexdigest()


def envelope(event: Event | DefinitionsDeclared, event_id: str, source: str, subject: str, time_ms: int) -> Envelope:
    """Wrap an event's data; extension attributes may be added to the dict.

    What is null is left out, but for `NULLS` of the event's class, which a reader may look for.
    """
    data = event.model_dump(mode="json", exclude_none=True)
    for name in event.NULLS:
        data.setdefault(name, None)
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": event.TYPE,
        "subject": subject,
        "time": rfc3339(time_ms),
        "datacontenttype": "application/json",
        "data": data,
    }


def encode(wrapped: Envelope, spare: int = 0) -> bytes:
    """Write structured JSON. Raises EventTooLarge above 256 KiB less `spare`, with the size and what to do."""
    value = orjson.dumps(wrapped)
    if len(value) > SIZE_MAX - spare:
        raise EventTooLarge(
            f"event {wrapped['type']} of {wrapped.get('subject')!r} is {len(value)} bytes, above {SIZE_MAX - spare}; "
            "put what is large in a file and its address in `uri`"
        )
    return value


def decode(value: bytes | None, headers: Iterable[tuple[str, bytes | None]] = ()) -> Envelope:
    """Read an event, structured or binary. Raises BadEvent with the reason, whatever the bytes are."""
    if value is None or len(value) > SIZE_MAX:
        raise BadEvent(
            "the event has no value" if value is None else f"the event is {len(value)} bytes, above {SIZE_MAX}"
        )
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise BadEvent(f"the event is not JSON: {error}") from None
    if not (isinstance(body, dict) and "specversion" in body):
        body = _from_binary(body, headers)
    return checked(body)


def checked(body: Any) -> Envelope:
    """Check an envelope's own attributes; returns it. Raises BadEvent with the attribute at fault."""
    if not isinstance(body, dict) or body.get("specversion") != "1.0":
        raise BadEvent('the event is no CloudEvent 1.0: it needs "specversion": "1.0"')
    get = body.get
    name, source, kind, subject = get("id"), get("source"), get("type"), get("subject", "-")
    # Each event passes here, so nothing is called for a sound one.
    if not (
        type(name) is type(source) is type(kind) is type(subject) is str
        and 0 < len(name) <= TEXT_MAX
        and 0 < len(source) <= TEXT_MAX
        and 0 < len(kind) <= TEXT_MAX
        and 0 < len(subject) <= TEXT_MAX
        and type(get("data")) is dict
    ):
        _complain(body)
    return body


def _is_text(value: Any) -> bool:
    return type(value) is str and 0 < len(value) <= TEXT_MAX


def _complain(body: Envelope) -> None:
    """Say what is wrong with an envelope's attributes; one without data has empty data, and nothing is wrong."""
    for name in _REQUIRED:
        if not _is_text(body.get(name)):
            raise BadEvent(f"the event's {name!r} must be a text of 1 to {TEXT_MAX} characters")
    if not _is_text(body.get("subject", "-")):
        raise BadEvent(f"the event's 'subject' must be a text of 1 to {TEXT_MAX} characters")
    if not isinstance(body.setdefault("data", {}), dict):
        raise BadEvent("the event's 'data' must be a JSON object")


def parse(wrapped: Mapping[str, Any]) -> BaseModel:
    """The event's data as its model. Raises BadEvent for a type nobody knows, or data that doesn't fit it."""
    model = EVENTS.get(wrapped["type"])
    if model is None:
        raise BadEvent(f"nobody knows the event type {wrapped['type']!r}")
    try:
        return model.model_validate(wrapped["data"])
    except ValidationError as error:
        raise BadEvent(f"{wrapped['type']}: {said(error)}") from None


def said(error: ValidationError) -> str:
    """A validation error as one line: where, and what is wrong there.

    >>> from streams.events import Held
    >>> try: Held.model_validate({"run": "7-a"})
    ... except ValidationError as error: print(said(error))
    'attempt': Field required
    """
    told = [(".".join(map(str, one["loc"])), plain(one["msg"])) for one in error.errors()]
    return "; ".join(f"'{where}': {what}" if where else what for where, what in told)


_RAISED = "Value error, "
"""what pydantic puts before the message of a ValueError"""


def plain(message: str) -> str:
    """What pydantic says of a value, without the name of the exception that said it.

    >>> plain("Value error, 'soon' is no duration")
    "'soon' is no duration"
    """
    return message.replace(_RAISED, "")


def _from_binary(body: Any, headers: Iterable[tuple[str, bytes | None]]) -> Envelope:
    attributes: Envelope = {"data": body}
    for name, value in headers:
        if value is not None and name.lower().startswith(_BINARY_PREFIXES):
            attributes[name[3:].lower()] = value.decode("utf-8", "replace")
    return attributes
