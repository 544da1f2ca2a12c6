"""No run whose inputs are all unchanged, none that no promise needs; and what is verified is unchanged."""

from collections.abc import Container, Iterator

from tests.checker.commits import Version
from tests.checker.graph import CODE, PROMISES, Graph, Node
from tests.checker.items import Asked, Cut, Deploy, Grant, Pin, Publication, text_of
from tests.checker.links import View
from tests.checker.trace import Trace
from tests.checker.violation import Invariant, Violation


class Consumed:
    """What each node's current version is, and what it was last computed from."""

    def __init__(self) -> None:
        self.version: dict[Node, Version] = {}
        self.inputs: dict[Node, dict[str, Pin]] = {}
        self.granted: dict[Node, int] = {}
        """the newest cut, as a place in the journal, of a run with a result: it did what was commanded before"""
        self.cuts: dict[Node, Cut] = {}
        self._first: dict[str, Grant] = {}

    def see(self, item: object) -> None:
        if isinstance(item, Deploy):
            for known in (self.version, self.inputs, self.cuts):
                item.graph.forget(known)
        if isinstance(item, Grant):
            self._first.setdefault(item.run, item)
        if isinstance(item, Publication) and item.kind != "quarantined":
            self.cuts[item.node] = item.cut
        if not isinstance(item, Publication) or item.run is None:
            return
        grant = self._first.get(item.run)
        if grant is not None:
            self.granted[item.node] = max(grant.cut_at, self.granted.get(item.node, -1))
        if item.kind != "quarantined":
            is_its_own = grant is not None and grant.node == item.node
            self.inputs[item.node] = grant.inputs if grant is not None and is_its_own else item.inputs
        if item.kind in {"materialized", "released"}:
            self.version[item.node] = item.version


def no_needless_run(trace: Trace) -> Iterator[Violation]:
    """Each run has something new to read, or was asked for; and it serves a promise, or a command."""
    consumed, asked = Consumed(), dict[Node, dict[int, bool]]()
    for item in trace.line:
        if isinstance(item, Asked):
            # of an output its computation is asked, and stays so where a deploy takes the output away
            node = trace.graph(item.offset).run_by(item.node[0]), item.node[1]
            asked.setdefault(node, {})[item.offset] = item.forced
        elif isinstance(item, Grant) and item.attempt == 1:
            left = {node: _since(told, consumed.granted.get(node, -1)) for node, told in asked.items()}
            waiting = {node: any(told) for node, told in left.items() if told}
            graph = trace.graph(item.offset)
            waiting |= {(graph.run_by(asset), partition): told for (asset, partition), told in waiting.items()}
            forced = waiting.get(item.node, False)
            if not forced and item.node in consumed.version and _all_known(trace, item, consumed):
                yield _wrong(Invariant.NEED, item, "none of the run's inputs is new")
            if not _serves(trace, item, waiting, consumed):
                yield _wrong(Invariant.NEED, item, "no promise needs this run, and nobody asked for it")
        consumed.see(item)


def verified_is_unchanged(trace: Trace) -> Iterator[Violation]:
    """A verification has its version's fingerprint; a move without a run has no new input at the cut it moves to."""
    consumed = Consumed()
    for item in trace.line:
        if isinstance(item, Publication) and item.kind == "verified":
            yield from _as_current(item, consumed.version.get(item.node))
            if item.run is None and item.node in consumed.version:
                yield from _moved(trace, item, consumed.inputs[item.node])
        consumed.see(item)


def _since(asked: dict[int, bool], done: int) -> list[bool]:
    """What was asked after a place, each with whether it was to run in any case."""
    return [forced for at, forced in asked.items() if at > done]


def _all_known(trace: Trace, grant: Grant, consumed: Consumed) -> bool:
    before, graph = consumed.inputs[grant.node], trace.graph(grant.offset)
    if not before.keys() <= grant.inputs.keys():
        return False  # a deploy took a partition that the version before was computed from
    return bool(grant.inputs) and all(
        name in before and not _code_or_input_is_new(trace, graph, name, (before[name], pin))
        for name, pin in grant.inputs.items()
    )


def _code_or_input_is_new(trace: Trace, graph: Graph, name: str, pins: tuple[Pin, Pin]) -> bool:
    before, now = pins
    if name.startswith(CODE):
        return trace.commits.nth(name, before.cut.get(name, 0)) != trace.commits.nth(name, now.cut.get(name, 0))
    if graph.is_whole((name, "")):  # the newest of its changes may equal an older one, of another partition
        return now.cut != before.cut
    return now.version.new_against(before.version)


