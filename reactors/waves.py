"""The runs that one due asset sets off: they float until a first grant fixes their cut, and then agree on it."""

from dataclasses import dataclass, field

from reactors.crossing import agrees
from reactors.domain import Domain
from reactors.marking import plan_again, try_again
from reactors.outputs import catch_up, is_output
from reactors.promises import may_begin, promised_by
from reactors.requests import (
    ask,
    came_later,
    cut_of,
    drop_out,
    end,
    is_busy,
    is_forced,
    is_held,
    is_parked,
    lacks,
    may_move,
    move,
    pins_now,
    proceed,
    urge,
)
from reactors.riding import Company, by_due_time, may_follow, may_ride
from reactors.state import Node, Request, Wave
from reactors.timers import arm, stale_from
from streams.policies import Within


@dataclass(slots=True)
class Survey:
    """What a floating wave could do at the newest cut."""

    grantable: list[Node] = field(default_factory=list)  # stale, idle, its inputs all right
    movable: list[Node] = field(default_factory=list)  # the same, but none of its inputs is new
    torn: list[Node] = field(default_factory=list)  # the same, but what other domains delivered doesn't agree
    hopeless: bool = False  # something on the way to the target is paused, held, or lacks an input


def start(domain: Domain, node: Node, reason: str, forced: bool = False) -> Wave:
    """The node is due, or commanded: set off its wave. It may be over already: all it had to do was free."""
    key = node.key
    name = f"{key}@{domain.state.offset}"
    while name in domain.state.waves:  # it left one in this same entry, which others are still at work for
        name += "+"
    wave = Wave(name, [key], domain.state.offset, deadline(domain, node), reason)
    if forced:
        wave.forced = key
    elif domain.graph.abroad(node.asset) and (until := wave.deadline - node.path) > domain.state.now:
        wave.patient_until = until
    tried_at = node.tried_at
    try_again(domain, node)
    node.wave, node.calm_at, node.asked_at = wave.id, None, None
    domain.state.waves[wave.id] = wave
    domain.floating[wave.id] = None
    arm(domain, node, key)
    domain.touched[key] = None
    settle(domain, wave)
    # What came to nothing at a cut would come to nothing there again, and be due again at once.
    if wave.id in domain.floating and not forced and tried_at < domain.state.fixed_at:
        _gather(domain, _join(domain, wave, node))
    return wave


def _join(domain: Domain, wave: Wave, target: Node) -> list[Node]:
    """Take the cut fixed last, if waves are at work above for an equal one, and it holds what the target is due for.

    To float on would have all that made again as soon as anything new is committed, and the target wait for both.
    Returns what was requested for that.
    """
    at = domain.state.fixed_at
    if not isinstance(domain.definition(target).policy, Within) or wave.patient_until:
        return []
    if target.owed_at is None or target.owed_at > at or not agrees(domain, target, at):
        return []
    nodes = domain.state.nodes
    way = [target, *(nodes[key] for key in domain.made_before(target))]
    is_at_work = any(one.requests and not lacks(domain, one, at) for one in way[1:])
    is_possible = is_at_work and not any(_is_out_of_reach(domain, one, at) for one in way)
    return _fix(domain, wave, at) if is_possible else []


def _gather(domain: Domain, asked: list[Node]) -> None:
    """What was requested just now is work above other waves, which were due by then and float yet: they join it."""
    waves = domain.state.waves
    while asked and (domain.floating or domain.sleeping):
        floating = [
            (wave, one)
            for one in domain.below(*(one.key for one in asked))
            if one.wave is not None and (wave := waves[one.wave]).at is None and wave.forced is None
        ]
        asked = [new for wave, one in floating if wave.at is None for new in _join(domain, wave, one)]


def _is_out_of_reach(domain: Domain, node: Node, at: int) -> bool:
    """It can't be had at that cut: it is held, something it reads wasn't there yet, or its code was another's."""
    if came_later(domain, node, at):
        return True
    return is_held(domain, node) if lacks(domain, node, at) else node.version is None


def deadline(domain: Domain, node: Node) -> int:
    """When the node must be right again: its promise's end; without one, as soon as its path allows."""
    since = stale_from(domain, node)
    by = promised_by(domain, node, since) if since is not None else None
    return by if by is not None else domain.state.now + node.path


