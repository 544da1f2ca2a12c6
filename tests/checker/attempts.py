"""At most one attempt of a node is in flight, and each run has at most one accepted result."""

from collections.abc import Iterator

from tests.checker.graph import Node
from tests.checker.items import Deploy, Ended, Grant, Publication, Told
from tests.checker.trace import Trace
from tests.checker.violation import Invariant, Violation


def one_attempt_one_result(trace: Trace) -> Iterator[Violation]:
    """Grants follow one another without overlap, and results come from the live attempt's own report."""
    flight = Flight()
    for item in trace.line:
        if isinstance(item, Grant):
            yield from _fits(flight, item)
        elif isinstance(item, Publication) and item.is_result and not _is_told(trace, flight, item):
            yield _wrong(item, f"{item.kind} by attempt {item.attempt}, which was not live or had not succeeded")
        elif isinstance(item, Ended) and item.outcome == "lost" and not trace.journal.says_lost(item):
            yield _wrong(item, f"attempt {item.attempt} is lost, but no fact says so")
        flight.see(item)
    for second in trace.outputs.second_results:
        yield _wrong(second, f"{second.kind} is a second accepted result of the run")


def reports_are_answered(trace: Trace) -> Iterator[Violation]:
    """In a quiet trace, the report of each live attempt has an output: a publication, or the run's end."""
    flight = Flight()
    unanswered: dict[tuple[str | None, int | None], Told] = {}
    for item in trace.line:
        flight.see(item)
        if isinstance(item, Told) and flight.told.get(item.offset) is item:
            unanswered[item.run, item.attempt] = item
        elif isinstance(item, Publication | Ended):
            unanswered.pop((item.run, item.attempt), None)
    for told in unanswered.values():
        text = f"attempt {told.attempt} {told.outcome} while it was live, and nothing came of it"
        yield Violation(Invariant.ACCOUNTING, told.node[0], told.run, told.offset, text)


class Flight:
    """Which attempt of each node is live, item by item."""

    def __init__(self) -> None:
        self.live: dict[Node, Grant] = {}
        self.last: dict[Node, Grant] = {}
        self.changed: dict[Node, int] = {}
        """the offset of the last grant or end of an attempt"""
        self.told: dict[int, Told] = {}
        """offset → the report of an attempt that was live then"""
        self._results: set[str | None] = set()
        self._made: set[tuple[Node, str | None, int | None]] = set()

    def see(self, item: object) -> None:
        if isinstance(item, Grant):
            self.live[item.node] = self.last[item.node] = item
            self.changed[item.node] = item.offset
        elif isinstance(item, Told) and self._is_live(item):
            self.told[item.offset] = item
            if item.outcome == "succeeded":
                self._made.add((item.node, item.run, item.attempt))
            self._end(item)
        elif isinstance(item, Ended) and item.outcome in {"lost", "cancelled"} and self._is_live(item):
            self._end(item)
        elif isinstance(item, Publication) and item.is_result:
            self._results.add(item.run)
        elif isinstance(item, Deploy):
            self._forget(item)

    def told_by(self, result: Publication) -> bool:
        told = self.told.get(result.offset)
        named = result.node, result.run, result.attempt, "succeeded"
        return told is not None and (told.node, told.run, told.attempt, told.outcome) == named

    def has_made(self, node: Node, result: Publication) -> bool:
        """Whether that attempt of a computation succeeded while it was live."""
        return (node, result.run, result.attempt) in self._made

    def has_result(self, run: str) -> bool:
        return run in self._results

    def _is_live(self, item: Told | Ended) -> bool:
        live = self.live.get(item.node)
        return live is not None and (live.run, live.attempt) == (item.run, item.attempt)

    def _end(self, item: Told | Ended) -> None:
        del self.live[item.node]
        self.changed[item.node] = item.offset

    def _forget(self, deploy: Deploy) -> None:
        """A node that a deploy took away has no attempts any more, and may count its runs anew if it comes back."""
        graph = deploy.graph
        for node in [node for node in self.last if graph.derived(node[0]) is None or not graph.declares(node)]:
            self.live.pop(node, None)
            self.last.pop(node)


def _is_told(trace: Trace, flight: Flight, result: Publication) -> bool:
    """By its own attempt's report; of an output, by its computation's, which may have come long before."""
    asset, partition = result.node
    runs = trace.graph(result.offset).run_by(asset)
    return flight.told_by(result) if runs == asset else flight.has_made((runs, partition), result)


def _fits(flight: Flight, grant: Grant) -> Iterator[Violation]:
    live, last = flight.live.get(grant.node), flight.last.get(grant.node)
    if live is not None:
        text = f"attempt {grant.attempt} is granted while attempt {live.attempt} of {live.run} is in flight"
        yield _wrong(grant, text)
        return
    if flight.has_result(grant.run):
        yield _wrong(grant, f"attempt {grant.attempt} is granted after the run had its result")
        return
    retried = last is not None and last.run == grant.run
    if last is None:
        expected = (grant.number, 1)
    else:
        expected = (last.number, last.attempt + 1) if retried else (last.number + 1, 1)
    if (grant.number, grant.attempt) != expected:
        named = f"run number {grant.number}, attempt {grant.attempt}"
        yield _wrong(grant, f"{named} is granted where {expected[0]}, {expected[1]} is next")
    elif flight.changed.get(grant.node, -1) > grant.basis:
        yield _wrong(grant, f"the node changed at {flight.changed[grant.node]}, after the grant's basis {grant.basis}")


def _wrong(item: Grant | Publication | Ended, text: str) -> Violation:
    return Violation(Invariant.ATTEMPTS, item.node[0], item.run, item.offset, text)
