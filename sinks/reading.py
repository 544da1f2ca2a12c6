"""An envelope's data as its model, as tolerantly as a sink can."""

from functools import cache
from typing import Any

from streams.cloudevents import Envelope, parse
from streams.events import EVENTS
from streams.units import instant


def event_of(wrapped: Envelope) -> Any:
    """The event. Raises BadEvent for a type nobody knows, or data that doesn't fit it.

    A field that isn't there is a field that is null: our writers leave nulls out, those of other languages don't.
    """
    return parse({"type": wrapped["type"], "data": _required(wrapped["type"]) | wrapped["data"]})


def time_ms(wrapped: Envelope) -> int:
    """When the event was written, in ms. Raises ValueError for what is no moment."""
    return instant(wrapped.get("time", 0))


def domain_named(wrapped: Envelope) -> str:
    """The domain of what the event is about; empty where it names none."""
    return str(wrapped.get("subject", "")).partition("/")[0]


@cache
def _required(kind: str) -> dict[str, None]:
    model = EVENTS.get(kind)
    return {} if model is None else {name: None for name, field in model.model_fields.items() if field.is_required()}
