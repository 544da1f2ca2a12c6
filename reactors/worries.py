"""Which alerts a node's freshness opens, and resolves: what its owner wants to know of its promise.

What stands still because something fails above it says so: its own alerts name the one that explains them.
"""

from reactors.alerts import close_alert, holds, of_node, open_alert
from reactors.causes import AT_RISK, FAILING, INFEASIBLE, OVERDUE, QUARANTINED, Cause, Trouble
from reactors.domain import Domain
from reactors.promises import allows_ms, broken, holder, in_words, promise_ms, promised_by, risk_at
from reactors.state import Node
from reactors.timers import arm
from streams.units import readable, rfc3339

_HOLDS = {"failing": FAILING, "quarantined": QUARANTINED}


def worry(domain: Domain, node: Node, is_late: bool, is_infeasible: bool) -> None:
    """Open and resolve what there is to say of a node that was judged."""
    by = None if is_late or node.stale_since is None else promised_by(domain, node, node.stale_since)
    risk = None if by is None else risk_at(domain, node, by)
    at_risk = risk is not None and risk <= domain.state.now
    before = node.alert_since is not None, node.at_risk
    if is_late or before[0]:
        _overdue(domain, node, is_late)
    if at_risk or before[1]:
        _at_risk(domain, node, by if at_risk else None)
    if before != (is_late, at_risk):
        arm(domain, node, node.key)  # an alert that is over may have to open again
    if is_infeasible or domain.state.alerts:
        _infeasible(domain, node, is_infeasible)
    if node.hold is not None or domain.state.alerts:
        _held(domain, node)


def _explained_by(domain: Domain, node: Node) -> str | None:
    """The fingerprint of the alert about what holds the node: its own failing, or that of what blocks it."""
    one = holder(domain, node)
    rule = _HOLDS.get(one.hold.kind) if one.hold is not None else None
    return None if rule is None else of_node(rule, one).fingerprint(domain.name)


def _overdue(domain: Domain, node: Node, is_late: bool) -> None:
    state, cause = domain.state, of_node(OVERDUE, node)
    was_late, since = node.alert_since is not None, node.stale_since
    if not is_late or since is None:
        node.alert_since = None
        promise = promise_ms(domain, node)
        said = "up to date again" if promise is None else f"no longer more than {readable(promise)} behind its sources"
        close_alert(domain, cause, f"{node.key} is {said}")
        return
    node.alert_since = node.alert_since if was_late else since
    known, by = state.alerts.get(cause.key), _explained_by(domain, node)
    if was_late and known is not None and known.trouble.inhibited_by == by:
        return
    said, expected = broken(domain, node, since)
    lag = readable(state.now - since)
    open_alert(domain, cause, Trouble("error", f"{node.key} {said}", since, expected, lag, inhibited_by=by))


def _at_risk(domain: Domain, node: Node, by: int | None) -> None:
    """`by`: when it should be up to date and hardly will be; None: it isn't at risk."""
    cause, was, node.at_risk = of_node(AT_RISK, node), node.at_risk, by is not None
    if by is None:
        late = "overdue" if node.alert_since is not None else "held"
        close_alert(domain, cause, f"{node.key} is {late if node.stale_since is not None else 'in time again'}")
        return
    if was:
        return
    what = f"{node.key} will hardly be up to date by {rfc3339(by)}: a run takes {readable(node.takes)}"
    open_alert(domain, cause, Trouble("warn", what, domain.state.now, rfc3339(by)))


def _infeasible(domain: Domain, node: Node, is_infeasible: bool) -> None:
    cause = of_node(INFEASIBLE, node)
    if not is_infeasible:
        close_alert(domain, cause, f"the promise of {node.key} can be kept again, by what its runs take now")
        return
    takes = f"a path of {readable(node.path)} and one run of {readable(node.longest)}"
    what = f"{node.key} can't keep its promise of {in_words(domain, node)}: it takes {takes}"
    expected = readable(allows_ms(domain, node) or 0)
    if not holds(domain, cause):  # told once: durations are learned with each run
        open_alert(domain, cause, Trouble("warn", what, domain.state.now, expected, readable(node.path + node.longest)))


def _held(domain: Domain, node: Node) -> None:
    """A node that is held because it fails, or because its newest version is in quarantine, fires."""
    for kind, rule in _HOLDS.items():
        cause: Cause = of_node(rule, node)
        if node.hold is not None and node.hold.kind == kind:
            trouble = Trouble("error", f"{node.key} is {kind}: {node.hold.reason}", domain.state.now)
            open_alert(domain, cause, trouble)
        else:
            close_alert(domain, cause, f"{node.key} is no longer {kind}")
