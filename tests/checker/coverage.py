"""Cuts never go back, and each commit is covered by exactly one accepted run or verification."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.checker.graph import CODE, LOOK, PROMISES, Asset, Node
from tests.checker.items import Covers, Cut, Deploy, Grant, Publication, text_of
from tests.checker.links import View
from tests.checker.trace import Trace
from tests.checker.violation import Invariant, Violation

HELD = frozenset({"paused", "quarantined", "failing", "blocked"})
"""verdicts under which a promise is not kept, and said not to be"""


def cuts_never_go_back(trace: Trace) -> Iterator[Violation]:
    """A source leaves a cut only when a deploy took it out of the ancestors, be it put back while the run went on."""
    granted: dict[str | None, int] = {}
    for item, known in _in_turn(trace):
        if not isinstance(item, Publication):
            granted.setdefault(item.run, item.offset)
            continue
        if known.is_moved:
            continue
        graphs = (trace.graph(item.offset), trace.graph(granted.get(item.run, item.offset)))
        ancestors = frozenset.intersection(*(one.ancestors.get(item.node[0], frozenset()) for one in graphs))
        for source, before in known.cut.items():
            after = item.cut.get(source)
            if after is None and source in ancestors:
                yield _wrong(Invariant.CUTS, item, f"the cut was at {before} of {source} and doesn't name it any more")
            elif after is not None and after < before:
                yield _wrong(Invariant.CUTS, item, f"the cut goes back on {source} from {before} to {after}")


def each_commit_covered_once(trace: Trace) -> Iterator[Violation]:
    """Coverage starts right after what was covered before, and ends at the cut; a grant says the same beforehand."""
    for item, known in _in_turn(trace):
        if isinstance(item, Publication) or (item.attempt == 1 and trace.graph(item.offset).declares(item.node)):
            yield from _contiguous(item, known)


@dataclass(slots=True)
class Covered:
    """What is covered of a node's sources, and its newest cut."""

    covered: Cut = field(default_factory=dict)
    cut: Cut = field(default_factory=dict)
    is_moved: bool = False
    """A deploy has it read other partitions, so its sources' commits that touch it are others: the next cut may name
    older ones, and what follows may begin before what was left, never after."""
    at: int = -1
    """Since which entry it is so."""
    unmoved: "Covered | None" = None
    """What it was before it came to this cut without a run."""

    def at_basis(self, basis: int) -> "Covered":
        """What a grant that was proposed at an entry covers on from: a move since then is no reason to refuse it."""
        known = self
        while known.unmoved is not None and known.at > basis:
            known = known.unmoved
        return known


def _in_turn(trace: Trace) -> Iterator[tuple[Grant | Publication, Covered]]:
    """Grants and publications, each with what was known of its node before it."""
    known: dict[Node, Covered] = {}
    granted: dict[str, int] = {}
    moved: dict[Node, int] = {}  # node → the last deploy that has it read other partitions
    flown: dict[Node, None] = {}
    for item in trace.line:
        if isinstance(item, Deploy):
            item.graph.forget(known)
            moved |= {node: item.offset for node in flown if trace.moves(item, node)}
            for node, one in known.items():
                one.is_moved = one.is_moved or trace.moves(item, node)
        elif isinstance(item, Grant):
            granted.setdefault(item.run, item.offset)
            flown[item.node] = None
            yield item, known.get(item.node, Covered()).at_basis(item.basis)
        elif isinstance(item, Publication) and item.kind != "quarantined":
            before = known.get(item.node, Covered())
            yield item, before
            most = {} if before.is_moved else before.covered
            covered = {source: max(seq, most.get(source, 0)) for source, seq in item.cut.items()}
            # What was in flight when a deploy moved it goes by what it read before.
            was_moved = granted.get(item.run or "", item.offset) < moved.get(item.node, -1)
            unmoved = before if item.run is None else None
            known[item.node] = Covered(covered, item.cut, was_moved, item.offset, unmoved)


