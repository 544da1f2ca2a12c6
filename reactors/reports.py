"""What a report says besides its result: checks, costs, and the end of an attempt that published nothing."""

from collections.abc import Sequence

from reactors.alerts import close_alert, is_about_check, open_alert
from reactors.billed import remember
from reactors.budgets import spend
from reactors.causes import CHECK_ERRORED, CHECK_FAILED, Cause, Trouble
from reactors.domain import Domain
from reactors.state import Node
from streams.events import Attempt, CheckEvaluated, CheckResult, CostIncurred, CostItem, RunEnded
from streams.keys import node_key
from streams.units import rfc3339


def publish_checks(domain: Domain, node: Node, run: str, version: str, checks: Sequence[CheckResult]) -> None:
    """One event a check, of the version that was asked about: the node's own, unless the check stands alone."""
    asset = domain.definition(node).asks or node.asset
    for check in checks:
        fields = check.model_dump()
        fields |= {"asset": asset, "partition": node.partition, "version": version, "run": run}
        domain.say(CheckEvaluated, node_key(asset, node.partition), fields)
        _alert(domain, asset, node.partition, check)
    if domain.state.alerts:
        _close_unasked(domain, node, asset, [check.check for check in checks])


def _alert(domain: Domain, asset: str, partition: str, check: CheckResult) -> None:
    """A check that fails fires until it passes, one that can't answer until it can; one that skips says neither."""
    key = node_key(asset, partition)
    for rule, outcome in ((CHECK_FAILED, "fail"), (CHECK_ERRORED, "error")):
        cause = Cause(rule, asset, partition, check.check)
        if check.outcome == outcome:
            what = "failed" if outcome == "fail" else "could not be answered"
            severity = check.severity if outcome == "fail" else "warn"
            summary = f"check {check.check!r} of {key} {what}"
            trouble = Trouble(severity, summary, domain.state.now, check.expected, check.observed)
            open_alert(domain, cause, trouble)
        elif check.outcome != "skip":
            close_alert(domain, cause, f"check {check.check!r} of {key}: {check.outcome}")


def _close_unasked(domain: Domain, node: Node, asset: str, answered: Sequence[str]) -> None:
    """A check of several answers gave others this time: what it doesn't ask any more doesn't fire."""
    checks = domain.definition(node).checks
    several = [one.name for one in checks if any(name.startswith(f"{one.name}/") for name in answered)]
    for alarm in list(domain.state.alerts.values()) if several else ():
        cause = alarm.cause
        is_about_it = is_about_check(cause) and cause[1:3] == (asset, node.partition)
        for name in several if is_about_it and cause.label not in answered else ():
            if cause.label == name or cause.label.startswith(f"{name}/"):
                close_alert(domain, cause, f"check {name!r} asks no {cause.label!r} any more")


def charge(domain: Domain, asset: str, attempt: tuple[str, int], costs: Sequence[CostItem], at: int) -> None:
    """One event a resource, named after the attempt (run, number), so that a later bill can revise it."""
    run, number = attempt
    for cost in costs:
        fields = cost.model_dump()
        fields |= {"cost_id": f"{run}/{number}/{cost.resource}", "asset": asset, "run": run}
        fields |= {"period": rfc3339(at)[:10]}
        domain.say(CostIncurred, asset, fields)
        spend(domain, asset, cost, at)
        remember(domain, asset, fields)


def run_ended(domain: Domain, report: Attempt, outcome: str, reason: str) -> None:
    """An attempt ended and published nothing."""
    fields = {name: getattr(report, name) for name in ("run", "asset", "partition", "attempt", "worker")}
    domain.say(RunEnded, report.asset, fields | {"outcome": outcome, "reason": reason})
