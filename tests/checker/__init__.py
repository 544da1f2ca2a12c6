"""The independent checker: reads exported events only, and shares no code with the product.

    trace = read(load(path))
    report = check(trace, quiet=True)
    assert not report.violations

It knows the contract and the semantics, nothing of how they are built: what it finds wrong is wrong in the topics.
"""

from tests.checker.check import Report, check, read
from tests.checker.export import load
from tests.checker.trace import Trace
from tests.checker.variants import same_outputs, same_publications, same_runs
from tests.checker.violation import Invariant, Violation

__all__ = [
    "Invariant",
    "Report",
    "Trace",
    "Violation",
    "check",
    "load",
    "read",
    "same_outputs",
    "same_publications",
    "same_runs",
]
