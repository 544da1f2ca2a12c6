"""When something must be looked at again. One timer a node counts at a time: the earliest of its reasons."""

from collections.abc import Iterator
from heapq import heappop, heappush

from reactors.alerts import holds
from reactors.causes import SILENT, Cause
from reactors.domain import Domain
from reactors.heeding import heeded_roots, plans_only_a_look
from reactors.promises import is_infeasible, is_promised, promise_ms, promised_by, risk_at, turns_at
from reactors.state import BUDGET, SILENCE, Node
from streams.definitions import CODE
from streams.policies import Cron, Eager, Within

DELAYS = 64
"""timers whose ways through the journal are remembered"""

_LOOKS_MAX = 20
"""at a source, within a promise"""

_MOMENT_MS = (2, 200)
"""at least and at most"""


def stale_from(domain: Domain, node: Node) -> int | None:
    """The instant its promise counts from: since the planned cut; or, when that was tried and failed, since the cut.

    That what failed was looked at again is nothing that could mend it: it is looked at as seldom as ever.
    """
    if node.since is None or node.tried_at < 0 or node.stale_since is None or not node.consistent:
        return node.since
    if plans_only_a_look(domain, node):
        return node.since
    return min(node.since, node.stale_since)


def due(domain: Domain, node: Node) -> int | None:
    """When the node's own promise sets off a wave: as late as it allows. None while there is nothing to promise."""
    if node.wave is not None or node.missing or node.paused is not None:
        return None
    if node.asked_at is not None:
        return node.asked_at
    since = stale_from(domain, node)
    if since is None or not is_promised(domain, node):
        return None
    policy = domain.definition(node).policy
    pause = _pause(domain, node)
    if is_urgent(domain, node):
        at = max(pause, since)
    elif isinstance(policy, Within):
        by = promised_by(domain, node, since) or 0
        at = max(pause, since, by - node.path - margin(domain, node))
        at = rested(domain, node, at, since, by)  # haste keeps none that can't be kept, and all of them rest
    elif isinstance(policy, Eager):
        at = max(pause, since + policy.quiet_ms, node.calm_at or 0)
    elif isinstance(policy, Cron):
        at = max(pause, policy.tick(since))
    else:
        return None
    return at if policy.hours is None else policy.hours.opens(at)


def rested(domain: Domain, node: Node, at: int, since: int, by: int) -> int:
    """`at`, or later: if all there is to do is to look again, sources are looked at some times within a promise."""
    rest = since + (by - since) // (2 if is_infeasible(domain, node) else _LOOKS_MAX)
    return rest if at < rest and plans_only_a_look(domain, node) else at


def is_urgent(domain: Domain, node: Node) -> bool:
    """Its policy leaves no time: for a first version, or for new code."""
    policy = domain.definition(node).policy
    if node.version is None and policy.first_now:
        return True
    if policy.on_code != "now" or node.version is None:
        return False
    planned = node.requests[-1].at if node.requests else max(node.cut_at, node.tried_at)
    code = domain.state.roots[CODE + domain.graph.made_by.get(node.asset, node.asset)]
    return code.commits[-1].offset > planned


