"""Two exports side by side: what must be the same whatever crashes, repeats or a second reactor did."""

from collections.abc import Hashable, Iterator, Sequence
from itertools import zip_longest

import orjson

from tests.checker.graph import Node
from tests.checker.trace import Trace
from tests.checker.violation import Invariant, Violation


def same_publications(a: Trace, b: Trace) -> list[Violation]:
    """Per node, the same versions at the same cuts in the same order; versions are told apart by their fingerprints."""
    ours, theirs = _publications(a), _publications(b)
    found: list[Violation] = []
    for node in sorted(ours.keys() | theirs.keys()):
        found.extend(_first_difference(Invariant.VARIANTS, node[0], ours.get(node, []), theirs.get(node, [])))
    return found


def same_runs(a: Trace, b: Trace) -> list[Violation]:
    """The same attempts were granted, at the same offsets and cuts, from the same inputs, to the same workers."""
    return list(_first_difference(Invariant.REPLAY, None, _runs(a), _runs(b)))


def same_outputs(a: Trace, b: Trace) -> list[Violation]:
    """The same outputs, byte for byte, each found by its topic and id."""
    ours, theirs = _outputs(a), _outputs(b)
    return [
        Violation(Invariant.REPLAY, None, None, None, f"{topic} {name}: {_which(ours.get(key), theirs.get(key))}")
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key) != theirs.get(key)
        for topic, name in [key]
    ]


def _publications(trace: Trace) -> dict[Node, list[Hashable]]:
    found: dict[Node, list[Hashable]] = {}
    for one in trace.published():
        what = one.version.fingerprint or one.version.version
        found.setdefault(one.node, []).append((one.kind, what, tuple(sorted(one.cut.items()))))
    return found


def _runs(trace: Trace) -> list[Hashable]:
    return [
        (
            *(one.offset, one.node, one.run, one.number, one.attempt, one.worker, tuple(sorted(one.cut.items()))),
            tuple(sorted((name, pin.version) for name, pin in one.inputs.items())),
        )
        for one in trace.grants()
    ]


def _outputs(trace: Trace) -> dict[tuple[str, str], bytes]:
    return {(one.topic, one.event["id"]): orjson.dumps(one.event) for one in trace.export.outputs}


def _first_difference(
    invariant: Invariant, asset: str | None, ours: Sequence[Hashable], theirs: Sequence[Hashable]
) -> Iterator[Violation]:
    for place, (one, other) in enumerate(zip_longest(ours, theirs)):
        if one != other:
            yield Violation(invariant, asset, None, None, f"number {place + 1} is {one} in one, {other} in the other")
            return


def _which(ours: bytes | None, theirs: bytes | None) -> str:
    if ours is None or theirs is None:
        return "only in the second" if ours is None else "only in the first"
    return f"{ours.decode()} in one, {theirs.decode()} in the other"
