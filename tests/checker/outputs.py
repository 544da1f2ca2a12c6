"""Reads the outputs: which facts were accepted, what was published, how attempts ended, what the verdicts are."""

from collections.abc import Callable
from typing import Final

from tests.checker.export import Export, Json, Output
from tests.checker.graph import Node
from tests.checker.items import Ended, Item, Named, Publication, grant, node_of, publication
from tests.checker.journal import GRANTED, Journal
from tests.checker.violation import Invariant, Violation

ENDED = "everfresh.run.ended.v1"
FRESHNESS = "everfresh.freshness.changed.v1"
PUBLISHED = {f"everfresh.asset.{kind}.v1": kind for kind in ("materialized", "verified", "quarantined", "released")}
BINDING: Final = ("asset", "partition", "worker", "cut", "covers", "inputs")
"""What a grant sent to a worker must have in common with its fact."""


class Outputs:
    """What the outputs say, each put at the journal's offset that caused it."""

    def __init__(self, export: Export, journal: Journal) -> None:
        self.items: list[Item] = []
        self.second_results: list[Publication] = []
        """Further accepted results of runs that already had one: nothing else counts them."""
        self.verdicts: dict[Node, str] = {}
        self.problems: list[Violation] = list(export.problems)
        self.grants = self.publications = 0
        self._facts = {key: list(facts) for key, facts in journal.grants.items()}
        self._answered: set[tuple[str | None, Node]] = set()
        reads: dict[str, Callable[[Output, int], None]] = {ENDED: self._end, FRESHNESS: self._judge}
        reads.update(dict.fromkeys(PUBLISHED, self._publish))
        for output in export.outputs:
            kind = output.event["type"]
            if kind == GRANTED:
                self._grant(output)
            elif kind in reads and output.cause is not None:
                reads[kind](output, output.cause)
            elif kind in reads:
                self._complain(output, "has no journaloffset: nobody can tell what caused it")

    def _grant(self, output: Output) -> None:
        """The fact behind a grant that was sent; each fact may be sent as one event only."""
        body = output.event["data"]
        facts = self._facts.get((body["run"], body["attempt"]), [])
        for fact in facts:
            if output.cause in {None, fact[0]} and _same_binding(fact[1], body):
                facts.remove(fact)
                self.items.append(grant(*fact))
                self.grants += 1
                return
        self._complain(output, f"attempt {body['attempt']} was sent to {body['worker']!r}, but no fact grants it so")

    def _publish(self, output: Output, cause: int) -> None:
        found: Publication = publication(cause, PUBLISHED[output.event["type"]], output.event["data"])
        if found.is_result and (found.run, found.node) in self._answered:
            self.second_results.append(found)
            return
        if found.is_result:
            self._answered.add((found.run, found.node))
        self.items.append(found)
        self.publications += 1

    def _end(self, output: Output, cause: int) -> None:
        body = output.event["data"]
        self.items.append(Ended(cause, node_of(body), body["run"], body["attempt"], body["outcome"]))

    def _judge(self, output: Output, cause: int) -> None:
        node = node_of(output.event["data"])
        if node[1]:
            self.items.append(Named(cause, node))
        self.verdicts[node] = output.event["data"]["verdict"]  # they come in the order of their causes: the last holds

    def _complain(self, output: Output, text: str) -> None:
        body = output.event["data"]
        self.problems.append(
            Violation(
                Invariant.ACCOUNTING, body.get("asset"), body.get("run"), output.cause, f"{output.event['type']} {text}"
            )
        )


def _same_binding(fact: Json, sent: Json) -> bool:
    return all((fact.get(name) or None) == (sent.get(name) or None) for name in BINDING)
