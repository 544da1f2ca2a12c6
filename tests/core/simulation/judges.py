"""What must hold of every play, judged from its journal and outputs: simple rules, none of the fold's own code."""

from collections.abc import Callable, Container, Iterator

from reactors.domain import Domain
from reactors.state import Node as FoldedNode
from streams.cloudevents import event_id
from streams.definitions import CODE, LOOK
from streams.events import (
    Alert,
    AlertOpened,
    AlertResolved,
    AssetQuarantined,
    Publication,
    RunCancelled,
    RunEnded,
    RunGranted,
    WorkerHeartbeat,
)
from streams.keys import node_key
from streams.policies import Cron, Within
from tests.checker import Trace
from tests.checker.graph import Node
from tests.checker.links import View
from tests.core.simulation.crew import NOTHING, computed
from tests.core.simulation.ledger import Ledger
from tests.core.simulation.looks import in_order
from tests.core.simulation.stage import Rival, Stage

ALONE_TIMES = 4
"""of so many plays that nobody else folded, and that nothing interrupted, one is folded again"""


def values_are_right(stage: Stage) -> Iterator[str]:
    """Invariant 1: each published value is what a from-scratch evaluation at its cut yields."""
    ledger = Ledger(stage)
    for offset, events in enumerate(stage.told()):
        ledger.entry(offset)
        for event in events:
            if isinstance(event, RunGranted):
                ledger.grant(event)
            if not isinstance(event, Publication):
                continue
            found, node = (event.uri or "").removeprefix("mem:"), (event.asset, event.partition)
            ledger.heard(event)
            if ledger.is_observed(event.asset):
                wanted = [stage.found.get(event.run or "", "no look")]
            else:
                wanted = [from_scratch(ledger, view, node, event.cut) for view in _views(stage.trace(), ledger, event)]
            if found not in wanted:
                yield f"{offset}: {node_key(*node)} is {found} at {event.cut}, from scratch {wanted[0]}"
            if not isinstance(event, AssetQuarantined):
                ledger.publish(offset, event)


def _views(trace: Trace, ledger: Ledger, event: Publication) -> list[View]:
    """What was there at the cut: as its run was granted; a move says no more than that it lies behind its commits.

    What was held, an output that was paused too, may have been found right since at a newer cut, under another graph.
    """
    if event.run is not None:
        granted = trace.view(ledger.granted[event.run], ledger.places[event.run])
        if granted.graph.ancestors.get(event.asset) == event.cut.keys():
            return [granted]
    return [trace.view(ledger.offset, trace.commits.newest_of(event.cut)), trace.view(ledger.offset)]


Known = dict[tuple[Node, frozenset[tuple[str, int]]], str]


def from_scratch(ledger: Ledger, view: View, node: Node, cut: dict[str, int], known: Known | None = None) -> str:
    """The node's value at a cut, computed from the sources up; `known`: what was found on the way there."""
    asset, trace = node[0], ledger.trace
    known = {} if known is None else known
    if (node, frozenset(cut.items())) in known:
        return known[node, frozenset(cut.items())]
    if LOOK + asset in cut:
        return ledger.looked.get((asset, cut[LOOK + asset]), "never looked at")
    code_version, deps, _ = ledger.code[asset][cut[CODE + asset] - 1]
    place, read = ledger.reads(node, cut, view.place)
    if {key[0] for key in read} != deps:
        return f"nothing: no version of {node} at {cut} reads {sorted(deps)}"
    inputs = {}
    for key in read:
        # A deploy may have put other sources above it since; then the cut speaks of those from before.
        # And what it took away was still there when the version was computed.
        now = view if view.graph.view(key[0]) <= cut.keys() else trace.view(view.place)
        seen = trace.seen(key, cut, now if now.graph.declares(key) else trace.view(place))
        if key[0] in cut:
            seq = seen[key[0]]
            inputs[node_key(*key)] = ledger.commits[key[0]][seq - 1].value if seq else NOTHING
        else:
            inputs[node_key(*key)] = from_scratch(ledger, view, key, seen, known)
    found = known[node, frozenset(cut.items())] = computed(
        node_key(*node), code_version, inputs, ledger.world.script.coarse
    )
    return found


