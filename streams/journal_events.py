"""What stands in a journal: changes, definitions, facts and reports about runs, commands."""

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from streams.definitions import Manifest
from streams.event import Covers, Cut, Event, Pin
from streams.measures import Learned, Measure
from streams.units import Instant

OUTSIDE_TEXT = 1_024
"""characters of a text in a report that comes from outside"""


class AssetChanged(Event):
    """A source's content changed, so whatever reads it may now be stale. The subject is the asset."""

    TYPE: ClassVar[str] = "everfresh.asset.changed.v1"
    version: str | None = None  # opaque; the event's id where none is given
    partition: str = ""
    data_time: str | None = None  # when the data changed, not when we heard of it
    fingerprint: str | None = None  # hash of the content: an equal one stops the ripple here
    uri: str | None = None
    format: str | None = None
    count: int | None = None
    metadata: dict[str, Any] | None = None


class DefinitionsDeclared(Manifest):
    """A deploy of the domain: the whole manifest."""

    TYPE: ClassVar[str] = "everfresh.definitions.declared.v1"
    NULLS: ClassVar[tuple[str, ...]] = ()


class Covered(Event):
    """One commit that a run takes in, as its publisher told it."""

    version: str | None = None
    partition: str = ""
    data_time: str | None = None
    uri: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)


class InputNews(Event):
    """What is new of an input since the last run that read it."""

    previous: str | None = None  # the version that it read
    changes: tuple[Covered, ...] | None = None  # of a source, oldest first; None: too many, or nobody kept them


class RunGranted(Event):
    """The hand-over of one attempt to one worker: a fact that the reactor proposed and the journal accepted."""

    TYPE: ClassVar[str] = "everfresh.run.granted.v1"
    run: str
    number: int  # the n-th run of this node, from 1
    asset: str
    partition: str = ""
    attempt: int  # from 1
    wave: str
    worker: str
    claim_by: Instant
    basis: int  # the journal's offset that the proposal was based on
    cut_at: int  # the journal's offset that the cut stands for
    inputs: dict[str, Pin]
    cut: Cut
    covers: Covers
    news: dict[str, InputNews] = Field(default_factory=dict)  # input → what is new of it; empty for a first run
    learned: Learned = Field(default_factory=dict)  # what checks compare with: asset → check → points, oldest first
    deadline: Instant
    lease_ms: int
    timeout_ms: int
    code_version: str
    consistent: bool = True  # False: its inputs from other domains don't agree, and couldn't be waited for longer
    reason: str


class DefinitionsPart(Event):
    """A piece of a manifest that is too large for one event: compressed, base64; see streams.manifests."""

    TYPE: ClassVar[str] = "everfresh.definitions.part.v1"
    domain: str
    deploy: int
    whole: str  # hash of all pieces together
    index: int = Field(ge=0)
    count: int = Field(ge=1, le=10_000)
    chunk: str


class Attempt(Event):
    """What every report about an attempt names."""

    run: str
    asset: str
    partition: str = ""
    attempt: int
    worker: str = ""


class RunStarted(Attempt):
    """The worker began the attempt."""

    TYPE: ClassVar[str] = "everfresh.run.started.v1"


class CheckResult(Event):
    """One check's answer inside a report."""

    check: str
    outcome: Literal["pass", "fail", "error", "skip"]
    severity: Literal["info", "warn", "error", "critical"] = "error"
    blocking: bool = False
    on_error: Literal["block", "pass"] = "block"  # what becomes of the version where a blocking check can't judge it
    observed: str | None = None
    expected: str | None = None
    metric: float | None = None
    n_tested: int | None = None
    n_failed: int | None = None
    engine: str = "python"
    duration_seconds: float = 0.0
    sample_ref: str | None = None  # where some of the rows lie that failed, redacted
    measure: Measure | None = None  # what it measured, to be compared with later

    @property
    def holds_back(self) -> bool:
        """The version goes into quarantine for it."""
        unjudged = self.outcome == "error" and self.on_error == "block"
        return self.blocking and (self.outcome == "fail" or unjudged)


