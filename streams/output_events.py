"""What a reactor tells the world: publications, freshness, checks, costs, alerts, dead letters."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from streams.event import BackfillStatus, Covers, Cut, Event, Pin, Verdict
from streams.journal_events import Attempt
from streams.units import Instant


class Publication(Event):
    """What a version is: shared by the events that say what became of one."""

    NULLS: ClassVar[tuple[str, ...]] = ("run",)

    asset: str
    partition: str = ""
    version: str
    fingerprint: str | None = None
    uri: str | None = None
    format: str | None = None
    run: str | None = None  # null: moved without a run
    attempt: int | None = None
    inputs: dict[str, Pin]
    cut: Cut
    covers: Covers
    consistent: bool = True
    started_at: Instant | None = None
    finished_at: Instant | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)


class AssetMaterialized(Publication):
    """A new version is published."""

    TYPE: ClassVar[str] = "everfresh.asset.materialized.v1"


class AssetVerified(Publication):
    """The version stands, at a newer cut: recomputed to the same, or none of its inputs is new (`run: null`)."""

    TYPE: ClassVar[str] = "everfresh.asset.verified.v1"


class AssetQuarantined(Publication):
    """A blocking check failed: nobody downstream sees this version unless it is released."""

    TYPE: ClassVar[str] = "everfresh.asset.quarantined.v1"


class AssetReleased(Publication):
    """A quarantined version was let through."""

    TYPE: ClassVar[str] = "everfresh.asset.released.v1"


class FreshnessChanged(Event):
    """An asset's verdict, staleness or due time changed."""

    TYPE: ClassVar[str] = "everfresh.freshness.changed.v1"
    asset: str
    partition: str = ""
    verdict: Verdict
    previous: Verdict | None = None
    lag_seconds: float
    promise_seconds: float | None = None
    stale_since: Instant | None = None
    due_at: Instant | None = None
    reason: str


class BackfillChanged(Event):
    """A backfill began, was steered, or is over."""

    TYPE: ClassVar[str] = "everfresh.backfill.changed.v1"
    backfill: str
    asset: str
    status: BackfillStatus
    total: int  # partitions
    done: int  # of them right by now
    failed: int
    by: str = ""


class CheckEvaluated(Event):
    """One check's answer about one version."""

    TYPE: ClassVar[str] = "everfresh.check.evaluated.v1"
    check: str
    asset: str
    partition: str = ""
    version: str
    run: str
    outcome: Literal["pass", "fail", "error", "skip"]
    severity: Literal["info", "warn", "error", "critical"]
    blocking: bool
    observed: str | None = None
    expected: str | None = None
    metric: float | None = None
    n_tested: int | None = None
    n_failed: int | None = None
    engine: str = "python"
    duration_seconds: float = 0.0
    sample_ref: str | None = None  # where some of the rows lie that failed, redacted


class CostIncurred(Event):
    """What one attempt used of one resource."""

    TYPE: ClassVar[str] = "everfresh.cost.incurred.v1"
    cost_id: str
    revision: int = 1
    asset: str
    run: str
    resource: str
    quantity: float
    unit: str
    amount: float | None = None
    currency: str | None = None
    method: Literal["measured", "apportioned", "estimated"] = "measured"
    status: Literal["estimated", "reconciled"] = "estimated"
    period: str


class RunEnded(Attempt):
    """How an attempt ended that published nothing; for those who watch runs."""

    TYPE: ClassVar[str] = "everfresh.run.ended.v1"
    outcome: Literal["failed", "lost", "cancelled", "rejected"]
    reason: str


class Alert(Event):
    """One transition of one alert; (fingerprint, episode, sequence) names it for ever."""

    fingerprint: str
    episode: int
    sequence: int
    rule: str
    severity: Literal["info", "warn", "error", "critical"]
    asset: str | None = None
    owner: str | None = None
    summary: str
    since: Instant
    expected: str | None = None
    actual: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    links: dict[str, str] = Field(default_factory=dict)
    inhibited_by: str | None = None  # the fingerprint of another alert that explains this one
    acknowledged_by: str | None = None  # who said that they look after it
    silenced_until: Instant | None = None  # nobody wants to hear of it before then
    flapping: bool = False  # it opened so often lately that it fires on until it was calm for a while


class AlertOpened(Alert):
    """It fires."""

    TYPE: ClassVar[str] = "everfresh.alert.opened.v1"


class AlertUpdated(Alert):
    """It still fires, and something about it changed."""

    TYPE: ClassVar[str] = "everfresh.alert.updated.v1"


class AlertResolved(Alert):
    """It is over."""

    TYPE: ClassVar[str] = "everfresh.alert.resolved.v1"


class DeadLetter(Event):
    """What couldn't be taken in or delivered, with where it came from, why, and its bytes (base64, cut at 128 KiB)."""

    TYPE: ClassVar[str] = "everfresh.dead.letter.v1"
    origin: str  # topic/partition/offset, or the HTTP peer
    error: str
    key: str | None = None
    value_base64: str = ""
    truncated: bool = False
