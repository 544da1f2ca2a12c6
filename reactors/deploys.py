"""A deploy: the definitions change, what was learned and published stays."""

from collections.abc import Iterable

import orjson

from reactors.alerts import close_all, forget_checks
from reactors.asking import ask_again, set_aside
from reactors.backfills import replanned
from reactors.budgets import redeclared
from reactors.commits import News, append, become_root
from reactors.crossing import subscribe
from reactors.domain import Domain
from reactors.durations import expected, longest_lately, price
from reactors.graph import Graph, compile_graph
from reactors.growth import add, create, grow, judge_anew, root_of
from reactors.marking import count
from reactors.measured import forget_undeclared
from reactors.requests import cut_of, is_busy, make_ready
from reactors.runs import call_off
from reactors.silence import expect
from reactors.state import Node, Parts, Retired, Root
from reactors.succession import check_succession
from streams.cloudevents import event_id
from streams.definitions import CODE, LOOK, AssetDef, Manifest
from streams.errors import BadEvent, DefinitionError
from streams.events import Cut, DefinitionsPart
from streams.grids import listed
from streams.keys import asset_of, partition_of
from streams.manifests import joined


def declared(domain: Domain, manifest: Manifest) -> None:
    """Take a manifest in. A deploy number that isn't higher is ignored; a graph that makes no sense is refused."""
    state = domain.state
    if state.manifest is not None and manifest.deploy <= state.manifest.deploy:
        return
    try:
        graph = compile_graph(manifest)
        check_succession(domain, graph)
    except DefinitionError as error:
        raise BadEvent(f"deploy {manifest.deploy} is refused: {error}") from None
    before, above = domain.graph, _roots_above(domain)  # with what is declared no more
    asked = set_aside(domain, graph)
    turned = [node for node in state.nodes.values() if node.asset in graph.sources and _has(graph, node)]
    for key, node in list(state.nodes.items()):
        if not _is_declared(graph, node):
            _forget(domain, key)
        elif node.asset in graph.made_by and node.asset not in before.made_by:
            call_off(domain, node, f"deploy {manifest.deploy} has {graph.made_by[node.asset]!r} make it")
    for key in sorted(before.sources - graph.sources):
        close_all(domain, key)
    spent_on = domain.budgets
    state.manifest, state.renewed_at = manifest, state.offset
    domain.use(graph)
    forget_undeclared(domain)
    forget_checks(domain)
    _drop_plans(domain)
    for key in sorted(graph.roots):
        _declare_root(domain, key)
    become_root(domain, turned)  # published from outside from now on: the version that was made here is there
    for key in graph.sources & state.published.keys():  # and no number of those from before is given again
        state.roots[key].seq = max(state.roots[key].seq, state.published[key])
    for key in graph.order:
        _declare_asset(domain, key, before)
    _link_partitions(domain)
    declared_nodes = [state.nodes[key] for asset in graph.order for key in domain.links.members(asset)]
    for node in declared_nodes:
        node.takes, node.most = expected(domain, node), longest_lately(domain, node)
        count(domain, node)
        price(domain, node)
        _narrow(domain, node, above.get(node.key, ()))
    ask_again(domain, asked)
    for node in declared_nodes:
        judge_anew(domain, node)
        make_ready(domain, node)  # a run that was lost, and waited for its next attempt, waits on
    redeclared(domain, spent_on)
    replanned(domain)
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
        if node.blocked_by not in state.nodes:  # who arms it before it is judged anew asks what that is held by
            node.blocked_by = None
        node.wave = None
        node.requests = node.requests[:1] if is_busy(node) else []
        for request in node.requests:
            request.waves, request.waiting = [], {}


def _roots_above(domain: Domain) -> dict[str, list[str]]:
    """Node → what its cut goes by, where there are partitions: another mapping may leave some of that out."""
    nodes = domain.state.nodes.values() if domain.graph.partitioned else ()
    return {node.key: domain.links.above(node.asset, node.partition)[0] for node in nodes}


def _narrow(domain: Domain, node: Node, before: Iterable[str]) -> None:
    """Of a source of which the node reads less than before, its cut names the newest commit that touches it still.

    Otherwise each later cut would seem to go back, and no run of the node would ever fit again. So it is with one
    that it read before an earlier deploy, if there was no run since.
    """
    now = [root.key for root in domain.roots_above(node)] if before else []
    lost = {asset_of(key) for key in before if key not in now}
    if before:
        lost |= node.cut.keys() - {asset_of(key) for key in before}
    names = [name for name in domain.graph.above(node.asset) if name in lost]
    node.cut = {**node.cut, **_touching(domain, node, names, node.cut, node.cut_at)}
    for flying in node.requests:  # its result is yet to come, of this attempt or the next one
        flying.narrowed |= _touching(domain, node, names, flying.stands_for, flying.at)
    if (held := node.quarantine) is not None:  # it may be released yet
        held.cut = {**held.cut, **_touching(domain, node, names, held.cut, held.cut_at)}
    node.granted = {name: seq for name, seq in node.granted.items() if name not in lost}


