"""What somebody should know of: opened once, told again where it changed, resolved when it is over.

An alert's state is the reactor's alone. What it is about names it; each time it opens is an episode, and each event of
an episode has the next sequence, so that (fingerprint, episode, sequence) names a transition for ever.
"""

from reactors.causes import CHECK_ERRORED, CHECK_FAILED, LABELS, Cause, Trouble
from reactors.domain import Domain
from reactors.state import Alarm, Node
from streams.events import Alert, AlertOpened, AlertResolved, AlertUpdated, Severity

CALM_MS = 3_600_000
"""an alert about something that happens, rather than lasts, is over after so long without another"""


def of_node(rule: str, node: Node, label: str = "") -> Cause:
    """A cause that lies with a node."""
    return Cause(rule, node.asset, node.partition, label)


def is_open(domain: Domain, cause: Cause) -> bool:
    """The alert fires."""
    return bool(domain.state.alerts) and cause.key in domain.state.alerts


def open_alert(domain: Domain, cause: Cause, trouble: Trouble) -> None:
    """The alert fires: told when it opens, and when what it says changes."""
    state = domain.state
    alarm = state.alerts.get(cause.key)
    if alarm is None:
        episode = state.episodes.get(cause.key, 0) + 1
        state.episodes[cause.key] = episode
        alarm = state.alerts[cause.key] = Alarm(cause, trouble, episode)
        _tell(domain, alarm, AlertOpened)
        return
    before, alarm.trouble = alarm.trouble, trouble._replace(since=alarm.trouble.since)
    if (before.severity, before.expected, before.actual) != (trouble.severity, trouble.expected, trouble.actual):
        _tell(domain, alarm, AlertUpdated)


def count_alert(domain: Domain, cause: Cause, severity: Severity, what: str, newest: str) -> None:
    """Something happened that shouldn't: told the first time, and whenever it has happened twice as often."""
    state = domain.state
    alarm = state.alerts.get(cause.key)
    count = alarm.count + 1 if alarm is not None else 1
    told = count & (count - 1) == 0
    actual = f"{count}: {newest}" if told or alarm is None else alarm.trouble.actual
    open_alert(domain, cause, Trouble(severity, what, state.now, None, actual, state.now + CALM_MS))
    state.alerts[cause.key].count = count
    domain.arm_other(cause.key, state.now + CALM_MS)


def close_alert(domain: Domain, cause: Cause, summary: str | None = None) -> None:
    """It is over, if it fired. `summary` says how it is now."""
    alarm = domain.state.alerts.pop(cause.key, None) if domain.state.alerts else None
    if alarm is not None:
        alarm.trouble = alarm.trouble._replace(summary=summary or alarm.trouble.summary, actual=None)
        _tell(domain, alarm, AlertResolved)


def close_all(domain: Domain, asset: str, partition: str = "") -> None:
    """The asset is declared no more: nothing of it fires."""
    for alarm in list(domain.state.alerts.values()):
        if (alarm.cause.asset, alarm.cause.partition) == (asset, partition):
            close_alert(domain, alarm.cause, f"{asset} is no longer declared")


def is_about_check(cause: Cause) -> bool:
    """It is about what a check answered."""
    return cause.rule in (CHECK_FAILED, CHECK_ERRORED)


def forget_checks(domain: Domain) -> None:
    """What a check found is over once it is no longer declared; one of several answers is the check's."""
    asked: dict[str, list[str]] = {}
    for asset in domain.graph.assets.values():
        asked.setdefault(asset.asks or asset.key, []).extend(check.name for check in asset.checks)
    for alarm in list(domain.state.alerts.values()):
        cause = alarm.cause
        names = asked.get(cause.asset, [])
        is_asked = cause.label in names or any(cause.label.startswith(f"{name}/") for name in names)
        if is_about_check(cause) and not is_asked:
            close_alert(domain, cause, f"check {cause.label!r} is no longer declared")


def calm(domain: Domain, key: str) -> None:
    """Time passed: an alert that nothing keeps up is over."""
    alarm = domain.state.alerts.get(key)
    if alarm is not None and alarm.trouble.until is not None and alarm.trouble.until <= domain.state.now:
        close_alert(domain, alarm.cause)


def _tell(domain: Domain, alarm: Alarm, how: type[Alert]) -> None:
    alarm.sequence += 1
    cause, trouble = alarm.cause, alarm.trouble
    definition, name = domain.graph.assets.get(cause.asset), LABELS.get(cause.rule)
    fields = {
        "fingerprint": cause.fingerprint,
        "episode": alarm.episode,
        "sequence": alarm.sequence,
        "rule": cause.rule,
        "severity": trouble.severity,
        "asset": cause.asset or None,
        "owner": definition.owner if definition is not None else None,
        "summary": trouble.summary,
        "since": trouble.since,
        "expected": trouble.expected,
        "actual": trouble.actual,
        "labels": {name: cause.label} if name is not None and cause.label else {},
    }
    domain.say(how, cause.asset or domain.name, fields)
