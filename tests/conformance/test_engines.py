"""Every engine answers alike: the suite of the port Engine, over generated tables, in frames and in real databases."""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

import everfresh as ef
from everfresh import checks
from reactors.compute import CheckOutcome
from reactors.expectations import Expectation
from reactors.io.checks import Seen, evaluate
from reactors.io.checks.asking import looking
from streams.measures import ColumnMeasure, Point
from tests.conformance.engine_tables import FRAMES, SCHEMA, TABLES, Columns, Database, arrow, databases
from tools.postgres import Postgres

NAMES = ("sqlite", "duckdb", "postgresql")
ASKED: tuple[Expectation, ...] = (
    checks.not_null("id"),
    checks.not_null("id", "delay", "tail", "day", "late"),
    checks.unique("id"),
    checks.unique("id", "tail"),
    checks.unique("delay"),
    checks.unique("day", "late"),
    checks.accepted_values("tail", ["A", "B", "%s", "'"]),
    checks.accepted_values("id", [1, 2, -1]),
    checks.in_range("delay", least=-120.5),
    checks.in_range("delay", -10, 1_000),
    checks.in_range("id", most=3),
    checks.row_count(least=2, most=9),
    checks.relationship("tail", "shop/planes"),
    checks.relationship("id", "shop/planes", at="id"),
)
few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def stood(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Database]]:
    with Postgres() as server:
        found = databases(tmp_path_factory.mktemp("databases"), server.url)
        yield {one.name: one for one in found}


def told(outcome: CheckOutcome) -> tuple[Any, ...]:
    return (outcome.passed, outcome.n_tested, outcome.n_failed, outcome.metric, outcome.observed)


def right(one: Expectation, table: Columns, planes: Columns) -> tuple[int, int]:
    """How many rows are looked at, and how many aren't as expected: worked out row by row, without any engine."""
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    known = [row for row in rows if all(has_value(row[column]) for column in one.columns)]
    if one.kind == "not_null":
        return len(rows), len(rows) - len(known)
    if one.kind == "unique":
        return len(known), len(known) - len({tuple(row[column] for column in one.columns) for row in known})
    values = [row[one.columns[0]] for row in known]
    if one.kind == "in_range":
        low, high = one.said["least"], one.said["most"]
        good = [(low is None or value >= low) and (high is None or value <= high) for value in values]
    else:
        accepted = one.said["values"] if one.kind == "accepted_values" else planes[one.said["at"]]
        good = [value in [one for one in accepted if has_value(one)] for value in values]
    return len(values), good.count(False)


def has_value(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))


@few
@given(table=TABLES, planes=TABLES)
def test_frames_answer_as_the_rows_have_it(table: Columns, planes: Columns) -> None:
    for name, made in FRAMES.items():
        for one in ASKED:
            answer = evaluate(one, made(table), made(planes))
            if one.kind != "row_count":
                assert (name, answer.n_tested, answer.n_failed) == (name, *right(one, table, planes)), one


@pytest.mark.parametrize("database", NAMES)
@few
@given(table=TABLES, planes=TABLES)
def test_a_database_answers_as_a_frame_does(
    stood: dict[str, Database], database: str, table: Columns, planes: Columns
) -> None:
    with stood[database].holding(table, planes) as (stands, other):
        for one in ASKED:
            expected = told(evaluate(one, arrow(table), arrow(planes)))
            assert told(evaluate(one, stands, other)) == expected, one
            if one.reads:  # the other table is somewhere else
                assert told(evaluate(one, stands, arrow(planes))) == expected, one
                assert told(evaluate(one, arrow(table), other)) == expected, one


def close(one: ColumnMeasure) -> list[Any]:
    rounded = [None if number is None else pytest.approx(number, rel=1e-9, abs=1e-6) for number in one_numbers(one)]
    return [one.nulls, one.count, one.distinct, *rounded]


def one_numbers(one: ColumnMeasure) -> Sequence[float | None]:
    return one.sum, one.squares, one.least, one.most


