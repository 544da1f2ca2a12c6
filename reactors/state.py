"""What a domain remembers: plain data, so that a snapshot is one dump of it and its digest is the dump's hash.

Nothing here holds a set: a set's order is a dice. Offsets are the journal's; times are its instants (ms).
"""

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from reactors.causes import Cause, Trouble
from streams.definitions import Manifest
from streams.events import BackfillStatus, Cut, MadeOutput, Pin, Verdict
from streams.keys import node_key
from streams.measures import Point

SCHEMA = 7
"""of a snapshot; the one before is read too, of any other the journal is folded from its start instead"""

SILENCE = "silence:"
"""the prefix of the name that a silence's timer goes by"""

BUDGET = "budget:"
"""the prefix of the name that the end of a budget's period goes by"""

_LATELY_MS = 60_000
"""a worker that wasn't heard of for so long has no slots any more"""


class Commit(NamedTuple):
    """One change of a root: the `seq`-th, heard at `time`, standing in the journal at `offset`."""

    seq: int
    offset: int
    time: int
    version: str | None
    fingerprint: str | None
    extra: dict[str, Any] | None  # uri, format, metadata, where the publisher gave some


@dataclass(slots=True)
class Root:
    """A source as the fold sees it; also an asset's code, and a Manual asset as its readers see it."""

    key: str
    seq: int = 0
    exists: bool = False  # has a version, be it from before the first commit
    born_at: int = -1  # offset of the first commit
    born: int = 0  # its time
    commits: list[Commit] = field(default_factory=list)  # those that some cut still needs, oldest first
    dense_from: int = -1  # from this offset on no commit was thinned out
    trim_at: int = 64  # length at which to look for what can go
    incarnation: str = ""  # another domain's asset: of the journal that its newest delivery came from
    heard_at: int = -1  # when its last change came, be it a commit or not; or when it was declared
    delivered: int = -1  # and the offset there: what isn't higher is a repeat
    reported_at: int = -1  # when the program that makes it ended, the last one that was told of


@dataclass(slots=True)
class Made:
    """What an attempt made of an asset, and which attempt that was; instants are ms."""

    run: str
    attempt: int
    started_at: int
    finished_at: int
    result: MadeOutput


@dataclass(slots=True)
class Request:
    """A node is wanted at a cut. Kept per cut, granted in cut order."""

    at: int  # the journal's offset that the cut stands for
    cut: Cut
    waves: list[str]
    deadline: int
    asked: int  # offset at which it was made: of two with one deadline the older goes first
    forced: bool = False  # by `materialize`: runs even if nothing is new
    consistent: bool = True  # False: granted although its inputs from other domains didn't agree
    pins: dict[str, Pin] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)  # input → `at` of the request of it that this one waits for
    made: Made | None = None  # of an output: what its computation made of it at that cut
    narrowed: Cut = field(default_factory=dict)  # a deploy has it read less: how far it goes of what is read less of

    @property
    def stands_for(self) -> Cut:
        """What a version made at this cut is right at now."""
        return {**self.cut, **self.narrowed} if self.narrowed else self.cut


@dataclass(slots=True)
class Run:
    """The newest run of a node. `live`: an attempt is in flight. Until it is over, its request is the node's first."""

    id: str
    number: int
    attempt: int
    worker: str
    reason: str
    granted_at: int
    begun_at: int  # when its first attempt was granted
    lease_ms: int
    lease_until: int
    code_version: str
    live: bool = True
    started: bool = False
    failures: int = 0  # attempts that failed, against the retries
    losses: int = 0  # attempts whose lease ran out
    retry_at: int | None = None  # the next attempt may be granted from then on; 0: now; None: there is none to come


@dataclass(slots=True)
class Hold:
    """Why a node isn't tried again at once."""

    kind: Literal["failing", "quarantined", "cancelled"]
    reason: str
    until: int | None  # when the cool-down tries again
    times: int = 1  # holds of that kind in a row: the cool-down and the pause double with each
    pause_until: int = 0  # something new doesn't try again before


@dataclass(slots=True)
class Said:
    """What `freshness.v1` was told last."""

    verdict: Verdict
    stale_since: int | None
    due_at: int | None


@dataclass(slots=True)
class Quarantine:
    """A version that a blocking check held back, ready to be released."""

    version: str
    fingerprint: str | None
    uri: str | None
    format: str | None
    run: str
    cut_at: int
    cut: Cut
    pins: dict[str, Pin]
    consistent: bool = True