def _serves(trace: Trace, grant: Grant, waiting: Container[Node], consumed: Consumed) -> bool:
    """Some node that is promised, or that was asked for, needs the run's."""
    view, asset = trace.view(grant.offset), grant.node[0]
    for node in trace.growth.ever:
        if view.graph.derived(node[0]) is None or asset not in view.graph.lineage(node[0]):
            continue
        is_wanted = node in waiting or _is_promised(trace, node, view, consumed)
        if is_wanted and (not view.graph.is_parted or grant.node in view.lineage(node)):
            return True
    return False


def _is_promised(trace: Trace, node: Node, view: View, consumed: Consumed) -> bool:
    """Where only the newest windows are promised, one that was among them when it became stale keeps its promise."""
    asset = view.graph.assets[node[0]]
    if not (asset.policy in PROMISES or asset.first_now) or not view.graph.declares(node):
        return False
    if asset.newest is None or asset.parts is None:
        return True
    cut = consumed.cuts.get(node)
    if cut is None:
        since = view.had.since(node, view.place)
        late = [view.place if since is None else since]
    else:
        codes = [(name, "") for name in sorted(view.graph.ancestors[node[0]]) if name.startswith(CODE)]
        above = [*view.above(node), *codes]
        late = [at for key in above if (at := trace.commits.after(key, cut.get(key[0], 0))) is not None]
    return asset.parts.is_newest(node[1], asset.newest, trace.now(min([*late, view.place])))


def _as_current(item: Publication, current: Version | None) -> Iterator[Violation]:
    if current is None:
        yield _wrong(Invariant.VALUES, item, "verified, but nothing was published before")
    elif item.version != current:
        text = f"verified {item.version}, but the current version is {current}"
        yield _wrong(Invariant.VALUES, item, text)
    elif item.run is not None and current.fingerprint is None:
        yield _wrong(Invariant.VALUES, item, "verified by a run, but there is no fingerprint that could be equal")


def _moved(trace: Trace, item: Publication, consumed: dict[str, Pin]) -> Iterator[Violation]:
    asset, late = item.node[0], trace.view(item.offset)
    graph = late.graph
    if graph.derived(asset) is None or item.cut.keys() != graph.ancestors[asset]:
        yield _wrong(Invariant.VALUES, item, "moved without a run to a cut that isn't over its ancestor sources")
        return
    # It says not at which place it moved: somewhere between its cut's newest commit and its being told.
    soon = trace.view(item.offset, min(item.offset, trace.commits.newest_of(item.cut)))
    least, most = soon.inputs(item.node), late.inputs(item.node)
    said = [key for key in most if text_of(key) in item.inputs]
    if any(key not in said for key in least):
        yield _wrong(Invariant.VALUES, item, "moved without a run, and without all that it reads")
    for name in (one for one in sorted(consumed.keys() - item.inputs.keys()) if not one.startswith(CODE)):
        yield _wrong(Invariant.VALUES, item, f"moved without a run, though {name}, which it holds, is read no more")
    for key in [*said, (CODE + asset, "")]:
        name, cuts = text_of(key), [trace.seen(key, item.cut, view) for view in (soon, late)]
        before = consumed.get(name)
        if before is None or (before.cut not in cuts and not _is_same(trace, item, (key, before), cuts[-1])):
            what = "is new there" if trace.right_at(key, cuts[-1], item.offset) else "is not known to be right there"
            yield _wrong(Invariant.VALUES, item, f"moved without a run to {cuts[-1]}, though {name} {what}")


def _is_same(trace: Trace, item: Publication, read: tuple[Node, Pin], cut: Cut) -> bool:
    """What was read before is right at another cut too. Of all partitions the newest change may equal an older one."""
    key, before = read
    right = trace.right_at(key, cut, item.offset)
    if key[0].startswith(CODE):
        return trace.commits.nth(key[0], before.cut.get(key[0], 0)) in right
    is_whole = trace.graph(item.offset).is_whole(key)
    return not is_whole and any(not version.new_against(before.version) for version in right)


def _wrong(invariant: Invariant, item: Grant | Publication, text: str) -> Violation:
    return Violation(invariant, item.node[0], item.run, item.offset, text)