def attempts_stay_alone(stage: Stage) -> Iterator[str]:
    """Invariant 7: never two attempts of a node in flight, never more in flight than a worker or a pool has slots."""
    flying: dict[Node, RunGranted] = {}
    ledger = Ledger(stage)
    for offset, events in enumerate(stage.told()):
        ledger.entry(offset)
        for event in events:
            if isinstance(event, RunGranted):
                node = event.asset, event.partition
                if node in flying:
                    yield f"{offset}: {node} is granted while {flying[node].run} is in flight"
                flying[node] = event
                yield from _slots(stage, ledger, flying, event)
            elif isinstance(event, RunEnded | RunCancelled | Publication) and event.run is not None:
                live = flying.get((event.asset, event.partition))
                late = isinstance(event, RunEnded) and event.outcome == "rejected" and "not the attempt" in event.reason
                if live is not None and (live.run, live.attempt) == (event.run, event.attempt) and not late:
                    del flying[event.asset, event.partition]
        graph = stage.trace().graph(offset)
        for gone in [node for node in flying if not graph.declares(node)]:
            del flying[gone]


def _slots(stage: Stage, ledger: Ledger, flying: dict[Node, RunGranted], new: RunGranted) -> Iterator[str]:
    if "rival" in stage.script.faults or "races" in stage.script.faults:
        return  # two reactors that don't know of each other's grants may overbook a worker, which then refuses
    crew = {player.name: player.slots for player in stage.worker.players}  # type: ignore[attr-defined]
    taken = sum(grant.worker == new.worker for grant in flying.values())
    if taken > crew[new.worker]:
        yield f"{ledger.offset}: {new.worker} has {crew[new.worker]} slots and is granted a run beyond"
    pool = ledger.assets[new.asset].pool
    if pool is not None:
        used = sum(ledger.assets[asset].pool == pool for asset, _ in flying)
        if used > stage.script.manifest.pools[pool]:
            yield f"{ledger.offset}: pool {pool} is overbooked"


def leases_are_kept(stage: Stage) -> Iterator[str]:
    """No attempt is lost while its worker was heard to hold it less than a lease ago."""
    heard: dict[tuple[str, int], int] = {}
    now = 0
    for offset, events in enumerate(stage.told()):
        time, entry = stage.journal[offset]
        now = max(now, time)
        if entry["type"] == WorkerHeartbeat.TYPE:
            heard |= {(one["run"], one["attempt"]): now for one in entry["data"].get("holds", ())}
        for event in events:
            if isinstance(event, RunGranted):
                heard[event.run, event.attempt] = now
            elif isinstance(event, RunEnded) and event.outcome == "lost":
                at = heard[event.run, event.attempt]
                if now < at + stage.terms.lease_ms:
                    yield f"{offset}: {event.run} is lost, and was heard of at {at}"


def alerts_say_when(stage: Stage) -> Iterator[str]:
    """Every alert opens, is told again and resolves in turn; an overdue one is open exactly where a promise is broken.

    That is judged whenever the reactor has settled.
    """
    ledger = Ledger(stage)
    alerts: dict[str, Alert] = {}  # those that are open, by fingerprint
    settled = dict.fromkeys(stage.settled)
    for offset, events in enumerate(stage.told()):
        ledger.entry(offset)
        for event in events:
            if isinstance(event, Alert):
                yield from (f"{offset}: {wrong}" for wrong in _told_in_turn(alerts, event))
            elif isinstance(event, RunGranted):
                ledger.grant(event)
            elif isinstance(event, Publication) and not isinstance(event, AssetQuarantined):
                ledger.publish(offset, event)
        if offset + 1 in settled:
            yield from _late(ledger, offset, alerts)


def _told_in_turn(alerts: dict[str, Alert], event: Alert) -> Iterator[str]:
    what, before = f"{event.rule} of {event.asset}", alerts.get(event.fingerprint)
    if isinstance(event, AlertOpened):
        if before is not None:
            yield f"{what} is opened twice"
        alerts[event.fingerprint] = event
        if event.sequence != 1:
            yield f"{what} begins with sequence {event.sequence}"
        return
    if before is None or (event.episode, event.sequence) != (before.episode, before.sequence + 1):
        yield f"{what} is told out of turn: {event.TYPE}, episode {event.episode}, sequence {event.sequence}"
    alerts[event.fingerprint] = event
    if isinstance(event, AlertResolved):
        del alerts[event.fingerprint]