def awaits_agreement(domain: Domain, wave: Wave, at: int, clock: int) -> bool:
    """At the cut `at` its target's inputs from other domains don't agree, and there is time for it yet."""
    return clock < wave.patient_until and not agrees(domain, domain.state.nodes[wave.targets[0]], at)


def survey(domain: Domain, wave: Wave) -> Survey:
    """Look at a floating wave: which nodes could be granted now, at the newest cut. Changes nothing."""
    found = Survey()
    states: dict[str, bool] = {}  # stale node → whether it is out of reach
    for node in _stale_upward(domain, wave):
        above = [states[one.key] for one in domain.derived_inputs(node) if one.key in states]
        states[node.key] = is_held(domain, node) or any(above)
        if above or states[node.key] or is_parked(node) or node.requests or is_busy(node):
            continue
        if not may_begin(domain, node, domain.state.now):
            continue  # a timer looks again; what is new until then wakes nobody
        is_free = is_output(domain, node) or may_move(node, pins_now(domain, node))
        if is_free and not is_forced(domain, node):
            at, now = domain.state.offset, domain.state.now
            if agrees(domain, node, at):
                found.movable.append(node)
            elif not awaits_agreement(domain, wave, at, now):  # nothing to run with, and nothing left to do
                states[node.key] = True
                found.torn.append(node)
        else:
            found.grantable.append(node)
    found.hopeless = all(states.get(key, False) for key in wave.targets)
    return found


def _stale_upward(domain: Domain, wave: Wave) -> list[Node]:
    """The targets and their ancestors that aren't right at the newest cut, inputs first."""
    nodes = domain.state.nodes
    found: dict[str, Node] = {}
    stack = [nodes[key] for key in wave.targets if nodes[key].stale_at is not None or wave.forced == key]
    while stack:
        node = stack.pop()
        if node.key not in found:
            found[node.key] = node
            stack.extend(one for one in domain.derived_inputs(node) if one.stale_at is not None)
    return sorted(found.values(), key=lambda node: domain.graph.rank[node.asset])


def settle(domain: Domain, wave: Wave) -> bool:
    """Make the free moves of a floating wave, at the newest cut; end it where nothing is left or can be done.

    Tells whether that brought it on, or something may be granted.
    """
    at, is_moved = domain.state.offset, False
    for node in _stale_upward(domain, wave):
        stuck = is_held(domain, node) or is_parked(node) or node.requests or is_busy(node)
        stuck = stuck or is_forced(domain, node)
        # Somebody may be about to grant what was stale before: only a fact may move that.
        stuck = stuck or (domain.state.renewed_at < at and node.stale_at != at)
        if stuck or any(one.stale_at is not None for one in domain.derived_inputs(node)):
            continue
        pins = pins_now(domain, node)
        if is_output(domain, node) and not may_move(node, pins):
            catch_up(domain, node)
            is_moved = True
        elif may_move(node, pins) and agrees(domain, node, at):
            is_moved = True
            move(domain, node, cut_of(domain, node, at), at, pins)
            plan_again(domain, node)
            domain.state.fixed_at = at
    seen = survey(domain, wave)
    if seen.hopeless:
        # A delivery that has them agree frees what was parked below them: it is only marked as far as they are.
        for one in [*seen.torn, *(domain.state.nodes[key] for key in wave.targets)]:
            park(domain, one, at)
        end(domain, wave)
    elif wave.forced is None and all(domain.state.nodes[key].owed_at is None for key in wave.targets):
        end(domain, wave)
    return is_moved or bool(seen.grantable) or wave.id not in domain.state.waves


def sleep(domain: Domain, wave: Wave) -> None:
    """Nothing can be done for a floating wave: it is looked at again once something wakes it."""
    domain.floating.pop(wave.id, None)
    domain.sleeping[wave.id] = None


def park(domain: Domain, node: Node, at: int) -> None:
    """The node left a wave of that cut: it isn't tried again before something new is committed or its way is free."""
    node.tried_at = max(node.tried_at, at)
    plan_again(domain, node)


def fix_through(domain: Domain, node: Node, at: int) -> None:
    """A first grant of this node was accepted: every floating wave that wants it takes the cut at `at`."""
    if at < domain.state.fixed_at:
        return  # based on too old a view; the run goes on at its own cut, the waves go on floating
    domain.state.fixed_at = at
    waves = domain.state.waves
    asked: list[Node] = []
    through = [node]
    if node.since_at is not None and node.since_at <= at:
        through += domain.below(node.key)
    for one in through:
        wave = waves.get(one.wave) if one.wave is not None else None
        if wave is None or wave.at is not None or wave.born > at or one.key not in wave.targets:
            continue
        if not awaits_agreement(domain, wave, at, domain.state.now):
            asked += _fix(domain, wave, at)
    _gather(domain, asked)