@few
@given(table=TABLES)
def test_all_measure_the_same(stood: dict[str, Database], table: Columns) -> None:
    columns = ("id", "delay", "tail")
    with ExitStack() as held:
        made = {name: frame(table) for name, frame in FRAMES.items()}
        for name, database in stood.items():
            (made[name],) = held.enter_context(database.holding(table))
        with looking(arrow(table)) as engine:
            expected = engine.measured(columns, distinct=True)
        for name, value in made.items():
            with looking(value) as engine:
                found = engine.measured(columns, distinct=True)
            assert (name, found.rows) == (name, expected.rows)
            for column in columns:
                one, other = found.columns[column], expected.columns[column]
                assert [one.nulls, one.count, one.distinct, *one_numbers(one)] == close(other), (name, column)


@few
@given(table=TABLES)
def test_samples_show_rows_that_fail_and_nothing_that_is_not_asked_for(
    stood: dict[str, Database], table: Columns
) -> None:
    seen = Seen(shown=["id"], rows=100)
    with ExitStack() as held:
        made = {name: frame(table) for name, frame in FRAMES.items()}
        for name, database in stood.items():
            (made[name],) = held.enter_context(database.holding(table))
        for one in (checks.not_null("tail"), checks.in_range("id", least=0), checks.unique("id", "tail")):
            expected = evaluate(one, arrow(table), seen=seen).sample
            for name, value in made.items():
                sample = evaluate(one, value, seen=seen).sample
                assert (name, ids(sample)) == (name, ids(expected)), one
                assert {row["tail"] for row in sample} <= {None}


def nothing(rows: int) -> dict[str, list[Any]]:
    return {name: [None] * rows for name in SCHEMA.names}


def ids(sample: Any) -> list[str]:
    return sorted(str(row["id"]) for row in sample)


@pytest.mark.parametrize("where", [*FRAMES, *NAMES])
def test_a_column_of_times_is_as_fresh_everywhere(stood: dict[str, Database], where: str) -> None:
    table = nothing(2) | {"day": [date(2013, 1, 1), date(2013, 1, 2)]}
    at_ms = 1_357_171_200_000  # 2013-01-03
    with ExitStack() as held:
        value = FRAMES[where](table) if where in FRAMES else held.enter_context(stood[where].holding(table))[0]
        for within, passed in (("1d", True), ("23h", False)):
            answer = evaluate(checks.fresh("day", within=within), value, seen=Seen(at_ms=at_ms))
            assert (answer.passed, answer.metric) == (passed, 86_400.0)
    assert not evaluate(checks.fresh("day", within="1d"), arrow(nothing(0)), seen=Seen(at_ms=at_ms)).passed


@pytest.mark.parametrize("where", [*FRAMES, *NAMES])
def test_a_schema_is_told_from_another_everywhere(stood: dict[str, Database], where: str) -> None:
    table = nothing(1)
    narrow = {name: values for name, values in table.items() if name != "late"}
    with ExitStack() as held:
        if where in FRAMES:
            whole = FRAMES[where](table)
            less = FRAMES[where](table).drop("late") if where in {"polars", "lazy"} else None
        else:
            whole, less = held.enter_context(stood[where].holding(table, narrow))
        first = evaluate(checks.schema_unchanged(), whole)
        assert first.skipped
        assert first.measure is not None
        seen = Seen([Point(version="1", measure=first.measure)])
        assert evaluate(checks.schema_unchanged(), whole, seen=seen).passed
        if less is not None:
            answer = evaluate(checks.schema_unchanged(), less, seen=seen)
            assert (answer.passed, answer.observed) == (False, "late is gone")


@pytest.mark.parametrize("database", NAMES)
def test_a_hostile_name_or_value_is_only_ever_a_name_or_a_value(stood: dict[str, Database], database: str) -> None:
    hostile = "'; DROP TABLE planes; --"
    table = nothing(1) | {"tail": [hostile]}
    with stood[database].holding(table) as (stands,):
        assert evaluate(checks.accepted_values("tail", [hostile]), stands).passed
        assert evaluate(checks.row_count(1, 1), stands).passed
        assert evaluate(checks.row_count(1, 1), ef.Table(stands.connect, stands.name)).passed