class CostItem(Event):
    """One resource that an attempt used."""

    resource: str
    quantity: float
    unit: str
    amount: float | None = None
    currency: str | None = None


class MadeOutput(Event):
    """What an attempt made of one asset: its version, and what its checks said of it."""

    version: str | None = None  # the run's id where none is given
    fingerprint: str | None = None
    uri: str | None = None
    format: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    checks: tuple[CheckResult, ...] = ()


class RunSucceeded(MadeOutput, Attempt):
    """The attempt computed, checked and stored a version; nobody sees it before the fold accepts this."""

    TYPE: ClassVar[str] = "everfresh.run.succeeded.v1"
    costs: tuple[CostItem, ...] = ()
    outputs: dict[str, MadeOutput] = Field(default_factory=dict)  # of a computation: what it made of each of its assets
    started_at: Instant
    finished_at: Instant
    duration_ms: int  # by a monotonic clock


class RunFailed(Attempt):
    """The attempt raised, hung, or its process died."""

    TYPE: ClassVar[str] = "everfresh.run.failed.v1"
    error: str
    kind: Literal["raised", "timeout", "died", "bad_result", "check_error", "store"] = "raised"
    costs: tuple[CostItem, ...] = ()
    started_at: Instant
    finished_at: Instant
    duration_ms: int


class RunReported(Event):
    """A program outside that makes a source ended, well or not; `everfresh run` tells. The subject is the asset."""

    TYPE: ClassVar[str] = "everfresh.run.reported.v1"
    run: str = Field(min_length=1, max_length=OUTSIDE_TEXT)
    asset: str = Field(max_length=OUTSIDE_TEXT)
    partition: str = ""
    outcome: Literal["succeeded", "failed"]
    exit_code: int | None = None  # as a shell has it: 128 and the signal's number where one ended it
    error: str = Field(default="", max_length=OUTSIDE_TEXT)  # why it failed, in a sentence without a full stop
    costs: tuple[CostItem, ...] = Field(default=(), max_length=100)
    started_at: Instant
    finished_at: Instant

    @field_validator("costs")
    @classmethod
    def _short(cls, costs: tuple[CostItem, ...]) -> tuple[CostItem, ...]:
        """Anybody may write it, and what follows from it must fit into an event."""
        for cost in costs:
            if max(len(cost.resource), len(cost.unit), len(cost.currency or "")) > OUTSIDE_TEXT:
                raise ValueError(f"a cost's texts have at most {OUTSIDE_TEXT} characters")
        return costs


class RunRejected(Attempt):
    """A worker refused a grant: past its `claim_by`, or with code it doesn't have. The run is wanted again."""

    TYPE: ClassVar[str] = "everfresh.run.rejected.v1"
    reason: str


class RunLost(Attempt):
    """A lease ran out: the reactor's fact, after which a late report of the attempt changes nothing."""

    TYPE: ClassVar[str] = "everfresh.run.lost.v1"
    basis: int
    reason: str


class RunCancelled(Attempt):
    """An operator's cancel took hold; a late report changes nothing."""

    TYPE: ClassVar[str] = "everfresh.run.cancelled.v1"
    basis: int
    reason: str


class Held(Event):
    """An attempt that a worker holds."""

    run: str
    attempt: int


class WorkerHeartbeat(Event):
    """A worker lives, has so many slots in all, knows these code versions, and holds these attempts."""

    TYPE: ClassVar[str] = "everfresh.worker.heartbeat.v1"
    worker: str
    slots: int
    code_versions: dict[str, str]
    holds: tuple[Held, ...] = ()
    leaving: bool = False  # draining: takes no more grants


class TimerFired(Event):
    """Every timer up to `at` is due now: a fact, so that a backlog fires nothing on its own."""

    TYPE: ClassVar[str] = "everfresh.timer.fired.v1"
    at: Instant
    settle: tuple[str, ...] = ()  # waves that have nothing to run but something to move


