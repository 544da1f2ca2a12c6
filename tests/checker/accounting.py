"""Nothing is lost and nothing invented: acked changes stand in the journal, cuts name commits that stand there."""

from collections.abc import Iterable, Iterator, Mapping

from tests.checker.items import Grant, Publication
from tests.checker.trace import Trace
from tests.checker.violation import Invariant, Violation


def repeats_are_equal(trace: Trace) -> Iterator[Violation]:
    """Outputs with one id are one output; every grant that was sent has a fact; every output has a cause."""
    yield from trace.outputs.problems


def acked_changes_stand(trace: Trace, acked: Iterable[Mapping[str, str]]) -> Iterator[Violation]:
    """Each change event that its publisher was told is kept stands in the journal."""
    for change in acked:
        key = change["source"], change["id"], change["asset"]
        if key not in trace.journal.changes:
            text = f"the acked change {change['id']!r} of {change['source']!r} is not in the journal"
            yield Violation(Invariant.ACCOUNTING, change["asset"], None, None, text)


def cuts_stand(trace: Trace) -> Iterator[Violation]:
    """A cut never names a commit that wasn't in the journal yet, nor a source that isn't above the asset."""
    for item in trace.line:
        if not isinstance(item, Grant | Publication):
            continue
        until = min(item.cut_at, item.offset) if isinstance(item, Grant) else item.offset
        for source, seq in item.cut.items():
            stood = trace.commits.count(source, until)
            if seq > stood:
                text = f"the cut names commit {seq} of {source}, which had {stood} at offset {until}"
                yield Violation(Invariant.ACCOUNTING, item.node[0], item.run, item.offset, text)
