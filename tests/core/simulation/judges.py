"""What must hold of every play, judged from its journal and outputs: simple rules, none of the fold's own code."""

from collections import defaultdict
from collections.abc import Callable, Container, Iterator

from everfresh.testing import World
from reactors.domain import Output
from streams.definitions import CODE
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
from streams.policies import Cron, Within
from tests.core.simulation.crew import NOTHING, computed, value_of
from tests.core.simulation.ledger import Ledger
from tests.core.simulation.stage import Stage


def by_entry(world: World) -> list[list[Output]]:
    """The outputs of each journal entry, without those that went out twice."""
    found: list[dict[int, Output]] = [{} for _ in world.journal]
    for output in world.outputs:
        found[output.offset].setdefault(output.number, output)
    return [[one[number] for number in sorted(one)] for one in found]


def values_are_right(stage: Stage) -> Iterator[str]:
    """Invariant 1: each published value is what a from-scratch evaluation at its cut yields."""
    ledger = Ledger(stage)
    for offset, outputs in enumerate(by_entry(stage)):
        ledger.entry(offset)
        known: dict[tuple[str, tuple[tuple[str, int], ...]], str] = {}
        for output in outputs:
            event = output.event()
            if not isinstance(event, Publication):
                continue
            found = (event.uri or "").removeprefix("mem:")
            wanted = from_scratch(stage, ledger, event.asset, event.cut, known)
            if found != wanted:
                yield f"{offset}: {event.asset} is {found} at {event.cut}, from scratch {wanted}"
            if not isinstance(event, AssetQuarantined):
                ledger.publish(offset, event)


def from_scratch(
    stage: Stage,
    ledger: Ledger,
    asset: str,
    cut: dict[str, int],
    known: dict[tuple[str, tuple[tuple[str, int], ...]], str],
) -> str:
    """The asset's value at a cut, computed from the sources up."""
    memo = (asset, tuple(sorted(cut.items())))
    if memo not in known:
        code_version, deps, _ = ledger.code[asset][cut[CODE + asset] - 1]
        inputs = {}
        for dep in deps:
            if dep in cut:
                inputs[dep] = ledger.commits[dep][cut[dep] - 1].value if cut[dep] else NOTHING
            else:
                inputs[dep] = from_scratch(stage, ledger, dep, cut, known)
        known[memo] = computed(asset, code_version, inputs, stage.script.coarse)
    return known[memo]


def attempts_stay_alone(stage: Stage) -> Iterator[str]:
    """Invariant 7: never two attempts of a node in flight, never more in flight than a worker or a pool has slots."""
    flying: dict[str, RunGranted] = {}
    ledger = Ledger(stage)
    for offset, outputs in enumerate(by_entry(stage)):
        ledger.entry(offset)
        for output in outputs:
            event = output.event()
            if isinstance(event, RunGranted):
                if event.asset in flying:
                    yield f"{offset}: {event.asset} is granted while {flying[event.asset].run} is in flight"
                flying[event.asset] = event
                yield from _slots(stage, ledger, offset, flying, event)
            elif isinstance(event, RunEnded | RunCancelled | Publication) and event.run is not None:
                live = flying.get(event.asset)
                late = isinstance(event, RunEnded) and event.outcome == "rejected" and "not the attempt" in event.reason
                if live is not None and (live.run, live.attempt) == (event.run, event.attempt) and not late:
                    del flying[event.asset]
        for gone in [key for key in flying if key not in ledger.assets]:
            del flying[gone]


def _slots(stage: Stage, ledger: Ledger, offset: int, flying: dict[str, RunGranted], new: RunGranted) -> Iterator[str]:
    if "rival" in stage.script.faults or "races" in stage.script.faults:
        return  # two reactors that don't know of each other's grants may overbook a worker, which then refuses
    crew = {player.name: player.slots for player in stage.worker.players}  # type: ignore[attr-defined]
    taken = sum(grant.worker == new.worker for grant in flying.values())
    if taken > crew[new.worker]:
        yield f"{offset}: {new.worker} has {crew[new.worker]} slots and is granted a run beyond"
    pool = ledger.assets[new.asset].pool
    if pool is not None:
        used = sum(ledger.assets[key].pool == pool for key in flying)
        if used > stage.script.manifest.pools[pool]:
            yield f"{offset}: pool {pool} is overbooked"


def leases_are_kept(stage: Stage) -> Iterator[str]:
    """No attempt is lost while its worker was heard to hold it less than a lease ago."""
    heard: dict[tuple[str, int], int] = {}
    now = 0
    for offset, outputs in enumerate(by_entry(stage)):
        time, event = stage.journal[offset]
        now = max(now, time)
        if event["type"] == WorkerHeartbeat.TYPE:
            heard |= {(one["run"], one["attempt"]): now for one in event["data"].get("holds", ())}
        for output in outputs:
            if output.model is RunGranted:
                grant = output.event()
                assert isinstance(grant, RunGranted)
                heard[grant.run, grant.attempt] = now
            elif output.model is RunEnded:
                ended = output.event()
                assert isinstance(ended, RunEnded)
                if ended.outcome == "lost" and now < heard[ended.run, ended.attempt] + stage.terms.lease_ms:
                    yield f"{offset}: {ended.run} is lost, and was heard of at {heard[ended.run, ended.attempt]}"