def _fix(domain: Domain, wave: Wave, at: int) -> list[Node]:
    """Have the target, and whatever it lacks, right at the cut; returns the nodes that are requested for that."""
    target = domain.state.nodes[wave.targets[0]]
    if any(root.dense_from > at and root.commits[-1].offset > at for root in domain.roots_above(target)):
        return []  # too old to say what stood at that offset
    wave.at = at
    domain.floating.pop(wave.id, None)
    domain.sleeping.pop(wave.id, None)
    asked = _ask_upward(domain, wave, target, at)
    if target.key in wave.left:
        urge(domain, target, target.requests[-1], wave.deadline)
    else:
        park(domain, target, at)
        drop_out(domain, target, wave)
    _ride_along(domain, wave, asked, at)
    proceed(domain, asked)
    return asked


def _ask_upward(domain: Domain, wave: Wave, target: Node, at: int) -> list[Node]:
    """Request every ancestor of the target that isn't right at the cut, but for what lies behind a held one."""
    wanted: dict[str, Node] = {}
    stack = [target]
    while stack:
        node = stack.pop()
        needs_a_run = lacks(domain, node, at) or wave.forced == node.key
        if node.key not in wanted and (needs_a_run or node.requests):
            wanted[node.key] = node
            if needs_a_run:
                stack.extend(domain.derived_inputs(node))
    asked, out = [], set()
    for node in sorted(wanted.values(), key=lambda one: domain.graph.rank[one.asset]):
        if is_held(domain, node) or any(one.key in out for one in domain.derived_inputs(node)):
            out.add(node.key)
            continue
        ask(domain, node, wave, at)
        wave.left[node.key] = None
        asked.append(node)
    return asked


def _ride_along(domain: Domain, wave: Wave, asked: list[Node], at: int) -> None:
    """Take in assets that one of the wave's runs feeds, with what else they lack, where that pays."""
    company, fresh = Company(domain, asked), list(asked)
    for key in wave.targets:
        company.decided(domain.state.nodes[key], rides=True)
    while fresh:  # a rider may bring what has other readers
        known = len(asked)
        looks = any(one.asset in domain.graph.observed for one in fresh)
        for reader in by_due_time(domain.below(*(one.key for one in fresh))):
            rides = may_ride(domain, reader, at, company) or (looks and may_follow(domain, reader, at))
            if rides:
                before = len(asked)
                _take_in(domain, wave, reader, asked)
                company.add(asked[before:])
            company.decided(reader, rides)
        fresh = asked[known:]


def _take_in(domain: Domain, wave: Wave, rider: Node, asked: list[Node]) -> None:
    rider.wave = wave.id
    wave.targets.append(rider.key)
    by = deadline(domain, rider)
    known = {one.key for one in asked}
    asked += [one for one in _ask_upward(domain, wave, rider, wave.at or 0) if one.key not in known]
    arm(domain, rider, rider.key)
    if rider.requests:
        urge(domain, rider, rider.requests[-1], by)


def leave(domain: Domain, node: Node, request: Request, parked: bool = True) -> None:
    """A request comes to nothing: it, and whatever waits for it, drops out of every wave that wants it.

    `parked`: none of these is tried again before something new is committed, or the way is free. What only had to be
    run again is right as it is, and in nobody's way.
    """
    in_the_way = node.stale_at is not None and node.stale_at <= request.at
    failing = [(node, request)]
    for one, failed in failing:  # grows while it is walked
        for reader in domain.readers(one.key):
            failing += [(reader, wanted) for wanted in reader.requests if wanted.waiting.get(one.key) == failed.at]
    for one, failed in failing:
        if failed in one.requests:
            one.requests.remove(failed)
            if parked and (in_the_way or one is node):
                one.tried_at = max(one.tried_at, failed.at)
            plan_again(domain, one)
            for name in failed.waves:
                drop_out(domain, one, domain.state.waves[name])
    wake_below(domain, node)
    proceed(domain, [one for one, _ in failing])


def wake_below(domain: Domain, node: Node) -> None:
    """A run ended or a way is free: floating waves below that slept look again."""
    domain.wake(node.key)
