"""Inputs of a run agree, exactly at its cut."""

from collections.abc import Iterator

from tests.checker.agreement import torn
from tests.checker.graph import CODE, Node
from tests.checker.items import Cut, Grant, Pin, Publication, text_of
from tests.checker.trace import Trace
from tests.checker.violation import Invariant, Violation


def inputs_agree(trace: Trace) -> Iterator[Violation]:
    """What a run is given is right at its cut, a retry is given the same, and its result says so."""
    first: dict[str, Grant] = {}
    for item in trace.line:
        if isinstance(item, Grant):
            granted = first.setdefault(item.run, item)
            if granted is item:
                yield from _given(trace, item)
            elif (granted.cut, granted.inputs) != (item.cut, item.inputs):
                yield _wrong(item, f"attempt {item.attempt} has another cut or other inputs than the first")
        elif isinstance(item, Publication) and item.run in first and item.is_result:
            granted = first[item.run]
            is_own = granted.node == item.node
            if not granted.consistent and (is_own or not item.consistent):
                yield from _claims_nothing(trace, item)
            else:  # an output that was paused may take up what its computation was found right at since
                yield from _as_granted(granted, item) if is_own else _as_made(trace, item)
        elif isinstance(item, Publication) and item.kind == "verified" and (odd := _torn(trace, item)) is not None:
            yield _wrong(item, f"moved to {_short(item.cut)} without a run, where {odd}")


def _given(trace: Trace, grant: Grant) -> Iterator[Violation]:
    asset, view = grant.node[0], trace.view(grant.offset, grant.cut_at)
    graph = view.graph
    if graph.derived(asset) is None or not graph.declares(grant.node):
        yield _wrong(grant, "a run of what is no derived asset of the manifest in force")
        return
    if grant.cut.keys() != graph.ancestors[asset]:
        odd = sorted(grant.cut.keys() ^ graph.ancestors[asset])
        yield _wrong(grant, f"the cut doesn't name exactly the ancestor sources: {odd}")
        return
    touching = trace.own(grant.node, grant.cut, view, graph.ancestors[asset])
    if touching != grant.cut:
        yield _wrong(grant, f"the cut {grant.cut} names commits that don't touch it; the newest that do are {touching}")
    odd_one = torn(trace, grant.node, grant.cut, view)
    if grant.consistent is not (odd_one is None):
        yield _wrong(grant, f"it is granted as {'consistent' if grant.consistent else 'inconsistent'}: {odd_one}")
    wanted = {text_of(key): key for key in view.inputs(grant.node)} | {CODE + asset: (CODE + asset, "")}
    if grant.inputs.keys() != wanted.keys():
        odd = sorted(grant.inputs.keys() ^ wanted.keys())
        yield _wrong(grant, f"the inputs are not what the deps read, and the code: {odd}")
    for name in sorted(wanted.keys() & grant.inputs.keys()) if grant.consistent else ():
        key, pin = wanted[name], grant.inputs[name]
        cut = trace.seen(key, grant.cut, view)
        # A delivery says too which sources of other domains it comes from; the run's cut counts deliveries.
        ours = key[0] in graph.assets or name.startswith(CODE)
        said = pin.cut if ours else {one: pin.cut.get(one) for one in cut}
        if said != cut:
            yield _wrong(grant, f"{name} is pinned at {pin.cut}, where the run's cut is {cut}")
        elif not _is_right(trace, grant, key, pin):
            yield _wrong(grant, f"{name} version {pin.version.version!r} was never published as right at {cut}")
    yield from _code(trace, grant)


def _is_right(trace: Trace, grant: Grant, node: Node, pin: Pin) -> bool:
    """A source that was there before any commit has a version that nobody published, at 0."""
    name, view = node[0], trace.view(grant.offset)
    if pin.cut == {name: 0}:  # declared to exist by this deploy or by one before
        version = pin.version.version
        return view.had(node, view.place) and (version is None or not trace.commits.has(name, version))
    right = trace.right_at(node, pin.cut, grant.offset)
    if trace.graph(grant.offset).is_whole(node):  # its fingerprint tells its changes apart, not what is in them
        return pin.version.version in [one.version for one in right]
    return bool(right) if name.startswith(CODE) else pin.version in right


def _code(trace: Trace, grant: Grant) -> Iterator[Violation]:
    source = CODE + grant.node[0]
    code = trace.commits.nth(source, grant.cut[source])
    if code is not None and code.version != grant.code_version:
        text = f"a worker with code version {grant.code_version!r} is granted a cut at version {code.version!r}"
        yield _wrong(grant, text)


def _torn(trace: Trace, moved: Publication) -> str | None:
    view = trace.view(moved.offset)
    known = view.graph.derived(moved.node[0]) is not None and moved.cut.keys() == view.graph.ancestors[moved.node[0]]
    return torn(trace, moved.node, moved.cut, view) if known else None


def _claims_nothing(trace: Trace, result: Publication) -> Iterator[Violation]:
    """What was made from inputs that didn't agree says so, and stands at the cut of the one before."""
    is_known = not result.cut or trace.has_stood(result.node, result.cut, result.offset)
    if result.consistent or result.covers or not is_known:
        yield _wrong(result, f"{result.kind} at {_short(result.cut)}, from inputs that didn't agree")


def _as_granted(grant: Grant, result: Publication) -> Iterator[Violation]:
    if result.cut != grant.cut:
        yield _wrong(result, f"{result.kind} at {_short(result.cut)}, granted at {_short(grant.cut)}")
    odd = [
        name
        for name, pin in grant.inputs.items()
        if not name.startswith(CODE) and (pin.version, pin.cut) != _read(result.inputs.get(name))
    ]
    if odd:
        yield _wrong(result, f"{result.kind} from other inputs than were granted: {sorted(odd)}")


def _as_made(trace: Trace, result: Publication) -> Iterator[Violation]:
    """An output is right where its computation's version is that it comes from, whatever a deploy changed since."""
    asset, partition = result.node
    runs = trace.graph(result.offset).run_by(asset)
    cut = {source: seq for source, seq in result.cut.items() if source != CODE + asset}
    pin = result.inputs.get(text_of((runs, partition)))
    if pin is None or pin.cut != cut or pin.version not in trace.right_at((runs, partition), cut, result.offset):
        yield _wrong(result, f"{result.kind} from {pin}, which {runs} never was at {_short(cut)}")


def _read(pin: Pin | None) -> object:
    return None if pin is None else (pin.version, pin.cut)


def _short(cut: Cut) -> str:
    return " ".join(f"{source}:{seq}" for source, seq in sorted(cut.items()))


def _wrong(item: Grant | Publication, text: str) -> Violation:
    return Violation(Invariant.INPUTS, item.node[0], item.run, item.offset, text)
