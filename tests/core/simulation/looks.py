"""What must hold in the middle of a play, each time the reactor has come to rest."""

from collections.abc import Iterator

from reactors.admission import next_instant, propose
from reactors.domain import Domain
from reactors.durations import price
from reactors.freshness import blocker, is_late, judge
from reactors.heeding import oldest_after, owed_after, planned_at, wanted_at
from reactors.marking import lacks_input
from reactors.snapshots import restore
from reactors.state import Node
from reactors.timers import due
from tests.core.simulation.stage import Stage


def in_order(domain: Domain) -> list[Node]:
    """Every node that is there, inputs before readers."""
    return sorted(domain.state.nodes.values(), key=lambda node: domain.graph.rank[node.asset])


def a_restart_changes_nothing(stage: Stage) -> Iterator[str]:
    """What is restored from a dump is what was dumped, wakes at the same instant, and has nothing to add now."""
    live = stage.domain
    assert live is not None
    restored = restore(live.dump())
    assert restored is not None
    if restored.digest() != live.digest():
        yield "restored, the state is another"
    if next_instant(restored) != next_instant(live):
        yield f"restored, it looks again at {next_instant(restored)} instead of {next_instant(live)}"
    if (restored.flights, restored.troubled) != (live.flights, live.troubled):
        yield "restored, other runs are in flight or other nodes in trouble"
    more = propose(restored, stage.clock, stage.terms)
    if more:
        yield f"restored, it proposes {more[0]!r}, which the live one doesn't"


def what_waits_is_known(stage: Stage) -> Iterator[str]:
    """Requests, waves and nodes name each other; requests of a node stand in cut order."""
    domain = stage.domain
    assert domain is not None
    yield from _waves(domain)
    for key, node in domain.state.nodes.items():
        cuts = [request.at for request in node.requests]
        if cuts != sorted(cuts):
            yield f"{key}: requests out of order: {cuts}"
        if node.wave is not None and key not in domain.state.waves[node.wave].targets:
            yield f"{key} isn't a target of its wave"
        if node.stale_at is None and node.since_at is not None:
            yield f"{key} isn't stale, but past its plan"
        for request in node.requests:
            for input_key, at in request.waiting.items():
                if all(one.at != at for one in domain.state.nodes[input_key].requests):
                    yield f"{key} waits for {input_key} at {at}, which nobody will bring"
            if request.waiting.keys() & request.pins.keys():
                yield f"{key} waits for what is pinned already"


def _waves(domain: Domain) -> Iterator[str]:
    for wave in domain.state.waves.values():
        wanting = [
            key for key, node in domain.state.nodes.items() if any(wave.id in one.waves for one in node.requests)
        ]
        if wave.at is not None and set(wanting) != set(wave.left):
            yield f"wave {wave.id} waits for {list(wave.left)}, and {wanting} are wanted by it"
        if wave.at is not None and not wave.left:
            yield f"wave {wave.id} waits for nobody and isn't over"


def who_is_read_has_readers(stage: Stage) -> Iterator[str]:
    """A node is among the readers of what it reads, and reads whatever has it among its readers."""
    domain = stage.domain
    assert domain is not None
    if not domain.graph.partitioned:
        return
    known = [key for key in dict.fromkeys([*domain.state.nodes, *domain.state.roots]) if is_there(domain, key)]
    back = {(reader.key, key) for key in known for reader in domain.readers(key)}
    read = {(node.key, key) for node in in_order(domain) for key in domain.inputs(node) if is_there(domain, key)}
    for reader, key in sorted(read ^ back):
        said = "reads it, but isn't among its readers" if (reader, key) in read else "is among its readers"
        yield f"{key}: {reader} {said}"


def is_there(domain: Domain, key: str) -> bool:
    """A root that was published, or a node."""
    root = domain.state.roots.get(key)
    return key in domain.state.nodes if not domain.is_root(key) else root is not None and root.exists


def what_was_marked_is_what_is(stage: Stage) -> Iterator[str]:
    """What the fold keeps up to date bit by bit is what one finds when one works it out from scratch."""
    domain = stage.domain
    assert domain is not None
    redeployed = "deploys" in stage.script.faults
    for node in in_order(domain):
        for name, kept, anew in _kept_and_anew(domain, node):
            # What is new above an asset by a deploy makes it stale from the deploy only.
            if kept != anew and not (redeployed and name == "stale_since" and None not in (kept, anew)):
                yield f"{node.key}: {name} is {kept}, from scratch {anew}"


def _kept_and_anew(domain: Domain, node: Node) -> Iterator[tuple[str, object, object]]:
    if node.version is not None:
        stale = oldest_after(domain, node, node.cut_at)
        yield "stale_at", node.stale_at, stale[0] if stale else None
        owed = owed_after(domain, node, node.cut_at)
        yield "owed_at", node.owed_at, owed[0] if owed else None
        if not lacks_input(domain, node):
            yield "stale_since", node.stale_since, owed[1] if owed else None
        planned = planned_at(node)
        past = oldest_after(domain, node, planned)
        if is_parked(node):
            yield "parked for a reason", True, _has_reason(domain, node)
        else:
            owed = owed_after(domain, node, planned)
            yield "since_at", node.since_at, past[0] if past else None
            yield "since", node.since, owed[1] if owed else None
    yield "missing", node.missing, domain.missing(node)
    yield "blocked_by", node.blocked_by, blocker(domain, node)
    yield "wake_at", node.wake_at, due(domain, node)
    assert node.said is not None
    yield "verdict", node.said.verdict, judge(domain, node)[0]
    yield "alert", node.alert_since is not None, is_late(domain, node)
    path, longest = node.path, node.longest
    price(domain, node)
    yield "path", path, node.path
    yield "longest", longest, node.longest


def is_parked(node: Node) -> bool:
    planned = wanted_at(node)
    return node.tried_at > planned and node.since_at is None and node.stale_at is not None


def _has_reason(domain: Domain, node: Node) -> bool:
    """Something above it, or itself, was tried and failed, is paused, or can't be tried."""
    stack, seen = [node], {node.key}
    while stack:
        one = stack.pop()
        if one.hold is not None or one.paused is not None or one.missing:
            return True
        above = [other for other in domain.derived_inputs(one) if other.stale_at is not None]
        stack += [other for other in above if other.key not in seen]
        seen.update(other.key for other in above)
    return False


LOOKS = (a_restart_changes_nothing, what_waits_is_known, who_is_read_has_readers, what_was_marked_is_what_is)
