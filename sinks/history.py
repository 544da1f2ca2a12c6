"""The history's tables, and which rows of them an event becomes. docs/history.md says what each column is."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from sinks.reading import domain_named, event_of, time_ms
from streams.cloudevents import Envelope
from streams.events import (
    Alert,
    AlertOpened,
    AlertResolved,
    AlertUpdated,
    AssetMaterialized,
    AssetQuarantined,
    AssetReleased,
    AssetVerified,
    CheckEvaluated,
    CostIncurred,
    FreshnessChanged,
    Publication,
    RunEnded,
)
from streams.units import rfc3339

Value = str | int | float | bool | None
"""moments are RFC 3339 texts in UTC, to the millisecond"""

COMMON = ("event_id", "at", "source", "sequence", "domain", "asset", "partition_key")
"""what each table begins with"""

_RUN = ("run", "attempt")
_SPAN = ("started_at", "finished_at", "duration_seconds")

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "everfresh_materializations": (
        *COMMON,
        "kind",
        "version",
        "fingerprint",
        "uri",
        "format",
        *_RUN,
        "consistent",
        *_SPAN,
        "details",
    ),
    "everfresh_runs": (*COMMON, *_RUN, "worker", "outcome", "reason", *_SPAN),
    "everfresh_checks": (
        *COMMON,
        "check_name",
        "version",
        "run",
        "outcome",
        "severity",
        "blocking",
        "observed",
        "expected",
        "metric",
        "n_tested",
        "n_failed",
        "engine",
        "sample_ref",
        "duration_seconds",
        "details",
    ),
    "everfresh_costs": (
        *COMMON,
        "cost_id",
        "revision",
        "run",
        "resource",
        "quantity",
        "unit",
        "amount",
        "currency",
        "method",
        "status",
        "period",
        "details",
    ),
    "everfresh_alerts": (
        *COMMON,
        "fingerprint",
        "episode",
        "transition",
        "transition_number",
        "rule",
        "severity",
        "owner",
        "summary",
        "expected",
        "actual",
        "since",
        "inhibited_by",
        "acknowledged_by",
        "silenced_until",
        "flapping",
        "details",
    ),
    "everfresh_freshness": (
        *COMMON,
        "verdict",
        "previous",
        "lag_seconds",
        "promise_seconds",
        "stale_since",
        "due_at",
        "reason",
    ),
}
"""table → its columns, in the order of a row's values"""


class Row(NamedTuple):
    """One row: its table, and a value for each of the table's columns. The first is the event's id, its key."""

    table: str
    values: tuple[Value, ...]


def rows_of(wrapped: Envelope) -> list[Row]:
    """What is written down of an event; nothing of types that the history doesn't keep. Raises BadEvent, ValueError."""
    keeper = _KEEPERS.get(wrapped["type"])
    if keeper is None:
        return []
    event = event_of(wrapped)
    common = _common(wrapped, event)
    return [Row(table, tuple((common | found).get(name) for name in COLUMNS[table])) for table, found in keeper(event)]


Found = tuple[str, dict[str, Any]]


def _common(wrapped: Envelope, event: Any) -> dict[str, Value]:
    return {
        "event_id": wrapped["id"],
        "at": rfc3339(time_ms(wrapped)),
        "source": wrapped["source"],
        "sequence": wrapped.get("sequence"),
        "domain": domain_named(wrapped),
        "asset": event.asset,
        "partition_key": getattr(event, "partition", ""),
        "details": orjson.dumps(wrapped["data"]).decode(),
    }


def _published(event: Publication) -> list[Found]:
    kind = event.TYPE.split(".")[2]
    span = _span(event.started_at, event.finished_at)
    found = [("everfresh_materializations", _named(event, "everfresh_materializations") | span | {"kind": kind})]
    if event.run is not None and kind != "released":
        found.append(("everfresh_runs", {"run": event.run, "attempt": event.attempt, "outcome": kind} | span))
    return found


def _run_ended(event: RunEnded) -> list[Found]:
    return [("everfresh_runs", _named(event, "everfresh_runs"))]


def _check(event: CheckEvaluated) -> list[Found]:
    return [("everfresh_checks", _named(event, "everfresh_checks") | {"check_name": event.check})]


def _cost(event: CostIncurred) -> list[Found]:
    return [("everfresh_costs", _named(event, "everfresh_costs"))]


def _alert(event: Alert) -> list[Found]:
    named = _named(event, "everfresh_alerts")
    told = {"transition": event.TYPE.split(".")[2], "transition_number": event.sequence}
    moments = {"since": rfc3339(event.since), "silenced_until": _moment(event.silenced_until)}
    return [("everfresh_alerts", named | told | moments)]


def _freshness(event: FreshnessChanged) -> list[Found]:
    moments = {"stale_since": _moment(event.stale_since), "due_at": _moment(event.due_at)}
    return [("everfresh_freshness", _named(event, "everfresh_freshness") | moments)]


def _named(event: Any, table: str) -> dict[str, Any]:
    """The event's fields that are columns by their own names."""
    own = set(COLUMNS[table]) - set(COMMON)
    return {name: getattr(event, name) for name in type(event).model_fields if name in own}


def _span(started_at: int | None, finished_at: int | None) -> dict[str, Value]:
    took = None if started_at is None or finished_at is None else max(0, finished_at - started_at) / 1_000
    return {"started_at": _moment(started_at), "finished_at": _moment(finished_at), "duration_seconds": took}


def _moment(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339(at_ms)


_KEEPERS: Mapping[str, Callable[[Any], list[Found]]] = {
    AssetMaterialized.TYPE: _published,
    AssetVerified.TYPE: _published,
    AssetQuarantined.TYPE: _published,
    AssetReleased.TYPE: _published,
    RunEnded.TYPE: _run_ended,
    CheckEvaluated.TYPE: _check,
    CostIncurred.TYPE: _cost,
    AlertOpened.TYPE: _alert,
    AlertUpdated.TYPE: _alert,
    AlertResolved.TYPE: _alert,
    FreshnessChanged.TYPE: _freshness,
}

KEPT = frozenset(_KEEPERS)
"""types of events that the history keeps"""
