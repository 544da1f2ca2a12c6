"""What an alert may be about, and what it says: the rules that come with the product."""

from typing import NamedTuple

from streams.cloudevents import event_id
from streams.events import Severity

OVERDUE, SILENT = "freshness.overdue", "source.silent"
FAILING, WORKER_LOST = "run.failing", "worker.lost"
CHECK_FAILED, CHECK_ERRORED, QUARANTINED = "check.failed", "check.errored", "asset.quarantined"
DEAD_LETTER, GAP = "dead.letter", "journal.gap"
BUDGET_THRESHOLD, BUDGET_FORECAST = "budget.threshold", "budget.forecast"
AT_RISK, INFEASIBLE, CLOCK_STEPPED = "freshness.at_risk", "freshness.infeasible", "clock.stepped"
STOPPED = "domain.stopped"
RULES = (
    OVERDUE,
    AT_RISK,
    INFEASIBLE,
    SILENT,
    FAILING,
    WORKER_LOST,
    CHECK_FAILED,
    CHECK_ERRORED,
    QUARANTINED,
    DEAD_LETTER,
    GAP,
    CLOCK_STEPPED,
    BUDGET_THRESHOLD,
    BUDGET_FORECAST,
    STOPPED,
)
"""all of them"""

ERROR_MAX = 1_000
"""characters of an error that an alert tells"""


class Cause(NamedTuple):
    """What an alert is about: equal causes are one alert."""

    rule: str
    asset: str = ""  # "": the domain itself
    partition: str = ""
    label: str = ""  # what the rule's label says: the check, the sink, the topic

    @property
    def key(self) -> str:
        """How the state names it."""
        return f"{self.rule} {self.asset} {self.partition} {self.label}".rstrip()

    def fingerprint(self, domain: str) -> str:
        """How everybody else names it, for ever. What is about no asset is about the domain."""
        about = (self.rule, self.asset or domain, self.partition)
        return event_id(*((*about, self.label) if self.label else about))


LABELS = {CHECK_FAILED: "check", CHECK_ERRORED: "check", DEAD_LETTER: "by", GAP: "topic"}
LABELS |= dict.fromkeys((BUDGET_THRESHOLD, BUDGET_FORECAST), "budget")
"""rule → what its label is called"""


class Trouble(NamedTuple):
    """What an alert says; instants are ms."""

    severity: Severity
    summary: str
    since: int
    expected: str | None = None
    actual: str | None = None
    until: int | None = None  # over by itself then
    inhibited_by: str | None = None  # the fingerprint of another alert that explains it