@dataclass(slots=True)
class Node:
    """A derived asset and a partition."""

    asset: str
    partition: str = ""
    version: str | None = None
    fingerprint: str | None = None
    uri: str | None = None
    format: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    consistent: bool = True  # False: computed from inputs of other domains that didn't agree
    cut_at: int = -1
    ran_at: int = -1  # the offset that the cut of its newest run with a result stands for
    cut: Cut = field(default_factory=dict)
    consumed: dict[str, Pin] = field(default_factory=dict)  # input → what the version was computed from
    missing: int = 0  # ancestor roots that have no version yet
    stale_at: int | None = None  # offset of the oldest commit past the cut
    owed_at: int | None = None  # the same of the commits that its policy heeds; with none past the cut nothing is owed
    stale_since: int | None = None  # their time; with no version yet: when its inputs all had one
    since_at: int | None = None  # offset of the oldest commit past the planned cut
    since: int | None = None  # time of the oldest one past it that its policy heeds
    tried_at: int = -1  # left a wave of that cut: not tried again before something new
    requests: list[Request] = field(default_factory=list)
    run: Run | None = None
    runs: int = 0  # how many runs it had
    granted: Cut = field(default_factory=dict)  # the cut of its last accepted grant
    touched: int = -1  # offset of what last bound it: older proposals don't fit any more
    hold: Hold | None = None
    quarantine: Quarantine | None = None
    paused: str | None = None  # who paused it, or why
    wave: str | None = None  # the unfinished wave of which it is a target
    wake_at: int | None = None  # due time of its promise, as planned now
    turns_at: int | None = None  # its hours begin or end then, or the span since its last run is over
    ends_at: int | None = None  # its promise does then: `lookback` leaves it out
    calm_at: int | None = None  # a quiet Eager: changes came meanwhile, so not due before
    asked_at: int | None = None  # `materialize` was commanded then, and no wave has taken it up
    asked_by: str = ""
    durations: list[int] = field(default_factory=list)  # of its last runs
    takes: int = 0  # expected duration of a run
    most: int = 0  # the longest that a run of it took lately
    path: int = 0  # longest chain of expected durations over its ancestors and itself
    slow: int = 0  # the same of the longest that each took lately
    rest: int = 0  # the longest that an ancestor keeps between runs
    doubt: int = 0  # the longest that one that was seen seldom once took beyond what is expected of it
    longest: int = 0  # the longest run among its ancestors and itself
    made: dict[str, Made] = field(default_factory=dict)  # a computation: output → what its newest version made of it
    queued: int = 0  # the most requests that one of these has, where it is more than one
    blocked_by: str | None = None
    said: Said | None = None
    alert_since: int | None = None  # its overdue alert is open, for a staleness since then
    at_risk: bool = False  # it was told that its promise will hardly be kept
    numbered: int = 0  # its newest publication, where the asset wasn't Manual: a commit once that is
    born_at: int = -1  # a partition: offset of what touched it first
    born: int = 0  # its time

    @property
    def key(self) -> str:
        """How the state names it."""
        return node_key(self.asset, self.partition)


@dataclass(slots=True)
class Retired:
    """What must outlive an asset that is declared no more: if it comes back, no name is given twice."""

    runs: int


@dataclass(slots=True)
class Wave:
    """The runs that a due asset sets off. Floats until its first grant fixes its cut."""

    id: str
    targets: list[str]
    born: int
    deadline: int
    reason: str
    forced: str | None = None  # the target, where `materialize` asked
    at: int | None = None
    patient_until: int = 0  # so long it waits for inputs of other domains to agree
    left: dict[str, None] = field(default_factory=dict)  # nodes it still waits for, once fixed


@dataclass(slots=True)
class WorkerSeen:
    """What a worker said last."""

    name: str
    slots: int
    code_versions: dict[str, str]
    seen_at: int
    leaving: bool = False


@dataclass(slots=True)
class Alarm:
    """An alert: pending while what it is about may yet pass, firing, or easing while that may yet come back."""

    cause: Cause
    trouble: Trouble
    episode: int
    sequence: int = 0
    count: int = 0  # how often it happened, where it counts that
    phase: Literal["pending", "firing", "easing"] = "firing"
    turns_at: int | None = None  # when the phase is over by time alone
    over: str = ""  # how it is now, while it eases
    acknowledged_by: str = ""
    silenced_until: int | None = None  # as it was told

    @property
    def holds(self) -> bool:
        """What it is about is so now."""
        return self.phase != "easing"

    @property
    def is_told(self) -> bool:
        """It was told that it opened, and not yet that it is over."""
        return self.phase != "pending"


