"""Looks whether what is expected of a table is so, by Arrow's own functions: whatever library the table is of."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from reactors.compute import CheckOutcome
from reactors.expectations import Expectation
from reactors.io.stores.tables import arrow_of, kind_of, library
from streams.errors import BadResult


def evaluate(one: Expectation, value: Any, beside: Any = None) -> CheckOutcome:
    """The answer about `value`; `beside` is the other asset's value, where one is compared with.

    Raises BadResult for what is no table, and for a column that it lacks.
    """
    table = _table(value, one.name)
    for column in one.columns:
        _column(table, column, "the result")
    if one.kind == "row_count":
        rows = table.num_rows
        low, high = one.said.get("least"), one.said.get("most")
        passed = (low is None or rows >= low) and (high is None or rows <= high)
        return CheckOutcome(passed, f"{rows} rows", one.expected, metric=rows)
    tested, failed = _COUNTS[one.kind](one, table, beside)
    share = failed / tested if tested else 0.0
    observed = f"{failed} of {tested} rows don't ({share:.2%})" if failed else f"all {tested} rows do"
    return CheckOutcome(
        share <= one.tolerance, observed, one.expected, n_tested=tested, n_failed=failed, metric=round(share, 6)
    )


def _table(value: Any, name: str) -> Any:
    if kind_of(type(value)) is None:
        raise BadResult(
            f"check {name!r} asks about a table, and this is of type {type(value).__name__}; use @app.check"
        )
    return arrow_of(value)


def _column(table: Any, name: str, whose: str) -> Any:
    if name not in table.column_names:
        close = get_close_matches(name, table.column_names, n=1)
        meant = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(table.column_names)}"
        raise BadResult(f"{whose} has no column {name!r}; {meant}")
    return table.column(name)


def _without_value(one: Expectation, table: Any, _beside: Any) -> tuple[int, int]:
    compute = library("pyarrow.compute")
    missing = None
    for column in one.columns:
        null = compute.is_null(table.column(column), nan_is_null=True)
        missing = null if missing is None else compute.or_(missing, null)
    return table.num_rows, int(compute.sum(missing).as_py() or 0)


def _repeated(one: Expectation, table: Any, _beside: Any) -> tuple[int, int]:
    columns = list(one.columns)
    known = table.select(columns).drop_null()
    groups = known.group_by(columns).aggregate([]).num_rows
    return known.num_rows, known.num_rows - groups


def _not_among(values: Any, table: Any, column: str) -> tuple[int, int]:
    compute, arrow = library("pyarrow.compute"), library("pyarrow")
    known = table.column(column).drop_null()
    among = compute.is_in(known, value_set=arrow.array(values, type=known.type))
    return len(known), len(known) - int(compute.sum(among).as_py() or 0)


def _unaccepted(one: Expectation, table: Any, _beside: Any) -> tuple[int, int]:
    return _not_among(list(one.said["values"]), table, one.columns[0])


def _unrelated(one: Expectation, table: Any, beside: Any) -> tuple[int, int]:
    other = _column(_table(beside, one.name), one.said["at"], str(one.said["to"]))
    known = other.cast(table.column(one.columns[0]).type).drop_null()
    return _not_among(known.combine_chunks(), table, one.columns[0])


def _outside(one: Expectation, table: Any, _beside: Any) -> tuple[int, int]:
    compute = library("pyarrow.compute")
    known = table.column(one.columns[0]).drop_null()
    inside = None
    for compare, bound in ((compute.greater_equal, one.said["least"]), (compute.less_equal, one.said["most"])):
        if bound is not None:
            held = compare(known, bound)
            inside = held if inside is None else compute.and_(inside, held)
    return len(known), len(known) - int(compute.sum(inside).as_py() or 0)


_COUNTS: Mapping[str, Callable[[Expectation, Any, Any], tuple[int, int]]] = {
    "not_null": _without_value,
    "unique": _repeated,
    "accepted_values": _unaccepted,
    "in_range": _outside,
    "relationship": _unrelated,
}
"""kind → how many rows were looked at, and how many of them aren't as expected"""
