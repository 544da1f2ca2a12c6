"""No run whose inputs are all unchanged, none that no promise needs; and what is verified is unchanged."""

from collections.abc import Iterator

from tests.checker.commits import Version
from tests.checker.graph import CODE
from tests.checker.items import Asked, Grant, Node, Pin, Publication
from tests.checker.trace import Trace
from tests.checker.violation import Invariant, Violation


class Consumed:
    """What each node's current version is, and what it was last computed from."""

    def __init__(self) -> None:
        self.version: dict[Node, Version] = {}
        self.inputs: dict[Node, dict[str, Pin]] = {}
        self.granted: dict[Node, int] = {}
        """the newest cut, as a place in the journal, of a run with a result: it did what was commanded before"""
        self._first: dict[str, Grant] = {}

    def see(self, item: object) -> None:
        if isinstance(item, Grant):
            self._first.setdefault(item.run, item)
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
    consumed, asked = Consumed(), dict[Node, int]()
    for item in trace.line:
        if isinstance(item, Asked):
            asked[item.node] = item.offset
        elif isinstance(item, Grant) and item.attempt == 1:
            waiting = {node for node, at in asked.items() if at > consumed.granted.get(node, -1)}
            waiting |= {(trace.graph(item.offset).run_by(asset), partition) for asset, partition in waiting}
            if item.node not in waiting and item.node in consumed.version and _all_known(trace, item, consumed):
                yield _wrong(Invariant.NEED, item, "none of the run's inputs is new")
            if not _serves(trace, item, waiting):
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


def _all_known(trace: Trace, grant: Grant, consumed: Consumed) -> bool:
    before = consumed.inputs[grant.node]
    return bool(grant.inputs) and all(
        name in before and not _code_or_input_is_new(trace, name, before[name], pin)
        for name, pin in grant.inputs.items()
    )


def _code_or_input_is_new(trace: Trace, name: str, before: Pin, now: Pin) -> bool:
    if name.startswith(CODE):
        return trace.commits.nth(name, before.cut.get(name, 0)) != trace.commits.nth(name, now.cut.get(name, 0))
    return now.version.new_against(before.version)


def _serves(trace: Trace, grant: Grant, waiting: set[Node]) -> bool:
    graph, asset = trace.graph(grant.offset), grant.node[0]
    return asset in graph.needed or any(asset in graph.lineage(target) for target, _ in waiting)


def _as_current(item: Publication, current: Version | None) -> Iterator[Violation]:
    if current is None:
        yield _wrong(Invariant.VALUES, item, "verified, but nothing was published before")
    elif item.version != current:
        text = f"verified {item.version}, but the current version is {current}"
        yield _wrong(Invariant.VALUES, item, text)
    elif item.run is not None and current.fingerprint is None:
        yield _wrong(Invariant.VALUES, item, "verified by a run, but there is no fingerprint that could be equal")


def _moved(trace: Trace, item: Publication, consumed: dict[str, Pin]) -> Iterator[Violation]:
    asset, partition = item.node
    graph = trace.graph(item.offset)
    declared = graph.derived(asset)
    if declared is None or item.cut.keys() != graph.ancestors[asset]:
        yield _wrong(Invariant.VALUES, item, "moved without a run to a cut that isn't over its ancestor sources")
        return
    for name in (*declared.deps, CODE + asset):
        cut = {source: item.cut[source] for source in graph.view(name)}
        before = consumed.get(name)
        if before is not None and before.cut == cut:
            continue
        right = trace.right_at((name, partition), cut, item.offset)
        if before is None:
            same = False
        elif name.startswith(CODE):
            same = trace.commits.nth(name, before.cut.get(name, 0)) in right
        else:
            same = any(not version.new_against(before.version) for version in right)
        if not same:
            what = "is new there" if right else "is not known to be right there"
            yield _wrong(Invariant.VALUES, item, f"moved without a run to {cut}, though {name} {what}")


def _wrong(invariant: Invariant, item: Grant | Publication, text: str) -> Violation:
    return Violation(invariant, item.node[0], item.run, item.offset, text)