def nothing_left_uncovered(trace: Trace) -> Iterator[Violation]:
    """At the end of a quiet trace, what is promised and can be kept is right at the newest commits."""
    last: dict[Node, Publication] = {}
    for item in trace.line:
        if isinstance(item, Deploy):
            item.graph.forget(last)
        elif isinstance(item, Publication) and item.kind != "quarantined":
            last[item.node] = item
    view = trace.view(trace.end)
    for node in trace.growth.nodes:
        asset = view.graph.assets[node[0]]
        known = asset.policy in PROMISES and view.can_be_had(node)
        if not known or trace.outputs.verdicts.get(node) in HELD or not _is_among_newest(asset, node, trace):
            continue
        newest = last.get(node)
        behind = _behind(trace, newest, node, view) if newest is not None else {}
        if newest is None or _owes(trace, view, node, behind):
            left = ", ".join(f"{source} {_range(ranged)}" for source, ranged in behind.items()) or "all of them"
            text = f"nothing arrives any more, and these commits are not covered: {left}"
            yield Violation(Invariant.COVERAGE, text_of(node), None, None, text)


def _is_among_newest(asset: Asset, node: Node, trace: Trace) -> bool:
    """Whether its promise is of this partition: by now it may be of newer ones only."""
    return asset.newest is None or asset.parts is None or asset.parts.is_newest(node[1], asset.newest, trace.last_now)


def _behind(trace: Trace, newest: Publication, node: Node, view: View) -> Covers:
    """Source → the commits of it that the newest cut leaves out.

    What a deploy put above it since is new by the code that reads it now; its commits from before are not.
    """
    cut, at = newest.cut, newest.offset
    all_there_are = {name: trace.commits.count(name) for name in sorted(view.graph.ancestors[node[0]])}
    own = trace.own(node, all_there_are, view, view.graph.ancestors[node[0]])
    told = {source: seq for source, seq in own.items() if not source.startswith(LOOK)}  # one may always look again
    known = {source: cut[source] if source in cut else trace.commits.count(source, at) for source in told}
    return {source: (known[source] + 1, seq) for source, seq in told.items() if known[source] < seq}


def _owes(trace: Trace, view: View, node: Node, behind: Covers) -> bool:
    """Whether a node is stale that leaves these commits out: it may heed none of them, or wait for others, too."""
    graph = view.graph
    asset, runs = graph.assets[node[0]], graph.assets[graph.run_by(node[0])]

    def is_new(root: Node) -> bool:
        name, _ = root
        return name in behind and trace.newest(root, trace.commits.count(name), view) >= behind[name][0]

    if any(CODE + one.key not in one.ignored and is_new((CODE + one.key, "")) for one in (asset, runs)):
        return True
    deps = [dep for dep in runs.deps if dep not in runs.ignored]
    new = [any(map(is_new, view.heeded(view.reads((runs.key, node[1]), dep)))) for dep in deps]
    return bool(new) and (all(new) if asset.requires == "all" else any(new))


def _contiguous(item: Grant | Publication, known: Covered) -> Iterator[Violation]:
    covered = known.covered
    expected: Covers = {
        source: (covered.get(source, 0) + 1, seq) for source, seq in item.cut.items() if seq > covered.get(source, 0)
    }
    for source in sorted(expected.keys() | item.covers.keys()):
        wanted, said = expected.get(source), item.covers.get(source)
        if known.is_moved and said is not None and said[0] <= covered.get(source, 0) + 1:
            wanted = said[0], item.cut.get(source, 0)
        if wanted != said:
            name = type(item).__name__.lower() if isinstance(item, Grant) else item.kind
            text = f"{name} covers {_range(said)} of {source}, where {_range(wanted)} is left: {_kind(wanted, said)}"
            yield _wrong(Invariant.COVERAGE, item, text)


def _kind(wanted: tuple[int, int] | None, said: tuple[int, int] | None) -> str:
    if said is None or (wanted is not None and (said[0] > wanted[0] or said[1] < wanted[1])):
        return "a commit stays uncovered"
    return "a commit is covered twice, or is past the cut"


def _range(covers: tuple[int, int] | None) -> str:
    return "nothing" if covers is None else f"{covers[0]}-{covers[1]}"


def _wrong(invariant: Invariant, item: Grant | Publication, text: str) -> Violation:
    return Violation(invariant, item.node[0], item.run, item.offset, text)