def alerts_say_when(stage: Stage) -> Iterator[str]:
    """Every alert opens, is told again and resolves in turn; an overdue one is open exactly where a promise is broken.

    That is judged whenever the reactor has settled.
    """
    ledger = Ledger(stage)
    alerts: dict[str, Alert] = {}  # those that are open, by fingerprint
    settled = dict.fromkeys(stage.settled)
    for offset, outputs in enumerate(by_entry(stage)):
        ledger.entry(offset)
        for output in outputs:
            event = output.event()
            if isinstance(event, Alert):
                yield from (f"{offset}: {wrong}" for wrong in _told_in_turn(alerts, event))
            elif isinstance(event, Publication) and not isinstance(event, AssetQuarantined):
                ledger.publish(offset, event)
        if offset + 1 in settled:
            overdue = {one.asset for one in alerts.values() if one.asset and one.rule == "freshness.overdue"}
            yield from _late(ledger, offset, overdue)


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
    for key, one in ledger.assets.items():
        published = ledger.published.get(key)
        if published is None or published.cut.keys() != ledger.above(key):
            continue  # a deploy changed what is above it: since when it is stale is another question
        if not isinstance(one.policy, Within | Cron) or one.policy.hours is not None:
            continue
        behind = ledger.behind(key, published.cut)
        if behind is not None and behind.offset < ledger.heeds_since.get(key, -1):
            continue  # the same
        late = behind is not None and ledger.now >= behind.time + _leaves(one.policy, behind.time)
        if late != (key in opened):
            state = "late" if late else "in time"
            yield f"{offset}: {key} is {state}, and its alert is {'' if key in opened else 'not '}open"


def _leaves(policy: Within | Cron, since: int) -> int:
    """How long after `since` the promise is broken; a Cron's ticks are told without any cron here."""
    if isinstance(policy, Within):
        return policy.lag_ms
    step = int(policy.expression.removeprefix("*/").split()[0]) * 60_000
    return step - since % step + (policy.within_ms or step)


def promises_are_kept(stage: Stage) -> Iterator[str]:
    """Invariant 5: with everything calm and no limits, a promise that isn't tight is never broken."""
    if not stage.script.is_calm:
        return
    nodes = stage.domain.state.nodes if stage.domain else {}
    for output in stage.outputs:
        if output.model is AlertOpened:
            node = nodes[output.subject]
            policy = stage.domain.definition(node).policy  # type: ignore[union-attr]
            if isinstance(policy, Within) and not _has_hours(stage) and policy.lag_ms > 3 * node.path + node.longest:
                yield f"{output.offset}: {node.asset} is overdue, with {policy.lag_ms} for a path of {node.path}"


def _has_hours(stage: Stage) -> bool:
    return any(one.policy.hours is not None for one in stage.script.manifest.assets)


def quiet_in_the_end(stage: Stage) -> Iterator[str]:
    """Invariant 10: when nothing arrives any more and nothing is held, all that is promised is fresh."""
    assert stage.domain is not None
    domain = stage.domain
    if domain.flights or domain.state.waves:
        yield f"still busy: {list(domain.flights)} {list(domain.state.waves)}"
    for key in domain.graph.order:
        node = domain.state.nodes[key]
        if node.requests:
            yield f"{key} is still wanted"
        if domain.definition(node).policy.kind in ("within", "eager", "cron") and not node.missing:
            state = stage.state(key)
            if (state["verdict"] not in ("fresh", "infeasible")) or state["lag"] or node.owed_at is not None:
                yield f"{key} is {state['verdict']}, lag {state['lag']}: {state['reason']}"


def feasibility_is_said(stage: Stage) -> Iterator[str]:
    """Rule 12: in the end, a promise below its path and the longest run on it is infeasible, and no other is."""
    assert stage.domain is not None
    domain = stage.domain
    paths: dict[str, tuple[int, int]] = {}  # derived asset → path, and the longest that a run keeps its readers waiting
    for key in domain.graph.order:
        one, takes = domain.graph.assets[key], domain.state.nodes[key].takes
        above = [dep.asset for dep in one.deps if dep.asset not in domain.graph.roots]
        path = takes + max((paths[dep][0] for dep in above), default=0)
        waits = [max(paths[dep][1], domain.graph.assets[dep].policy.every_ms or 0) for dep in above]
        paths[key] = path, max([takes, *waits])
        verdict = stage.state(key)["verdict"]
        if isinstance(one.policy, Within) and verdict in ("fresh", "infeasible"):
            hopeless = one.policy.lag_ms < sum(paths[key])
            if hopeless != (verdict == "infeasible"):
                yield f"{key} is {verdict}, with {one.policy.lag_ms} for {paths[key]}"


def replicas_agree(stage: Stage) -> Iterator[str]:
    """Invariants 8 and 11: folded anew, by a rival in another order of batches, or restored: the same state."""
    from reactors.apply import apply
    from reactors.domain import Domain

    assert stage.domain is not None
    again = Domain()
    outputs = []
    for offset, (time, event) in enumerate(stage.journal):
        outputs += apply(again, offset, time, event)
    if again.digest() != stage.domain.digest():
        yield "folded from the start, the state is another"
    known = {(one.offset, one.number): one for one in stage.outputs}
    for one in outputs:
        if known.get((one.offset, one.number)) != one:
            other = known.get((one.offset, one.number))
            yield f"{one.offset}: output {one.number} is another when folded again: {one} / {other}"
            break
    if len(known) != len(outputs):
        yield f"{len(known)} outputs, {len(outputs)} when folded again"
    stage.rival.fold(stage.journal, len(stage.journal))
    if stage.rival.domain.digest() != stage.domain.digest():
        yield "the rival's state is another"


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
__all__ = ["JUDGES", "defaultdict", "value_of"]
