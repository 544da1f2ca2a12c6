"""What somebody should know of: opened once, told again where it changed, resolved when it is over.

An alert's state is the reactor's alone: pending while what it is about may yet pass, firing, easing while that may yet
come back. What it is about names it; each time it opens is an episode, and each event of an episode has the next
sequence, so that (fingerprint, episode, sequence) names a transition for ever.
"""

from reactors.causes import CHECK_ERRORED, CHECK_FAILED, LABELS, Cause, Trouble
from reactors.domain import Domain
from reactors.manners import FLAP_CALM_MS, flaps, manner_of, note_opening, silenced_until
from reactors.state import Alarm, Node
from streams.events import Alert, AlertOpened, AlertResolved, AlertUpdated, Severity

CALM_MS = 3_600_000
"""an alert about something that happens, rather than lasts, is over after so long without another"""


def of_node(rule: str, node: Node, label: str = "") -> Cause:
    """A cause that lies with a node."""
    return Cause(rule, node.asset, node.partition, label)


def holds(domain: Domain, cause: Cause) -> bool:
    """What the alert is about is so now, whether it was told already or not."""
    alarm = domain.state.alerts.get(cause.key)
    return alarm is not None and alarm.holds


def open_alert(domain: Domain, cause: Cause, trouble: Trouble) -> None:
    """It is so: the alert fires, or will if that lasts. Told when it opens, and when what it says changes."""
    state = domain.state
    alarm = state.alerts.get(cause.key)
    manner = manner_of(domain, cause)
    if manner.severity is not None:
        trouble = trouble._replace(severity=manner.severity)
    if alarm is None:
        alarm = state.alerts[cause.key] = Alarm(cause, trouble, state.episodes.get(cause.key, 0) + 1, phase="pending")
        if manner.after_ms:
            _wait(domain, alarm, manner.after_ms)
        else:
            _fire(domain, alarm)
        return
    if not alarm.holds:
        alarm.phase, alarm.turns_at = "firing", None
    before, alarm.trouble = alarm.trouble, trouble._replace(since=alarm.trouble.since)
    if alarm.is_told and _says(before) != _says(trouble):
        tell_again(domain, alarm)


def _says(trouble: Trouble) -> tuple[str | None, ...]:
    return trouble.severity, trouble.expected, trouble.actual, trouble.inhibited_by


def _wait(domain: Domain, alarm: Alarm, span_ms: int) -> None:
    """Its phase lasts so long, unless something happens."""
    alarm.turns_at = domain.state.now + span_ms
    domain.arm_other(alarm.cause.key, alarm.turns_at)


def _fire(domain: Domain, alarm: Alarm) -> None:
    alarm.phase, alarm.turns_at = "firing", None
    domain.state.episodes[alarm.cause.key] = alarm.episode
    note_opening(domain, alarm.cause)
    _tell(domain, alarm, AlertOpened)


def tell_again(domain: Domain, alarm: Alarm) -> None:
    """Something about an alert that fires changed."""
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
    """It is so no longer: over at once, or once it was so for as long as the app says. `summary` says how it is now."""
    alarm = domain.state.alerts.get(cause.key) if domain.state.alerts else None
    if alarm is None:
        return
    alarm.over = summary or alarm.over
    if alarm.phase == "easing":
        return
    manner = manner_of(domain, cause)
    calm_ms = max(manner.keep_ms, FLAP_CALM_MS if manner.damped and flaps(domain, cause) else 0)
    if alarm.phase == "pending" or not calm_ms:
        _resolve(domain, alarm)
    else:
        alarm.phase = "easing"
        _wait(domain, alarm, calm_ms)


def _resolve(domain: Domain, alarm: Alarm) -> None:
    del domain.state.alerts[alarm.cause.key]
    if alarm.is_told:
        alarm.trouble = alarm.trouble._replace(summary=alarm.over or alarm.trouble.summary, actual=None)
        _tell(domain, alarm, AlertResolved)


def _end(domain: Domain, alarm: Alarm, why: str) -> None:
    """It is over whatever was said of it."""
    alarm.over = why
    _resolve(domain, alarm)


def close_all(domain: Domain, asset: str, partition: str = "") -> None:
    """The asset is declared no more: nothing of it fires."""
    for alarm in list(domain.state.alerts.values()):
        if (alarm.cause.asset, alarm.cause.partition) == (asset, partition):
            _end(domain, alarm, f"{asset} is no longer declared")


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
            _end(domain, alarm, f"check {cause.label!r} is no longer declared")


def calm(domain: Domain, key: str) -> None:
    """Time passed: what was pending fires, and what nothing keeps up is over."""
    alarm, now = domain.state.alerts.get(key), domain.state.now
    if alarm is None:
        return
    if alarm.turns_at is not None and alarm.turns_at <= now:
        if alarm.phase == "pending":
            _fire(domain, alarm)
        else:
            _resolve(domain, alarm)
    if alarm.holds and alarm.trouble.until is not None and alarm.trouble.until <= now:
        close_alert(domain, alarm.cause)


def _tell(domain: Domain, alarm: Alarm, how: type[Alert]) -> None:
    alarm.sequence += 1
    alarm.silenced_until = silenced_until(domain, alarm.cause)
    cause, trouble = alarm.cause, alarm.trouble
    definition, name = domain.graph.assets.get(cause.asset), LABELS.get(cause.rule)
    fields = {
        "fingerprint": cause.fingerprint(domain.name),
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
        "labels": manner_of(domain, cause).labels | ({name: cause.label} if name is not None and cause.label else {}),
        "inhibited_by": trouble.inhibited_by,
        "acknowledged_by": alarm.acknowledged_by or None,
        "silenced_until": alarm.silenced_until,
        "flapping": flaps(domain, cause),
    }
    domain.say(how, cause.asset or domain.name, fields)
