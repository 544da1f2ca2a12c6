"""An event as one line for people, or as JSON for those who collect logs."""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Literal, NamedTuple

import orjson

from sinks.reading import event_of
from streams.cloudevents import Envelope
from streams.errors import BadEvent
from streams.events import (
    Alert,
    AlertOpened,
    AlertResolved,
    AlertUpdated,
    AssetMaterialized,
    AssetQuarantined,
    AssetReleased,
    AssetVerified,
    BackfillChanged,
    CheckEvaluated,
    CostIncurred,
    DeadLetter,
    FreshnessChanged,
    Publication,
    RunEnded,
)
from streams.units import readable

TEXT_MAX = 300
"""characters of any one text that somebody else chose"""

_SIZES = ((1_024**3, "GiB"), (1_024**2, "MiB"), (1_024, "KiB"))

LEVELS = ("info", "warning", "error")
Level = Literal["info", "warning", "error"]

_LEVEL_OF: Mapping[str, Level] = {"info": "info", "warn": "warning", "error": "error", "critical": "error"}
_LEVEL_OF_VERDICT: Mapping[str, Level] = {
    "overdue": "error",
    "failing": "error",
    "quarantined": "warning",
    "blocked": "warning",
    "infeasible": "warning",
}


class Line(NamedTuple):
    """What is said of one event. `who` is an asset, or whatever the event is about."""

    at: str
    level: Level
    who: str
    what: str
    why: str

    def __str__(self) -> str:
        why = f": {self.why}" if self.why else ""
        return f"{self.at} {self.level.upper():<7} {self.who} {self.what}{why}"


def line(wrapped: Envelope) -> Line:
    """Say what happened and why. Never raises on a decoded event: one that nobody knows is named by its type."""
    at, subject = clean(wrapped.get("time") or "-"), clean(wrapped.get("subject") or "-")
    teller = _TELLERS.get(wrapped["type"])
    if teller is None:
        return Line(at, "info", subject, clean(wrapped["type"]), "")
    try:
        event = event_of(wrapped)
    except BadEvent as error:
        return Line(at, "warning", subject, clean(wrapped["type"]), f"can't be read: {clean(error)}")
    level, what, why = teller(event)
    asset = getattr(event, "asset", None)
    partition = getattr(event, "partition", "")
    who = subject if asset is None else clean(f"{asset}[{partition}]" if partition else asset)
    return Line(at, level, who, what, why)


def json_line(wrapped: Envelope) -> str:
    """The line's parts, the event's attributes, and its data, as one JSON object without a line break."""
    said = line(wrapped)
    attributes = {name: wrapped[name] for name in ("id", "source", "type", "subject") if name in wrapped}
    message = {"time": said.at, "level": said.level, "asset": said.who, "message": said.what, "reason": said.why}
    return orjson.dumps({**message, **attributes, "data": wrapped["data"]}).decode()


