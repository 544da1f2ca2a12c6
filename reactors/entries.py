"""One entry of a journal, as whoever folds it does: the reactor, and whoever only looks."""

from collections.abc import Collection

from reactors.apply import apply, refuse
from reactors.domain import Domain, Output
from streams.cloudevents import Envelope, decode
from streams.errors import BadEvent
from streams.ports import Entry


def fold(domain: Domain, entry: Entry, skips: Collection[int]) -> tuple[Envelope | None, list[Output]]:
    """The entry's event and what follows from it; None where it can't be read, or an operator had it passed over."""
    try:
        if entry.offset in skips:
            raise BadEvent("skipped by an operator's override")
        event = decode(entry.value, entry.headers)
    except BadEvent as error:
        return None, refuse(domain, entry.offset, entry.timestamp, str(error))
    return event, apply(domain, entry.offset, entry.timestamp, event)
