"""The whole check, and what it counted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from tests.checker.accounting import acked_changes_stand, cuts_stand, repeats_are_equal
from tests.checker.attempts import one_attempt_one_result, reports_are_answered
from tests.checker.coverage import cuts_never_go_back, each_commit_covered_once, nothing_left_uncovered
from tests.checker.export import gather
from tests.checker.inputs import inputs_agree
from tests.checker.need import no_needless_run, verified_is_unchanged
from tests.checker.standing import checks_only_answer, standing, without
from tests.checker.trace import Trace
from tests.checker.violation import Violation

ALWAYS = (
    repeats_are_equal,
    cuts_stand,
    verified_is_unchanged,
    inputs_agree,
    cuts_never_go_back,
    each_commit_covered_once,
    no_needless_run,
    one_attempt_one_result,
)
WHEN_QUIET = (nothing_left_uncovered, reports_are_answered)


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, and how much was looked at."""

    violations: list[Violation]
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to check: no commit of a source, or nothing that was made of one."""
        return not (self.counts["commits"] and (self.counts["attempts"] or self.counts["publications"]))


def read(records: Iterable[Mapping[str, Any]]) -> Trace:
    """An export's records as a trace. Raises ValueError when they are of more than one domain."""
    known = list(records)
    keys = standing(known)
    if not keys:
        return Trace(gather(known))
    export = gather(without(known, keys))
    export.problems.extend(checks_only_answer(known, keys))
    return Trace(export)


def check(trace: Trace, *, quiet: bool = False, acked: Iterable[Mapping[str, str]] = ()) -> Report:
    """Every invariant over one trace. `quiet`: nothing is due any more; `acked`: changes their publishers were acked.

    The trace must begin where the journal began: commits are counted from there.
    """
    promises = list(acked)
    checks = (*ALWAYS, *WHEN_QUIET) if quiet else ALWAYS
    found = chain(acked_changes_stand(trace, promises), *(one(trace) for one in checks))
    return Report(list(found), counts(trace) | {"acked": len(promises)})


def counts(trace: Trace) -> dict[str, int]:
    return {
        "events": trace.journal.events,
        "commits": trace.journal.source_commits,
        "runs": len({grant.run for grant in trace.grants()}),
        "attempts": trace.outputs.grants,
        "publications": trace.outputs.publications,
        "unreadable": trace.journal.unreadable,
        "repeats": trace.export.repeats,
    }