class Command(Event):
    """An operator's word about one asset, appended like everything else."""

    asset: str
    partition: str = ""
    by: str = ""
    reason: str = ""


class Pause(Command):
    """Grant nothing of this asset until `resume`; what is in flight goes on."""

    TYPE: ClassVar[str] = "everfresh.command.pause.v1"


class Resume(Command):
    """Grant again."""

    TYPE: ClassVar[str] = "everfresh.command.resume.v1"


class Materialize(Command):
    """Run this asset now, and whatever it needs first, even if nothing changed."""

    TYPE: ClassVar[str] = "everfresh.command.materialize.v1"


class Release(Command):
    """Let the quarantined version through."""

    TYPE: ClassVar[str] = "everfresh.command.release.v1"


class Cancel(Command):
    """End the run of this asset that is in flight or waits to be retried."""

    TYPE: ClassVar[str] = "everfresh.command.cancel.v1"


class Backfill(Event):
    """Bring a range of an asset's partitions up to date, and whatever they need first, `slots` of them at once."""

    TYPE: ClassVar[str] = "everfresh.command.backfill.v1"
    asset: str
    first: str = ""  # of a range, both ends included
    last: str = ""
    partitions: tuple[str, ...] = ()  # beside the range, or instead of one
    slots: int = Field(default=4, ge=1, le=1_000)
    force: bool = False  # run also what is right already
    by: str = ""
    reason: str = ""


class BackfillSteered(Event):
    """Pause, resume or cancel a backfill; the runs that it has in flight go on."""

    TYPE: ClassVar[str] = "everfresh.command.backfill-steered.v1"
    backfill: str
    action: Literal["pause", "resume", "cancel"]
    by: str = ""
    reason: str = ""


class Acknowledge(Event):
    """Somebody looks after an alert that fires: said in each event of its episode from now on."""

    TYPE: ClassVar[str] = "everfresh.command.acknowledge.v1"
    fingerprint: str
    by: str = ""
    reason: str = ""


class SilenceAlerts(Event):
    """Nobody wants to hear of some alerts for a while: those of a rule and an asset, both patterns as in a shell."""

    TYPE: ClassVar[str] = "everfresh.command.silence.v1"
    rule: str = "*"
    asset: str = ""  # a key or a pattern; empty: of any asset, and of the domain itself
    until: Instant
    by: str = ""
    reason: str = ""


class LiftSilence(Event):
    """A silence ends before its time."""

    TYPE: ClassVar[str] = "everfresh.command.silence-lifted.v1"
    silence: str
    by: str = ""
    reason: str = ""


class OverridesSet(Event):
    """What an operator overrules in a domain, in `overrides.v1` under the domain's name: all of it, each time."""

    TYPE: ClassVar[str] = "everfresh.overrides.set.v1"
    skip: tuple[int, ...] = ()  # offsets of its journal that the fold passes over
    by: str = ""
    reason: str = ""


class JournalGap(Event):
    """Events were lost before they were read; said aloud, never skipped in silence."""

    TYPE: ClassVar[str] = "everfresh.journal.gap.v1"
    topic: str
    partition: int
    first: int
    last: int


class ReactorStopped(Event):
    """A reactor can't fold an entry of this journal and went no further. The subject is the domain.

    Whoever reads this while folding came past that entry.
    """

    TYPE: ClassVar[str] = "everfresh.reactor.stopped.v1"
    at: int  # offset of the entry
    since: Instant  # when it was appended
    error: str


class DeliveryFailed(Event):
    """A sink gave an event up after its retries; it is in the dead letters."""

    TYPE: ClassVar[str] = "everfresh.delivery.failed.v1"
    sink: str
    event: str
    error: str


FOR_WORKERS = (RunGranted, RunCancelled)
"""what stands in a domain's runs topic: workers wait for it"""