def margin(domain: Domain, node: Node) -> int:
    """How much earlier than its path asks the node is due: runs may take longer, others be ahead, and slots be taken.

    Runs take longer than expected now and then: as much as they did lately, all on the way together, but no more than
    the longest run, unless too few were seen to be sure. Requests of one node are granted in the order of their cuts:
    where several are on their way each may cost the longest run once, as in any pipeline. What rests between its runs
    may have begun to just before. A doubt takes half of the time that the path leaves: one run that took a day must not
    have all else run without a pause until it was seen often enough.

    Even where runs take no time it is due a moment before the promise is broken: until the timer's fact and the grant
    stand in the journal some milliseconds pass that no duration tells of.
    """
    promise = promise_ms(domain, node) or 0
    moment = min(domain.state.moment, promise // 20 + 1)
    rest = max(node.rest, min(node.doubt, max(0, promise - node.path) // 2))
    if not domain.is_scarce:
        slower = max(min(node.slow - node.path, node.longest), rest)
        return (node.queued * node.longest or slower) + moment
    ahead = max(1, node.queued) * node.longest
    queueing = (domain.work(node) - node.path) // domain.state.slots
    return max(node.longest, rest) + ahead + queueing + moment


def note_delay(domain: Domain, delay_ms: int) -> None:
    """Take in how long a timer's fact was on its way; a grant follows on the same way."""
    state = domain.state
    state.delays.append(max(0, delay_ms))
    del state.delays[:-DELAYS]
    least, most = _MOMENT_MS
    moment = min(most, max(least, 1 << (3 * max(state.delays)).bit_length()))  # in steps, so that it rarely moves
    if moment != state.moment:
        state.moment = moment
        rearm(domain)


def _pause(domain: Domain, node: Node) -> int:
    """What failed for good is tried again by whatever is new, itself or below it, but not by each of many changes."""
    held = [node.hold]
    if node.blocked_by is not None and node.blocked_by in domain.state.nodes:
        held.append(domain.state.nodes[node.blocked_by].hold)
    return max(0 if one is None else one.pause_until for one in held)


def later(domain: Domain, node: Node, policy: Eager) -> int:
    """A quiet Eager's due time, now that its first quiet span is over: changes may have come meanwhile."""
    newest = max((root.commits[-1].time for root in heeded_roots(domain, node) if root.commits), default=0)
    calm = newest + policy.quiet_ms
    since = stale_from(domain, node)
    if policy.max_wait_ms is None or since is None:
        return calm
    return min(calm, since + policy.max_wait_ms)


def next_look(domain: Domain, node: Node) -> int | None:
    """The earliest instant at which time alone changes something about the node."""
    looks = []
    if node.wake_at is not None:
        looks.append(node.wake_at)
    if node.stale_since is not None and node.alert_since is None:
        by = promised_by(domain, node, node.stale_since)
        if by is not None:
            risk = None if node.at_risk else risk_at(domain, node, by)
            looks.append(by if risk is None else min(by, risk))
    if node.turns_at is not None:
        looks.append(node.turns_at)
    if node.hold is not None and node.hold.until is not None and not node.requests and node.wave is None:
        looks.append(node.hold.until)
    if node.run is not None and node.run.retry_at:
        looks.append(node.run.retry_at)
    wave = domain.state.waves.get(node.wave) if node.wave is not None else None
    if wave is not None and wave.at is None and wave.patient_until:
        looks.append(wave.patient_until)
    if node.ends_at is not None:
        looks.append(node.ends_at)
    return min(looks, default=None)


def others(domain: Domain) -> Iterator[str]:
    """How timers name all that isn't a node and may have one."""
    state = domain.state
    yield from (*domain.graph.expected, *state.alerts)
    yield from (SILENCE + one for one in state.silences)
    yield from (BUDGET + one for one in state.spendings)


def other_look(domain: Domain, key: str) -> int | None:
    """The same of what isn't a node: a source that is waited for, or an alert that ends by itself."""
    root, alarm = domain.state.roots.get(key), domain.state.alerts.get(key)
    if root is not None:
        every = domain.graph.expected.get(key)
        return None if every is None or holds(domain, Cause(SILENT, key)) else root.heard_at + every
    if key.startswith(SILENCE):
        silence = domain.state.silences.get(key.removeprefix(SILENCE))
        return silence.until if silence is not None else None
    if key.startswith(BUDGET):
        spending = domain.state.spendings.get(key.removeprefix(BUDGET))
        return spending.ends_at if spending is not None else None
    if alarm is None:
        return None
    until = alarm.trouble.until if alarm.holds else None
    return min((at for at in (alarm.turns_at, until) if at is not None), default=None)


def arm(domain: Domain, node: Node, key: str) -> None:
    """Work out the node's due time again and set its timer if that is earlier than the one it has."""
    node.wake_at = due(domain, node)
    passed = node.turns_at is not None and node.turns_at <= domain.state.now  # its timer has yet to say so
    if not passed and (node.stale_at is not None or node.requests or node.wave is not None):
        node.turns_at = turns_at(domain, node, domain.state.now)
    look = next_look(domain, node)
    if look is not None:
        armed = domain.armed.get(key)
        if armed is None or look < armed:
            domain.armed[key] = look
            heappush(domain.timers, (look, key))


def rearm(domain: Domain) -> None:
    """Slots are few now, or no longer: that changes the margins of promises."""
    for asset in sorted(domain.graph.needed):
        for key in domain.links.members(asset):
            arm(domain, domain.state.nodes[key], key)
            domain.touched[key] = None


def earliest(domain: Domain) -> int | None:
    """The next instant at which a timer is due. Passes over timers that no longer hold; the state stays as it is."""
    timers, armed, nodes = domain.timers, domain.armed, domain.state.nodes
    while timers:
        at, key = timers[0]
        if armed.get(key) == at:
            look = next_look(domain, nodes[key]) if key in nodes else other_look(domain, key)
            if look == at:
                return at
            del armed[key]
            if look is not None:
                armed[key] = look
                heappush(timers, (look, key))
        heappop(timers)
    return None


def elapsed(domain: Domain, at: int) -> list[str]:
    """Take every node whose timer is due at `at`, earliest first."""
    found = []
    while (first := earliest(domain)) is not None and first <= at:
        _, key = heappop(domain.timers)
        del domain.armed[key]
        found.append(key)
    return found