def _late(ledger: Ledger, offset: int, opened: Container[str]) -> Iterator[str]:
    for node, published in ledger.published.items():
        one = ledger.assets[node[0]]
        if published.cut.keys() != ledger.above(node[0]) or not published.is_sure:
            continue  # a deploy changed what is above it: since when it is stale is another question
        if ledger.trace.graph(offset).is_parted and ledger.is_modified(node[0]):
            continue  # since when it is stale by partitions is known here by plain policies only
        if not isinstance(one.policy, Within | Cron) or one.policy.hours is not None:
            continue
        behind, is_promised = ledger.behind(node), _is_promised(ledger, node) and _is_known(ledger, node)
        if behind is not None and behind.offset < ledger.heeds_since.get(node[0], -1):
            continue  # the same
        late = is_promised and behind is not None and ledger.now >= behind.time + _leaves(one.policy, behind.time)
        is_open = event_id("freshness.overdue", *node) in opened
        if late != is_open:
            state = "late" if late else "in time"
            yield f"{offset}: {node} is {state}, and its alert is {'' if is_open else 'not '}open"


def _is_promised(ledger: Ledger, node: Node) -> bool:
    """Whether it is among the newest windows, where only these are promised."""
    asset = ledger.trace.graph(ledger.offset).assets[node[0]]
    return asset.newest is None or asset.parts is None or asset.parts.is_newest(node[1], asset.newest, ledger.now)


def _is_known(ledger: Ledger, node: Node) -> bool:
    """What it can't do without can be had and has a version: a deploy may have it read another partition."""
    view = ledger.trace.view(ledger.offset)
    if not view.graph.is_parted:
        return True
    made = [key for key in view.needs(node) if not view.graph.counted(key[0])]
    return view.had(node, view.place) and all(key in ledger.published for key in made)


def _leaves(policy: Within | Cron, since: int) -> int:
    """How long after `since` the promise is broken; a Cron's ticks are told without any cron here."""
    if isinstance(policy, Within):
        return policy.lag_ms
    step = int(policy.expression.removeprefix("*/").split()[0]) * 60_000
    return step - since % step + (policy.within_ms or step)


def _overdue(node: FoldedNode) -> str:
    """The name of its alert."""
    return event_id("freshness.overdue", node.asset, node.partition)


def promises_are_kept(stage: Stage) -> Iterator[str]:
    """Invariant 5: with everything calm and no limits, a promise that isn't tight is never broken.

    What rests between its runs may give its next turn to another's wave, at an older cut: only the one after is free.
    """
    if not stage.script.is_calm:
        return
    nodes = stage.domain.state.nodes if stage.domain else {}
    for output in stage.outputs:
        if output.model is AlertOpened and (alert := output.event().model_dump())["rule"] == "freshness.overdue":
            node = next(one for one in nodes.values() if _overdue(one) == alert["fingerprint"])
            policy = stage.domain.definition(node).policy  # type: ignore[union-attr]
            needed = 3 * node.path + node.longest + node.rest
            if isinstance(policy, Within) and not _has_hours(stage) and policy.lag_ms > needed:
                yield f"{output.offset}: {node.key} is overdue, with {policy.lag_ms} for a path of {node.path}"


def _has_hours(stage: Stage) -> bool:
    return any(one.policy.hours is not None for one in stage.script.manifest.assets)


