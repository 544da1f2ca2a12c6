"""One question about one table: which engine looks, what it found, and what that means."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from reactors.anomalies import LASTING, judge, rule_of
from reactors.compute import CheckOutcome
from reactors.expectations import Expectation
from reactors.io.checks.arrow import ArrowEngine
from reactors.io.checks.engine import Engine, Row, has_columns
from reactors.io.checks.frames import PolarsEngine
from reactors.io.checks.sql import engine_of_relation, looking_into
from reactors.io.stores.databases import Table
from reactors.io.stores.tables import arrow_of, kind_of
from streams.errors import BadResult
from streams.measures import Measure, Point

_COLUMNS_MOST = 1_000
"""of a schema that is remembered: a grant carries it"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What an answer may need beside the table."""

    points: Sequence[Point] = ()  # what was learned, oldest first
    at_ms: int | None = None  # now, as the journal has it; without it, as this machine has it
    shown: Sequence[str] = ()  # columns that a sample shows
    rows: int = 0  # of a sample


def evaluate(one: Expectation, value: Any, beside: Any = None, seen: Seen | None = None) -> CheckOutcome:
    """The answer about `value`; `beside` is the other asset's value, where one is compared with.

    Raises BadResult for what is no table, and for a column that it lacks.
    """
    seen = seen or Seen()
    with looking(value, one.name) as engine:
        has_columns(engine, one.columns, "the result")
        answer = _ANSWERS.get(one.kind, _alone)(one, engine, beside, seen)
        return replace(answer, engine=engine.name, expected=one.expected)


def looking(value: Any, name: str = "") -> AbstractContextManager[Engine]:
    """What looks at a table: the library that it is of, or the database that it stands in. Raises BadResult."""
    return looking_into(value) if isinstance(value, Table) else nullcontext(_library_of(value, name))


def _library_of(value: Any, name: str) -> Engine:
    kind = kind_of(type(value))
    if kind is None:
        raise BadResult(
            f"check {name!r} asks about a table, and this is of type {type(value).__name__}; use @app.check"
        )
    if kind == "duckdb":
        return engine_of_relation(value)
    return PolarsEngine(value) if kind in {"polars", "lazy"} else ArrowEngine(arrow_of(value))


def _alone(one: Expectation, engine: Engine, _beside: Any, seen: Seen) -> CheckOutcome:
    return _counted(one, engine, None, seen)


def _related(one: Expectation, engine: Engine, beside: Any, seen: Seen) -> CheckOutcome:
    with looking(beside, one.name) as other:
        has_columns(other, [one.said["at"]], str(one.reads))
        return _counted(one, engine, other, seen)


def _counted(one: Expectation, engine: Engine, other: Engine | None, seen: Seen) -> CheckOutcome:
    tested, failed = engine.count(one, other)
    share = failed / tested if tested else 0.0
    observed = f"{failed} of {tested} rows don't ({share:.2%})" if failed else f"all {tested} rows do"
    passed = share <= one.tolerance
    sample: list[Row] = []
    if not passed and seen.rows and seen.shown:
        has_columns(engine, seen.shown, "the result")
        hidden = dict.fromkeys(column for column in engine.types() if column not in seen.shown)
        sample = [row | hidden for row in engine.failing(one, other, seen.shown, seen.rows)]
    metric = round(share, 6)
    return CheckOutcome(passed, observed, n_tested=tested, n_failed=failed, metric=metric, sample=sample)


def _number_of_rows(one: Expectation, engine: Engine, _beside: Any, _seen: Seen) -> CheckOutcome:
    rows = engine.rows()
    low, high = one.said.get("least"), one.said.get("most")
    passed = (low is None or rows >= low) and (high is None or rows <= high)
    return CheckOutcome(passed, f"{rows} rows", metric=rows)


def _schema(_one: Expectation, engine: Engine, _beside: Any, seen: Seen) -> CheckOutcome:
    now = engine.types()
    if len(now) > _COLUMNS_MOST:
        raise BadResult(f"a schema of {len(now)} columns can't be remembered; {_COLUMNS_MOST} can")
    measure = Measure(types=now)
    before = next((point.measure.types for point in reversed(seen.points) if point.usual), None)
    if before is None:
        skipped = CheckOutcome.skip("the first version: its schema is learned")
        return replace(skipped, measure=measure)
    changes = [f"{name} is gone" for name in before if name not in now]
    changes += [f"{name} {kind} is new" for name, kind in now.items() if name not in before]
    changes += [f"{name} was {before[name]}, is {kind}" for name, kind in now.items() if before.get(name, kind) != kind]
    return CheckOutcome(not changes, "; ".join(changes) or f"{len(now)} columns as before", measure=measure)


def _fresh(one: Expectation, engine: Engine, _beside: Any, seen: Seen) -> CheckOutcome:
    newest = engine.newest(one.columns[0])
    if newest is None:
        return CheckOutcome(False, f"{one.columns[0]} has no value")
    now = time.time() * 1_000 if seen.at_ms is None else seen.at_ms
    age = (now - _instant(newest, one.columns[0])) / 1_000
    return CheckOutcome(age * 1_000 <= one.said["within_ms"], f"newest {newest}, {age:g} s old", metric=age)


def _instant(value: Any, column: str) -> float:
    """A time as milliseconds since 1970; without a zone it is UTC's, a date is its first moment."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise _no_time(value, column) from None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001  the zone follows
    if not isinstance(value, datetime):
        raise _no_time(value, column)
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp() * 1_000


def _no_time(value: Any, column: str) -> BadResult:
    return BadResult(f"column {column!r} holds {value!r}, which is no time; ask about a column of times")


def _anomaly(one: Expectation, engine: Engine, _beside: Any, seen: Seen) -> CheckOutcome:
    rule = rule_of(one.said)
    measure = engine.measured(one.columns, distinct="distinct" in rule.metrics)
    found = judge(rule, seen.points, measure)
    if found is None:
        learned = sum(point.usual for point in seen.points)
        skipped = CheckOutcome.skip(f"{learned} points learned; it takes {rule.least + rule.season}")
        return replace(skipped, measure=measure)
    observed = f"{found.name} is {found.shown:.4g}, usually about {found.usual:.4g}: {found.z:+.1f} standard deviations"
    if found.together > rule.z + 1:
        observed += f", with the {LASTING - 1} before it {found.together:+.1f}"
    return CheckOutcome(not found.is_anomaly(rule), observed, metric=round(found.z, 6), measure=measure)


_ANSWERS = {
    "relationship": _related,
    "row_count": _number_of_rows,
    "schema_unchanged": _schema,
    "fresh": _fresh,
    "anomaly": _anomaly,
}
