"""What time alone brings about, once the journal says that a timer fired."""

from reactors import budgets, silences
from reactors.alerts import calm
from reactors.asking import take_up
from reactors.domain import Domain
from reactors.hurry import haste
from reactors.marking import plan_again
from reactors.requests import proceed
from reactors.silence import listen
from reactors.state import BUDGET, SILENCE, Node
from reactors.timers import arm, elapsed, is_urgent, later, margin, note_delay, stale_from
from reactors.waves import settle, sleep, start
from streams.events import TimerFired
from streams.policies import Cron, Eager, Within
from streams.units import readable, rfc3339


def fired(domain: Domain, fact: TimerFired) -> None:
    """Look at every node whose timer is due, and settle the floating waves that have only free moves to make."""
    domain.state.renewed_at = domain.state.offset
    note_delay(domain, domain.state.now - fact.at)
    for key in elapsed(domain, min(fact.at, domain.state.now)):
        if key in domain.state.nodes:
            _look(domain, domain.state.nodes[key])
        elif key in domain.state.roots:
            listen(domain, domain.state.roots[key])
        elif key.startswith(SILENCE):
            silences.end(domain, key)
        elif key.startswith(BUDGET):
            budgets.end(domain, key)
        else:
            calm(domain, key)
    while (hurried := haste(domain)) is not None and hurried.at <= domain.state.now:
        start(domain, domain.state.nodes[hurried.key], "others' work stands before its promise")
    for name in fact.settle:
        wave = domain.state.waves.get(name)
        if wave is not None and wave.at is None and not settle(domain, wave):
            sleep(domain, wave)  # asked for again and again, what comes to nothing would fill the journal


def wake_due(domain: Domain) -> None:
    """Set the timers of the nodes that the entry touched; those due by its own time need none: their waves start."""
    seen = 0
    while seen < len(domain.touched):  # a wave that starts may touch more of them
        fresh = list(domain.touched)[seen:]
        seen += len(fresh)
        for key in fresh:
            node = domain.state.nodes.get(key)
            if node is None:
                continue
            arm(domain, node, key)
            if node.wake_at is not None and node.wake_at <= domain.state.now:
                _wake(domain, node)
                arm(domain, node, key)


def _look(domain: Domain, node: Node) -> None:
    now = domain.state.now
    wave = domain.state.waves.get(node.wave) if node.wave is not None else None
    if wave is not None and 0 < wave.patient_until <= now:
        wave.patient_until = 0
        domain.wake(node.key)
    if node.run is not None and node.run.retry_at and node.run.retry_at <= now:
        node.run.retry_at = 0
        proceed(domain, [node])
    if node.ends_at is not None and node.ends_at <= now:
        node.ends_at = None  # whatever is touched is judged and armed anew
    if node.turns_at is not None and node.turns_at <= now:
        node.turns_at = None
        domain.wake(node.key)
    if node.wake_at is not None and node.wake_at <= now:
        _wake(domain, node)
    elif node.hold is not None and node.hold.until is not None and node.hold.until <= now and not node.requests:
        node.hold.until, node.tried_at = None, -1
        plan_again(domain, node)
        if node.wave is None:
            start(domain, node, "the cool-down after its failures is over")
    arm(domain, node, node.key)
    domain.touched[node.key] = None


def _wake(domain: Domain, node: Node) -> None:
    if node.asked_at is not None:
        take_up(domain, node)
        return
    policy = domain.definition(node).policy
    if is_urgent(domain, node):
        start(domain, node, "it has no version yet" if node.version is None else "its code is new")
    elif isinstance(policy, Eager):
        calm = later(domain, node, policy)
        if policy.quiet_ms and calm > domain.state.now:
            node.calm_at = calm
            return
        start(domain, node, "eager: its inputs changed" if not policy.quiet_ms else "eager: its inputs went quiet")
    elif isinstance(policy, Cron):
        since = stale_from(domain, node)
        tick = domain.state.now if since is None else policy.tick(since)
        start(domain, node, f"its tick at {rfc3339(tick)} ({policy.expression} {policy.tz})")
    elif isinstance(policy, Within):
        slack = readable(node.path + margin(domain, node))
        start(domain, node, f"its promise of {readable(policy.lag_ms)} is due, {slack} ahead for its path and one run")
