"""Budgets: what is used counts against them, they tell how far they are used, and what is used up acts.

Everything is told once a period: each threshold that is passed, and that the period would end above the limit if it
went on like this. With the period all of it is over, and what was throttled or paused goes on.
"""

from reactors.alerts import close_alert, open_alert
from reactors.causes import BUDGET_FORECAST, BUDGET_THRESHOLD, Cause, Trouble
from reactors.domain import Domain
from reactors.spending import is_of, run_by
from reactors.state import BUDGET, Spending
from streams.budgets import MICRO, Budget
from streams.events import CostItem, Severity
from streams.units import rfc3339

SURE_PERCENT = 2
"""of a period that has to be over, and counted, before a forecast is made of it"""

SURE_COUNT = 5
"""costs that have to be known before a forecast is made of them"""

FULL = 100


def spend(domain: Domain, asset: str, cost: CostItem, at: int) -> None:
    """Something was used, or was billed otherwise than thought: a difference, which may be below zero."""
    for budget in domain.budgets.values():
        if not is_of(budget, domain.graph, asset):
            continue
        by_money = budget.currency is not None and cost.currency == budget.currency and cost.amount is not None
        used = cost.amount if by_money else cost.quantity if cost.resource == budget.resource else None
        if used is None:
            continue
        spending = _now(domain, budget)
        if not spending.began_at <= at < spending.ends_at:
            continue  # of another period: that one is over
        spending.micros += round(used * MICRO)
        spending.count += 1
        _judge(domain, budget, spending)


def _now(domain: Domain, budget: Budget) -> Spending:
    """What was used in the period that goes on."""
    state = domain.state
    known = state.spendings.get(budget.name)
    if known is None or state.now >= known.ends_at:
        if known is not None:
            _over(domain, budget.name)
        began, ends = budget.window(state.now)
        since = max(began, state.budgeted.get(budget.name, began))
        known = state.spendings[budget.name] = Spending(began, ends, since)
        domain.arm_other(BUDGET + budget.name, ends)
    return known


def _judge(domain: Domain, budget: Budget, spending: Spending) -> None:
    for threshold in budget.thresholds:
        if threshold not in spending.passed and spending.micros * FULL >= budget.limit_micros * threshold:
            spending.passed.append(threshold)
            _tell_threshold(domain, budget, spending, threshold)
    _forecast(domain, budget, spending)
    acts = spending.micros >= budget.limit_micros
    if acts != spending.acts:
        spending.acts = acts
        _act(domain, budget)


def _tell_threshold(domain: Domain, budget: Budget, spending: Spending, threshold: int) -> None:
    severity: Severity = "error" if threshold >= FULL else "warn" if threshold >= 80 else "info"
    acts = {"throttle": ", and what it is about is throttled", "pause": ", and what it is about is paused"}
    what = f"{threshold}% of the budget {budget.name!r} are used"
    what += acts.get(budget.on_breach, "") if threshold >= FULL else ""
    limit, used = told(budget, budget.limit_micros), told(budget, spending.micros)
    trouble = Trouble(severity, what, domain.state.now, limit, used)
    open_alert(domain, _cause(BUDGET_THRESHOLD, budget, f" at {threshold}%"), trouble)


def _forecast(domain: Domain, budget: Budget, spending: Spending) -> None:
    """By the rate so far: told once where the period would end above the limit; over where it would end well below."""
    now, cause = domain.state.now, _cause(BUDGET_FORECAST, budget)
    over = now - spending.since
    known = over * FULL >= (spending.ends_at - spending.began_at) * SURE_PERCENT and spending.count >= SURE_COUNT
    if not budget.forecast or not known:
        return
    expected = spending.micros + spending.micros * (spending.ends_at - now) // over
    if spending.micros >= budget.limit_micros or expected * 10 < budget.limit_micros * 9:
        close_alert(domain, cause, f"the budget {budget.name!r} will do, or is used up")
    elif expected > budget.limit_micros and not spending.foretold:
        spending.foretold = True
        what = f"the budget {budget.name!r} will be used up before {rfc3339(spending.ends_at)}, if it goes on like this"
        limit, end = told(budget, budget.limit_micros), told(budget, expected)
        open_alert(domain, cause, Trouble("warn", what, domain.state.now, limit, f"{end} by then"))


def _act(domain: Domain, budget: Budget) -> None:
    """It is used up, or no longer: whoever it is about looks again."""
    domain.limit()
    if budget.on_breach == "notify":
        return
    for asset in run_by(budget, domain.graph):
        for key in domain.links.members(asset):
            domain.touched[key] = None  # judged and armed at the end of the entry
            domain.wake(key)


def end(domain: Domain, key: str) -> None:
    """Time passed: a period may be over."""
    name = key.removeprefix(BUDGET)
    spending = domain.state.spendings.get(name)
    if spending is not None and spending.ends_at <= domain.state.now:
        _over(domain, name)


def _over(domain: Domain, name: str) -> None:
    spending, budget = domain.state.spendings.pop(name), domain.budgets.get(name)
    if budget is None:
        return
    for threshold in spending.passed:
        close_alert(domain, _cause(BUDGET_THRESHOLD, budget, f" at {threshold}%"), "another period began")
    close_alert(domain, _cause(BUDGET_FORECAST, budget), "another period began")
    if spending.acts:
        _act(domain, budget)


def redeclared(domain: Domain, before: dict[str, Budget]) -> None:
    """A deploy: what isn't declared any more is over, and what was used counts against what is declared now."""
    now = domain.budgets
    domain.state.budgeted = {name: domain.state.budgeted.get(name, domain.state.now) for name in now}
    for name, spending in list(domain.state.spendings.items()):
        budget, old = now.get(name), before.get(name)
        if budget == old:
            continue
        if old is not None:
            for threshold in spending.passed:
                close_alert(domain, _cause(BUDGET_THRESHOLD, old, f" at {threshold}%"), "its budget was declared anew")
            close_alert(domain, _cause(BUDGET_FORECAST, old), "its budget was declared anew")
        acted, spending.acts = spending.acts, False
        if budget is None or old is None or not _counts_the_same(budget, old):
            del domain.state.spendings[name]
        else:
            spending.passed, spending.foretold = [], False
            _judge(domain, budget, spending)
        if acted and old is not None and not spending.acts:
            _act(domain, old)


def _counts_the_same(budget: Budget, old: Budget) -> bool:
    names = ("currency", "resource", "period", "tz", "assets", "owner")
    return all(getattr(budget, name) == getattr(old, name) for name in names)


def _cause(rule: str, budget: Budget, of: str = "") -> Cause:
    asset = budget.assets[0] if len(budget.assets) == 1 else ""
    return Cause(rule, asset, label=budget.name + of)


def told(budget: Budget, micros: int) -> str:
    """An amount of what the budget counts, to be read.

    >>> told(Budget.said("20 USD/day"), 12_340_000)
    '12.34 USD'
    """
    whole, rest = divmod(abs(micros), MICRO)
    cents = f".{rest:06}".rstrip("0").rstrip(".") if rest else ""
    return f"{'-' if micros < 0 else ''}{whole}{cents} {budget.currency or budget.resource}"
