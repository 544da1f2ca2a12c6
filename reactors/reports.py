"""What a report says besides its result: checks, costs, and the end of an attempt that published nothing."""

from collections.abc import Sequence

from reactors.alerts import close_alert, of_node, open_alert
from reactors.budgets import spend
from reactors.causes import CHECK_ERRORED, CHECK_FAILED, Trouble
from reactors.domain import Domain
from reactors.state import Node
from streams.events import Attempt, CheckEvaluated, CheckResult, CostIncurred, CostItem, RunEnded
from streams.units import rfc3339


def publish_checks(domain: Domain, node: Node, run: str, version: str, checks: Sequence[CheckResult]) -> None:
    """One event a check, of the version that was asked about."""
    for check in checks:
        fields = check.model_dump()
        fields |= {"asset": node.asset, "partition": node.partition, "version": version, "run": run}
        domain.say(CheckEvaluated, node.key, fields)
        _alert(domain, node, check)


def _alert(domain: Domain, node: Node, check: CheckResult) -> None:
    """A check that fails fires until it passes, one that can't answer until it can; one that skips says neither."""
    for rule, outcome in ((CHECK_FAILED, "fail"), (CHECK_ERRORED, "error")):
        cause = of_node(rule, node, check.check)
        if check.outcome == outcome:
            what = "failed" if outcome == "fail" else "could not be answered"
            severity = check.severity if outcome == "fail" else "warn"
            summary = f"check {check.check!r} of {node.key} {what}"
            trouble = Trouble(severity, summary, domain.state.now, check.expected, check.observed)
            open_alert(domain, cause, trouble)
        elif check.outcome != "skip":
            close_alert(domain, cause, f"check {check.check!r} of {node.key}: {check.outcome}")


def charge(domain: Domain, asset: str, attempt: tuple[str, int], costs: Sequence[CostItem], at: int) -> None:
    """One event a resource, named after the attempt (run, number), so that a later bill can revise it."""
    run, number = attempt
    for cost in costs:
        fields = cost.model_dump()
        fields |= {"cost_id": f"{run}/{number}/{cost.resource}", "asset": asset, "run": run}
        domain.say(CostIncurred, asset, fields | {"period": rfc3339(at)[:10]})
        spend(domain, asset, cost, at)


def run_ended(domain: Domain, report: Attempt, outcome: str, reason: str) -> None:
    """An attempt ended and published nothing."""
    fields = {name: getattr(report, name) for name in ("run", "asset", "partition", "attempt", "worker")}
    domain.say(RunEnded, report.asset, fields | {"outcome": outcome, "reason": reason})