def _touching(domain: Domain, node: Node, names: Iterable[str], cut: Cut, at: int) -> Cut:
    """How far a cut goes of these sources, by those of their partitions that the node still reads."""
    known = [name for name in names if name in cut]
    touching = cut_of(domain, node, at) if known else {}
    return {name: min(cut[name], touching.get(name, 0)) for name in known}


def _declare_root(domain: Domain, key: str) -> None:
    root = domain.state.roots.setdefault(key, Root(key))
    definition = domain.graph.assets.get(key)
    is_there = key.startswith(LOOK) or (definition is not None and definition.exists)
    if is_there and not root.exists:
        root.exists, root.born_at, root.born = True, domain.state.offset, domain.state.now
    expect(domain, root)


def _link_partitions(domain: Domain) -> None:
    """Partitions that are there may be read by assets that weren't, and what is read may have become partitioned."""
    state, graph = domain.state, domain.graph
    if not graph.partitioned:
        return
    for key in [key for key in state.roots if partition_of(key)]:
        parts = graph.partitioned.get(asset_of(key))
        is_computed = asset_of(key) not in graph.roots and key not in state.nodes  # it was a source
        if parts is None or parts.wrong(partition_of(key)) is not None or is_computed:
            del state.roots[key]
        elif graph.assets[asset_of(key)].exists and not state.roots[key].exists:
            state.roots[key].exists, state.roots[key].born_at, state.roots[key].born = True, state.offset, state.now
    lacking: dict[str, None] = {}
    for node in state.nodes.values():
        for one in domain.links.required(node.asset, node.partition):
            if domain.links.is_root(one):
                root_of(domain, one)
            elif one not in state.nodes:
                lacking[one] = None
    create(domain, lacking)  # together: each is judged by all that is above it
    for key in [*(key for key in state.roots if partition_of(key)), *list(state.nodes)]:
        grow(domain, key)


def _forget(domain: Domain, key: str) -> None:
    node = domain.state.nodes.pop(key)
    call_off(domain, node, "a deploy took it away")
    domain.links.forget(key, node)
    close_all(domain, node.asset, node.partition)
    domain.state.retired[key] = Retired(node.runs)
    domain.troubled.pop(key, None)
    domain.armed.pop(key, None)


def _declare_asset(domain: Domain, key: str, graph_before: Graph) -> None:
    nodes, partitioned = domain.state.nodes, key in domain.graph.partitioned
    if key not in nodes and not partitioned:
        add(domain, key)
    members = [nodes[one] for one in domain.links.members(key)]
    definition = domain.graph.assets[key]
    root = domain.state.roots[CODE + key]
    fingerprint = code_fingerprint(definition, domain.graph)
    # Its readers' cuts counted what a Manual asset published, not what is above it: they say nothing of that.
    looked_through = key in graph_before.roots and key not in domain.graph.roots
    if looked_through or not root.commits or root.commits[-1].fingerprint != fingerprint:
        append(domain, root, News(definition.code_version, fingerprint))
        for node in members:
            node.touched = domain.state.offset
            if node.run is not None and not node.run.live:  # what waits for its next attempt is another run's now
                node.run.retry_at, node.requests = None, []
    if key in domain.graph.roots:
        become_root(domain, members)


def _is_declared(graph: Graph, node: Node) -> bool:
    """The asset is computed here, and has this partition, or none as before."""
    return node.asset in graph.inputs and _has(graph, node)


def _has(graph: Graph, node: Node) -> bool:
    parts = graph.partitioned.get(node.asset)
    return not node.partition if parts is None else bool(node.partition) and parts.wrong(node.partition) is None


def code_fingerprint(definition: AssetDef, graph: Graph) -> str:
    """What makes a code version new: its name, other deps or other partitions of them, other outputs.

    In which order deps are told, or how often, doesn't matter: what is read is the same.
    """
    key = definition.key
    deps = sorted({dep.asset for dep in definition.deps})
    mapped = {f"{dep.asset} {dep.mapping.model_dump_json()}" for dep in definition.deps if dep.mapping is not None}
    said = [orjson.dumps(deps).decode(), *sorted(mapped)]
    for dep in deps:
        read = graph.partitioned.get(dep) if dep not in graph.roots else None
        names = listed(graph.mappings[key, dep], read) if read is not None else []
        said += [f"all of {dep}: {', '.join(sorted(names))}"] if names else []
    said += [f"makes {output}" for output in sorted(definition.outputs)]
    said += ["looks"] if definition.observed else []
    return event_id(definition.code_version, *said)