def quiet_in_the_end(stage: Stage) -> Iterator[str]:
    """Invariant 10: when nothing arrives any more and nothing is held, all that is promised is fresh."""
    assert stage.domain is not None
    domain = stage.domain
    looks = any(one.observed for one in domain.graph.assets.values())  # somebody always looks, sooner or later
    if not looks and (domain.flights or domain.state.waves):
        yield f"still busy: {list(domain.flights)} {list(domain.state.waves)}"
    going = [one.name for one in domain.state.backfills.values() if not one.is_over]
    if going:
        yield f"still filling: {going}"
    trace = stage.trace()
    view = trace.view(trace.end)
    for node in in_order(domain):
        key, asset = node.key, view.graph.assets[node.asset]
        if node.requests and not looks:
            yield f"{key} is still wanted"
        if bool(node.missing) == view.can_be_had((node.asset, node.partition)):
            yield f"{key} misses {node.missing}, and the checker says otherwise"
        if asset.newest is not None and not asset.parts.is_newest(node.partition, asset.newest, domain.state.now):  # type: ignore[union-attr]
            continue
        if asset.policy in ("within", "eager", "cron") and not node.missing:
            state = stage.state(node.asset, node.partition)
            if any(name.startswith(LOOK) for name in view.graph.ancestors[node.asset]):
                hours = [domain.graph.assets[one].policy.hours for one in view.graph.lineage(node.asset)]
                # What is looked at for ever may end outside of them, or be late for ever.
                shut = ("overdue",) if any(hours) or _is_hopeless(domain, node) else ()
                if state["verdict"] not in ("fresh", "infeasible", "stale", *shut):
                    yield f"{key} is {state['verdict']}, and what it reads is looked at: {state['reason']}"
            elif (state["verdict"] not in ("fresh", "infeasible")) or state["lag"] or node.owed_at is not None:
                yield f"{key} is {state['verdict']}, lag {state['lag']}: {state['reason']}"


def _is_hopeless(domain: Domain, node: FoldedNode) -> bool:
    """Its promise is below its path and the longest run on it."""
    policy = domain.graph.assets[node.asset].policy
    allowed = policy.lag_ms if isinstance(policy, Within) else policy.within_ms if isinstance(policy, Cron) else None
    return allowed is not None and allowed < node.path + node.longest


def feasibility_is_said(stage: Stage) -> Iterator[str]:
    """Rule 12: in the end, a promise below its path and the longest run on it is infeasible, and no other is."""
    assert stage.domain is not None
    domain = stage.domain
    trace = stage.trace()
    view = trace.view(trace.end)
    paths: dict[Node, tuple[int, int]] = {}  # node → path, and the longest that a run keeps its readers waiting
    for folded in in_order(domain):
        node, one, takes = (folded.asset, folded.partition), domain.graph.assets[folded.asset], folded.takes
        above = [key for key in view.inputs(node) if not view.graph.counted(key[0])]
        path = takes + max((paths[key][0] for key in above), default=0)
        waits = [max(paths[key][1], domain.graph.assets[key[0]].policy.every_ms or 0) for key in above]
        paths[node] = path, max([takes, *waits])
        verdict = stage.state(*node)["verdict"]
        newest = one.policy.newest
        if newest is not None and not view.graph.assets[node[0]].parts.is_newest(node[1], newest, domain.state.now):  # type: ignore[union-attr]
            continue
        if isinstance(one.policy, Within) and verdict in ("fresh", "infeasible"):
            hopeless = one.policy.lag_ms < sum(paths[node])
            if hopeless != (verdict == "infeasible"):
                yield f"{node} is {verdict}, with {one.policy.lag_ms} for {paths[node]}"


def replicas_agree(stage: Stage) -> Iterator[str]:
    """Invariants 8 and 11: folded anew, by a rival in another order of batches, or restored: the same state.

    A rival that kept up is the other fold. Without one, and without a crash, the first fold went through entry by
    entry as a second one would, so that this is done in a part of those plays.
    """
    assert stage.domain is not None
    faults = stage.script.faults
    if not faults & {"rival", "crashes"} and stage.script.seed % ALONE_TIMES:
        return
    replica = stage.rival if "rival" in faults else Rival()
    replica.fold(stage.journal, len(stage.journal))
    if replica.domain.digest() != stage.domain.digest():
        yield "folded from the start, the state is another"
    known = {(one.offset, one.number): one for one in stage.outputs}
    for one in replica.outputs:
        if known.get((one.offset, one.number)) != one:
            other = known.get((one.offset, one.number))
            yield f"{one.offset}: output {one.number} is another when folded again: {one} / {other}"
            break
    if len(known) != len(replica.outputs):
        yield f"{len(known)} outputs, {len(replica.outputs)} when folded again"


JUDGES: tuple[Callable[[Stage], Iterator[str]], ...] = (
    values_are_right,
    attempts_stay_alone,
    leases_are_kept,
    alerts_say_when,
    promises_are_kept,
    quiet_in_the_end,
    feasibility_is_said,
    replicas_agree,
)
