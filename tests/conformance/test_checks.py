"""What is expected of a table is looked for alike in every library's tables, and by every executor."""

from collections.abc import Callable
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everfresh import checks
from reactors.compute import CheckOutcome
from reactors.expectations import Expectation
from reactors.io.checks import evaluate
from streams.errors import BadResult

TABLE = pa.table({"id": [1, 2, 2, None], "delay": [5.0, None, -300.0, 7.5], "tail": ["A", "B", None, "X"]})
PLANES = pa.table({"tail": ["A", "B", "C"], "number": ["A", "X", "Y"]})

LIBRARIES: dict[str, Callable[[pa.Table], Any]] = {
    "arrow": lambda table: table,
    "polars": pl.from_arrow,
    "lazy": lambda table: pl.LazyFrame(pl.from_arrow(table)),
    "pandas": lambda table: table.to_pandas(),
    "duckdb": lambda table: duckdb.connect().from_arrow(table),
}
each_library = pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES)


@each_library
@pytest.mark.parametrize(
    ("asked", "tested", "failed"),
    [
        (checks.not_null("id"), 4, 1),
        (checks.not_null("id", "delay", "tail"), 4, 3),
        (checks.unique("id"), 3, 1),
        (checks.unique("id", "tail"), 2, 0),
        (checks.accepted_values("tail", ["A", "B"]), 3, 1),
        (checks.in_range("delay", least=-120), 3, 1),
        (checks.in_range("delay", -120, 6), 3, 2),
        (checks.relationship("tail", "shop/planes"), 3, 1),
        (checks.relationship("tail", "shop/planes", at="number"), 3, 1),
    ],
)
def test_rows_are_counted_alike(
    library: Callable[[pa.Table], Any], asked: Expectation, tested: int, failed: int
) -> None:
    answer = evaluate(asked, library(TABLE), library(PLANES))
    assert (answer.n_tested, answer.n_failed, answer.passed) == (tested, failed, failed == 0)


@each_library
def test_rows_themselves_are_counted(library: Callable[[pa.Table], Any]) -> None:
    assert evaluate(checks.row_count(4, 4), library(TABLE)).passed
    assert not evaluate(checks.row_count(least=5), library(TABLE)).passed
    assert not evaluate(checks.row_count(most=3), library(TABLE)).passed


def test_a_share_of_the_rows_may_fail() -> None:
    assert evaluate(checks.not_null("id", tolerance=0.25), TABLE).passed
    assert not evaluate(checks.not_null("id", tolerance=0.24), TABLE).passed


def test_an_empty_table_is_as_expected_but_for_its_rows() -> None:
    empty = TABLE.slice(0, 0)
    for asked in (checks.not_null("id"), checks.unique("id"), checks.in_range("delay", 0)):
        assert evaluate(asked, empty).passed
    assert not evaluate(checks.row_count(least=1), empty).passed


def test_a_column_that_is_not_there_is_named_with_what_may_be_meant() -> None:
    with pytest.raises(BadResult, match="the result has no column 'delya'; did you mean 'delay'"):
        evaluate(checks.in_range("delya", 0), TABLE)
    with pytest.raises(BadResult, match="shop/planes has no column 'tails'; did you mean 'tail'"):
        evaluate(checks.relationship("tail", "shop/planes", at="tails"), TABLE, PLANES)


def test_what_is_no_table_is_said_to_be_none() -> None:
    with pytest.raises(BadResult, match="asks about a table, and this is of type list"):
        evaluate(checks.row_count(least=1), [1, 2])


@given(st.lists(st.one_of(st.none(), st.integers(-5, 5)), max_size=30))
def test_counts_are_what_one_counts_by_hand(values: list[int | None]) -> None:
    table, known = pa.table({"x": pa.array(values, pa.int64())}), [one for one in values if one is not None]

    def counted(answer: CheckOutcome) -> tuple[int | None, int | None]:
        return answer.n_tested, answer.n_failed

    assert counted(evaluate(checks.not_null("x"), table)) == (len(values), len(values) - len(known))
    assert counted(evaluate(checks.unique("x"), table)) == (len(known), len(known) - len(set(known)))
    outside = sum(not -2 <= one <= 2 for one in known)
    assert counted(evaluate(checks.in_range("x", -2, 2), table)) == (len(known), outside)
    other = sum(one not in (1, 2) for one in known)
    assert counted(evaluate(checks.accepted_values("x", [1, 2]), table)) == (len(known), other)