@dataclass(slots=True)
class Spending:
    """What was used of a budget in the period that goes on; instants in ms, amounts in millionths."""

    began_at: int
    ends_at: int
    since: int  # from when on it was counted
    micros: int = 0
    count: int = 0  # of costs
    passed: list[int] = field(default_factory=list)  # thresholds that were told
    foretold: bool = False
    acts: bool = False  # it is used up


class Billed(NamedTuple):
    """What was said last of a cost that a later bill may revise; `at` is when (ms)."""

    at: int
    revision: int
    resource: str
    quantity: float
    amount: float | None
    currency: str | None
    period: str


@dataclass(slots=True)
class Silence:
    """Alerts that nobody wants to hear of until an instant (ms); `rule` and `asset` are patterns as in a shell."""

    name: str
    rule: str
    asset: str  # "": of any
    until: int
    by: str = ""
    reason: str = ""


@dataclass(slots=True)
class Subscriber:
    """A domain that reads assets of this one."""

    deploy: int
    assets: list[str]


@dataclass(slots=True)
class BackfillState:
    """A range of partitions that is brought up to date."""

    name: str
    asset: str
    total: int
    slots: int
    force: bool
    asked: int  # offset of the command
    by: str = ""
    status: BackfillStatus = "running"
    left: list[str] = field(default_factory=list)  # partitions not begun, the next one last
    active: dict[str, int | None] = field(default_factory=dict)
    """partition → of what was left to another's wave though a run was asked for, how many runs it had by then"""
    done: int = 0
    failed: dict[str, str] = field(default_factory=dict)  # partition → why

    @property
    def is_over(self) -> bool:
        """It is done, or cancelled."""
        return self.status in ("done", "cancelled")


@dataclass(slots=True)
class Parts:
    """The pieces so far of a manifest that comes in several."""

    deploy: int
    whole: str
    count: int
    chunks: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class State:
    """All of it."""

    schema: int = SCHEMA
    offset: int = -1  # the last entry folded
    now: int = 0  # the largest append time seen
    stamped: int = 0  # that of the last entry
    incarnation: str = ""
    manifest: Manifest | None = None
    parts: Parts | None = None
    roots: dict[str, Root] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    retired: dict[str, Retired] = field(default_factory=dict)  # by node
    published: dict[str, int] = field(default_factory=dict)  # derived asset → how many of its versions were new
    found: dict[str, list[int]] = field(default_factory=dict)  # observed source → the looks that found something new
    waves: dict[str, Wave] = field(default_factory=dict)
    workers: dict[str, WorkerSeen] = field(default_factory=dict)
    slots: int = 0  # of all workers that were heard of lately
    backfills: dict[str, BackfillState] = field(default_factory=dict)
    subscribers: dict[str, Subscriber] = field(default_factory=dict)  # by domain
    alerts: dict[str, Alarm] = field(default_factory=dict)  # those that fire, by what they are about
    learned: dict[str, list[int]] = field(default_factory=dict)  # partitioned asset → durations of its last runs
    openings: dict[str, list[int]] = field(default_factory=dict)  # when alerts opened lately, the newest one last
    silences: dict[str, Silence] = field(default_factory=dict)
    spendings: dict[str, Spending] = field(default_factory=dict)  # by budget
    budgeted: dict[str, int] = field(default_factory=dict)  # budget → when it was declared first
    bills: dict[str, Billed] = field(default_factory=dict)  # asset and cost_id → what was said last, the newest last
    measured: dict[str, dict[str, dict[str, list[Point]]]] = field(default_factory=dict)  # asset → series → check
    episodes: dict[str, int] = field(default_factory=dict)  # of whatever fired once: how often it did
    origins: dict[str, int] = field(default_factory=dict)  # topic/partition → offset of the last change taken from it
    seen: dict[str, None] = field(default_factory=dict)  # (source, id) of changes, this day
    seen_before: dict[str, None] = field(default_factory=dict)  # and the day before
    seen_from: int = 0
    stopped_at: int = -1  # the last entry on which the fold once failed, and which lies behind
    renewed_at: int = -1  # the last timer fact or deploy: what was proposed before doesn't know what that changed
    granted_at: int = -1  # the newest cut of an accepted grant: one that would fix an older cut comes too late
    fixed_at: int = -1  # the newest offset at which a cut was fixed or moved to: later ones aren't older
    delays: list[int] = field(default_factory=list)  # how long the last timers' facts were on their way, in ms
    moment: int = 50  # what a due time's way through the journal may take, by these
    changes: int = 0
    commits: int = 0


def at_work(state: State) -> list[WorkerSeen]:
    """The workers that were heard of lately and haven't said that they leave."""
    return [one for one in state.workers.values() if not one.leaving and state.now - one.seen_at < _LATELY_MS]