def clean(text: object) -> str:
    r"""What others wrote, on one line and cut: a control character is shown by its escape, never obeyed.

    >>> clean("no\n\x1b[31mred")
    'no\\n\\x1b[31mred'
    """
    said = str(text)
    cut = said if len(said) <= TEXT_MAX else said[: TEXT_MAX - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


Told = tuple[Level, str, str]


def _materialized(event: Publication) -> Told:
    return "info", f"materialized {clean(event.version)}{_by(event)}", _covered(event)


def _verified(event: Publication) -> Told:
    if event.run is None:
        return "info", f"verified {clean(event.version)} without a run", "none of its inputs is new"
    return "info", f"verified {clean(event.version)}{_by(event)}", f"the result is unchanged; {_covered(event)}"


def _quarantined(event: Publication) -> Told:
    why = "a blocking check failed; nobody downstream sees it unless it is released"
    return "warning", f"quarantined {clean(event.version)}{_by(event)}", why


def _released(event: Publication) -> Told:
    return "info", f"released {clean(event.version)}", "an operator let the quarantined version through"


def _run_ended(event: RunEnded) -> Told:
    on = f" on {clean(event.worker)}" if event.worker else ""
    level: Level = "info" if event.outcome in ("cancelled", "rejected") else "error"
    return level, f"{event.outcome} run {clean(event.run)} attempt {event.attempt}{on}", clean(event.reason)


def _freshness(event: FreshnessChanged) -> Told:
    parts = [event.verdict if event.previous is None else f"{event.verdict} (was {event.previous})"]
    if event.stale_since is not None:
        parts.append(f"behind by {_lasting(event.lag_seconds)}")
    if event.promise_seconds is not None:
        parts.append(f"promised {_lasting(event.promise_seconds)}")
    return _LEVEL_OF_VERDICT.get(event.verdict, "info"), ", ".join(parts), clean(event.reason)


def _backfill(event: BackfillChanged) -> Told:
    through = f"{event.done} of {event.total} partitions right"
    by = f", by {clean(event.by)}" if event.by else ""
    if event.failed:
        return "error", f"backfill {clean(event.backfill)} {event.status}{by}", f"{through}, {event.failed} failed"
    return "info", f"backfill {clean(event.backfill)} {event.status}{by}", through


def _check(event: CheckEvaluated) -> Told:
    level: Level = _LEVEL_OF[event.severity] if event.outcome in ("fail", "error") else "info"
    ended = {"pass": "passed", "fail": "failed", "error": "couldn't be answered", "skip": "was skipped"}[event.outcome]
    blocking = ", blocking" if event.blocking else ""
    seen = [
        f"{name} {clean(value)}" for name in ("observed", "expected") if (value := getattr(event, name)) is not None
    ]
    return level, f"check {clean(event.check)} {ended} ({event.severity}{blocking})", ", ".join(seen)


def _cost(event: CostIncurred) -> Told:
    paid = "" if event.amount is None else f", {_number(event.amount)} {clean(event.currency or '')}".rstrip()
    what = f"used {_quantity(event)} of {clean(event.resource)}{paid}"
    reconciled = ", reconciled" if event.status == "reconciled" else ""
    return "info", what, f"run {clean(event.run)}, {event.method}{reconciled}"


def _alert(event: Alert) -> Told:
    step = event.TYPE.split(".")[2]
    level: Level = "info" if step == "resolved" else _LEVEL_OF[event.severity]
    why = clean(event.summary)
    told = {"expected": event.expected, "actual": event.actual}
    if known := ", ".join(f"{name} {clean(value)}" for name, value in told.items() if value is not None):
        why += f" ({known})"
    return level, f"alert {clean(event.rule)} {step} ({event.severity}, episode {event.episode})", why


def _dead_letter(event: DeadLetter) -> Told:
    return "error", f"dead letter from {clean(event.origin)}", clean(event.error)


def _lasting(seconds: float) -> str:
    return readable(round(seconds * 1_000)) if isfinite(seconds) else str(seconds)


def _quantity(event: CostIncurred) -> str:
    if event.unit == "bytes":
        for least, unit in _SIZES:
            if event.quantity >= least:
                return f"{_number(round(event.quantity / least, 1))} {unit}"
    return f"{_number(event.quantity)} {clean(event.unit)}"


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1_000_000 else f"{value:.6g}"


def _by(event: Publication) -> str:
    if event.run is None:
        return ""
    took = ""
    if event.started_at is not None and event.finished_at is not None:
        took = f" in {readable(max(0, event.finished_at - event.started_at))}"
    return f" by run {clean(event.run)}{took}"


def _covered(event: Publication) -> str:
    """Which commits it took in, and of which sources; a first version covers none."""
    sources = [f"{clean(source)} {_span(*span)}" for source, span in sorted(event.covers.items())]
    said = ", ".join(sources[:3]) + (f" and {len(sources) - 3} more sources" if len(sources) > 3 else "")
    mixed = "" if event.consistent else "; its inputs didn't agree"
    return (f"covers {said}" if said else "covers no new commit") + mixed


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


_TELLERS: Mapping[str, Callable[[Any], Told]] = {
    AssetMaterialized.TYPE: _materialized,
    AssetVerified.TYPE: _verified,
    AssetQuarantined.TYPE: _quarantined,
    AssetReleased.TYPE: _released,
    RunEnded.TYPE: _run_ended,
    FreshnessChanged.TYPE: _freshness,
    BackfillChanged.TYPE: _backfill,
    CheckEvaluated.TYPE: _check,
    CostIncurred.TYPE: _cost,
    AlertOpened.TYPE: _alert,
    AlertUpdated.TYPE: _alert,
    AlertResolved.TYPE: _alert,
    DeadLetter.TYPE: _dead_letter,
}
