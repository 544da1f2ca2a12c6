"""A deploy: the definitions change, what was learned and published stays."""

import orjson

from reactors.alerts import close_all, forget_checks
from reactors.commits import append, become_root
from reactors.crossing import subscribe
from reactors.domain import Domain
from reactors.durations import expected, price
from reactors.freshness import blocker
from reactors.graph import Graph, compile_graph
from reactors.marking import note_deploy, plan_again
from reactors.requests import is_busy
from reactors.silence import expect
from reactors.state import Node, Parts, Retired, Root
from streams.cloudevents import event_id
from streams.definitions import CODE, AssetDef, Manifest
from streams.errors import BadEvent, DefinitionError
from streams.events import DefinitionsPart
from streams.manifests import joined


def declared(domain: Domain, manifest: Manifest) -> None:
    """Take a manifest in. A deploy number that isn't higher is ignored; a graph that makes no sense is refused."""
    state = domain.state
    if state.manifest is not None and manifest.deploy <= state.manifest.deploy:
        return
    try:
        graph = compile_graph(manifest)
    except DefinitionError as error:
        raise BadEvent(f"deploy {manifest.deploy} is refused: {error}") from None
    for key in list(state.nodes):
        if key not in graph.inputs:
            _forget(domain, key)
    before = domain.graph
    for key in sorted(before.sources - graph.sources):
        close_all(domain, key)
    state.manifest, domain.graph, state.renewed_at = manifest, graph, state.offset
    _drop_plans(domain)
    for key in sorted(graph.roots):
        _declare_root(domain, key)
    for key in graph.order:
        _declare_node(domain, key, before)
    for key in graph.order:
        _mark_anew(domain, state.nodes[key])
    subscribe(domain, before.foreign)


def piece(domain: Domain, part: DefinitionsPart) -> None:
    """Take in a piece of a large manifest; the last one declares it. A newer deploy's pieces replace an older one's."""
    state = domain.state
    if state.manifest is not None and part.deploy <= state.manifest.deploy:
        return
    parts = state.parts
    if parts is None or (parts.deploy, parts.whole) != (part.deploy, part.whole):
        if parts is not None and parts.deploy > part.deploy:
            return
        parts = state.parts = Parts(part.deploy, part.whole, part.count)
    parts.chunks[part.index] = part.chunk
    if all(index in parts.chunks for index in range(parts.count)):
        state.parts = None
        declared(domain, joined([parts.chunks[index] for index in range(parts.count)], parts.whole))


def _drop_plans(domain: Domain) -> None:
    """Everything is planned anew on the new graph; what is in flight goes on."""
    state = domain.state
    state.waves, domain.floating, domain.sleeping, domain.ready, domain.works = {}, {}, {}, [], {}
    for node in state.nodes.values():
        node.wave = None
        node.requests = node.requests[:1] if is_busy(node) else []
        for request in node.requests:
            request.waves, request.waiting = [], {}


def _declare_root(domain: Domain, key: str) -> None:
    root = domain.state.roots.setdefault(key, Root(key))
    definition = domain.graph.assets.get(key)
    if definition is not None and definition.exists and not root.exists:
        root.exists, root.born_at, root.born = True, domain.state.offset, domain.state.now
    expect(domain, root)


def _forget(domain: Domain, key: str) -> None:
    node = domain.state.nodes.pop(key)
    close_all(domain, node.asset, node.partition)
    domain.state.retired[key] = Retired(node.runs, node.uncounted)
    if node.run is not None:
        domain.flights.pop(node.run.id, None)
    domain.troubled.pop(key, None)
    domain.armed.pop(key, None)


def _declare_node(domain: Domain, key: str, graph_before: Graph) -> None:
    node = domain.state.nodes.get(key)
    if node is None:
        node = domain.state.nodes[key] = Node(key)
        before = domain.state.retired.pop(key, None)
        if before is not None:
            node.runs, node.uncounted = before.runs, before.uncounted
    definition = domain.graph.assets[key]
    forget_checks(domain, key, [check.name for check in definition.checks])
    root = domain.state.roots[CODE + key]
    fingerprint = code_fingerprint(definition)
    # Its readers' cuts counted what a Manual asset published, not what is above it: they say nothing of that.
    looked_through = key in graph_before.roots and key not in domain.graph.roots
    if looked_through or not root.commits or root.commits[-1].fingerprint != fingerprint:
        append(domain, root, definition.code_version, fingerprint)
        node.touched = domain.state.offset
        if node.run is not None and not node.run.live:  # what waits for its next attempt is another run's now
            node.run.retry_at, node.requests = None, []
    if key in domain.graph.roots:
        become_root(domain, node)
    node.takes = expected(domain, node)
    price(domain, node)


def code_fingerprint(definition: AssetDef) -> str:
    """What makes a code version new: its name, or other deps."""
    return event_id(definition.code_version, orjson.dumps(sorted({dep.asset for dep in definition.deps})).decode())


def _mark_anew(domain: Domain, node: Node) -> None:
    """Judge from scratch what is missing and stale: the graph above the node may be another."""
    node.missing = sum(not root.exists for root in domain.roots_above(node))
    node.tried_at = -1
    if node.hold is not None and node.hold.kind == "failing":
        # New code may mend it; but where no promise needs it, it waits for a command.
        node.hold.until = domain.state.now if node.asset in domain.graph.needed else None
    plan_again(domain, node)
    note_deploy(domain, node)
    node.blocked_by = blocker(domain, node) if domain.troubled else None
