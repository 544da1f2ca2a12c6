"""What a sink writes down about an event that it couldn't deliver."""

import base64
from typing import NamedTuple

from sinks.reading import domain_named
from streams.cloudevents import HEADERS, Envelope, encode, envelope, event_id
from streams.definitions import NAME
from streams.events import DeadLetter, DeliveryFailed, Event
from streams.ports import Entry, Record
from streams.topics import Topics

VALUE_MAX = 96 * 1024
"""bytes of the event that its dead letter carries; base64 makes a third more of them"""

_TEXT_MAX = 1_024


class Missed(NamedTuple):
    """Entries `first` to `last` of a partition were trimmed away before a sink read them."""

    topic: str
    partition: int
    first: int
    last: int
    found_at_ms: int


def origin_of(entry: Entry) -> str:
    """Where an entry stands: `topic/partition/offset`."""
    return f"{entry.topic}/{entry.partition}/{entry.offset}"


def domain_of(entry: Entry, wrapped: Envelope | None) -> str | None:
    """The domain that an event concerns: by its subject, or by its key where it can't be read. None if neither says."""
    if wrapped is not None:
        domain = domain_named(wrapped)
    else:
        domain, slash, _ = (entry.key or b"").decode("utf-8", "replace").partition("/")
        domain = domain if slash else ""  # a key without a slash is a fingerprint
    return domain if NAME.fullmatch(domain) else None


def dead_letter(topics: Topics, sink: str, entry: Entry, why: str) -> Record:
    """The entry with where it came from, why, and its bytes; named after both, so written twice it is a repeat."""
    value, origin = entry.value or b"", origin_of(entry)
    key = None if entry.key is None else entry.key.decode("utf-8", "replace")[:_TEXT_MAX]
    letter = DeadLetter(
        origin=origin,
        error=f"sink {sink!r}: {why}"[:_TEXT_MAX],
        key=key,
        value_base64=base64.b64encode(value[:VALUE_MAX]).decode(),
        truncated=len(value) > VALUE_MAX,
    )
    wrapped = _wrapped(letter, sink, origin, key or origin, entry.timestamp)
    record_key = origin.encode() if entry.key is None else entry.key[:_TEXT_MAX]
    return Record(topics.dead_letters.name, encode(wrapped), record_key, HEADERS)


def missed_letter(topics: Topics, sink: str, missed: Missed) -> Record:
    """A gap isn't skipped in silence: a letter with the coordinates of what was lost, and no bytes."""
    origin = f"{missed.topic}/{missed.partition}/{missed.first}-{missed.last}"
    why = f"{missed.last - missed.first + 1} entries were trimmed away before they were delivered"
    letter = DeadLetter(origin=origin, error=f"sink {sink!r}: {why}")
    wrapped = _wrapped(letter, sink, origin, origin, missed.found_at_ms)
    return Record(topics.dead_letters.name, encode(wrapped), origin.encode(), HEADERS)


def delivery_failed(topics: Topics, sink: str, entry: Entry, wrapped: Envelope | None, why: str) -> Record | None:
    """What the domain's journal is told, so that its reactor can raise an alert; None if the event names no domain."""
    domain = domain_of(entry, wrapped)
    if domain is None:
        return None
    origin = origin_of(entry)
    event, subject = (origin, domain) if wrapped is None else (str(wrapped["id"]), str(wrapped["subject"]))
    failed = DeliveryFailed(sink=sink, event=event, error=why[:_TEXT_MAX])
    told = _wrapped(failed, sink, origin, subject[:_TEXT_MAX], entry.timestamp)
    return Record(topics.journal(domain).name, encode(told), None, HEADERS, partition=0)


def _wrapped(event: Event, sink: str, origin: str, subject: str, at_ms: int) -> Envelope:
    return envelope(event, event_id(event.TYPE, sink, origin), f"everfresh/sinks/{sink}", subject, at_ms)
