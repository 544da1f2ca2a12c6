"""What every event is made of. `TYPE` is an event's CloudEvents type.

Instants are RFC 3339 on the wire and integer milliseconds in memory; durations are integer milliseconds, or seconds as
a float where the name ends in `_seconds`.
"""

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

Cut = dict[str, int]
"""source → number of its newest commit that is included"""

Covers = dict[str, tuple[int, int]]
"""source → first and last commit that a run took in"""

BackfillStatus = Literal["running", "paused", "done", "cancelled"]
"""how a backfill stands"""

Verdict = Literal["fresh", "stale", "overdue", "failing", "quarantined", "blocked", "paused", "infeasible", "unknown"]

Severity = Literal["info", "warn", "error", "critical"]


class Event(BaseModel):
    """A past fact, frozen. A reader ignores fields it doesn't know: a newer writer may add some."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null")
    TYPE: ClassVar[str]
    NULLS: ClassVar[tuple[str, ...]] = ()
    """fields that are written even if they are null: a reader may look for them"""


class Pin(Event):
    """One input's version as a run reads it, and the cut at which that version is right."""

    version: str | None = None  # None: a source that was there before any change was heard of
    fingerprint: str | None = None
    cut: Cut = {}
    uri: str | None = None
    format: str | None = None
    metadata: dict[str, Any] | None = None
