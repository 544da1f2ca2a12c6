"""Measures merge, and what is out of line with them is an anomaly: the same for the same, whatever the order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactors.anomalies import Rule, judge, merge, readings
from reactors.sketches import estimate, merged, sketch_of
from streams.measures import ColumnMeasure, Measure, Point

_VALUES = st.lists(st.none() | st.integers(-100, 100), max_size=30)


def measure(values: list[int | None], sketched: bool = True) -> Measure:
    known = [float(one) for one in values if one is not None]
    column = ColumnMeasure(
        nulls=len(values) - len(known),
        count=len(known),
        sum=sum(known) if known else None,
        squares=sum(one * one for one in known) if known else None,
        least=min(known, default=None),
        most=max(known, default=None),
        distinct=len(set(known)),
        sketch=sketch_of(map(str, known)) if sketched else None,
    )
    return Measure(rows=len(values), columns={"x": column})


@given(_VALUES, _VALUES)
def test_the_measures_of_two_parts_merge_into_that_of_the_whole(one: list[int | None], other: list[int | None]) -> None:
    found, whole = merge(measure(one), measure(other)), measure(one + other)
    exact = {"distinct"}
    assert found.rows == whole.rows
    assert found.columns["x"].model_dump(exclude=exact) == whole.columns["x"].model_dump(exclude=exact)


@given(_VALUES, _VALUES, _VALUES)
def test_in_which_order_they_merge_does_not_matter(
    one: list[int | None], other: list[int | None], last: list[int | None]
) -> None:
    left = merge(merge(measure(one), measure(other)), measure(last))
    right = merge(measure(other), merge(measure(last), measure(one)))
    assert left == right


@given(st.integers(1, 5_000))
def test_a_sketch_knows_the_number_of_values_to_a_fifth(count: int) -> None:
    assert estimate(sketch_of(map(str, range(count)))) == pytest.approx(count, rel=0.25)


@given(st.lists(st.text(max_size=3)), st.lists(st.text(max_size=3)))
def test_sketches_merge_into_that_of_all_values(one: list[str], other: list[str]) -> None:
    assert merged(sketch_of(one), sketch_of(other)) == sketch_of([*other, *one, *other])


def points(*nulls: int, rows: int = 1_000) -> list[Point]:
    return [Point(version=str(one), measure=of(number, rows)) for one, number in enumerate(nulls)]


def of(nulls: int, rows: int = 1_000) -> Measure:
    return Measure(rows=rows, columns={"x": ColumnMeasure(nulls=nulls, count=rows - nulls)})


def test_nothing_is_judged_before_enough_is_learned() -> None:
    assert judge(Rule(), points(*[0] * 13), of(900)) is None
    found = judge(Rule(), points(*[0] * 14), of(900))
    assert found is not None
    assert (found.name, found.learned, found.z > 3) == ("nulls(x)", 14, True)


def test_what_chance_does_to_so_many_rows_is_no_anomaly() -> None:
    assert abs(judge(Rule(), points(*[0] * 14, rows=50), of(1, rows=50)).z) < 3  # type: ignore[union-attr]
    assert judge(Rule(), points(*[0] * 14), of(20)).z > 3  # type: ignore[union-attr]


def test_fewer_nulls_than_usual_are_no_anomaly() -> None:
    assert judge(Rule(metrics=("nulls",)), points(*[500] * 14), of(0)).z == 0  # type: ignore[union-attr]


def test_fewer_rows_than_usual_are_one() -> None:
    found = judge(Rule(metrics=("rows",)), points(*[0] * 14), of(0, rows=300))
    assert found is not None
    assert found.z < -3


def test_a_storm_hides_no_storm_after_it() -> None:
    calm = points(*[10, 12] * 10)
    storm = [point.model_copy(update={"usual": False, "measure": of(900)}) for point in calm[:3]]
    found = judge(Rule(metrics=("nulls",)), [*calm, *storm], of(800))
    assert found is not None
    assert found.z > 3


def test_what_is_a_little_out_of_line_for_a_week_is_an_anomaly_and_for_a_day_it_is_none() -> None:
    calm, rule = [10, 30, 15, 25, 12, 28, 18] * 3, Rule(metrics=("nulls",))
    week = points(*calm, *[50] * 6)
    for point, passed in ((week[:-5], True), (week, False)):
        found = judge(rule, point, of(50))
        assert found is not None
        assert found.z < 3
        assert found.is_anomaly(rule) is not passed


def test_what_grows_steadily_is_none() -> None:
    growing = [Point(version=str(one), measure=of(0, 1_000 + 20 * one)) for one in range(28)]
    found = judge(Rule(metrics=("rows",)), growing, of(0, 1_560))
    assert found is not None
    assert not found.is_anomaly(Rule())


def test_with_a_season_each_is_compared_with_the_one_before_it() -> None:
    week = [1_000, 1_000, 1_000, 1_000, 1_000, 400, 600]
    past = [Point(version=str(day), measure=of(0, week[day % 7] + day % 5)) for day in range(35)]
    on_saturday = [*past, *past[:5]]
    plain, weekly = Rule(metrics=("rows",)), Rule(metrics=("rows",), season=7)
    assert abs(judge(weekly, on_saturday, of(0, 402)).z) < 3  # type: ignore[union-attr]
    assert abs(judge(weekly, on_saturday, of(0, 1_000)).z) > 3  # type: ignore[union-attr]
    assert abs(judge(plain, on_saturday, of(0, 1_000)).z) < 3  # type: ignore[union-attr]


@given(st.lists(st.integers(0, 1_000), min_size=14, max_size=40), st.integers(0, 1_000), st.booleans())
def test_the_same_answer_each_time_and_always_a_number(nulls: list[int], now: int, robust: bool) -> None:
    rule = Rule(robust=robust)
    found = judge(rule, points(*nulls), of(now))
    assert found == judge(rule, points(*nulls), of(now))
    assert found is not None
    assert found.z == found.z


def test_a_table_without_rows_has_no_share_of_nulls() -> None:
    assert list(readings(of(0, rows=0), ("rows", "nulls", "mean", "distinct"))) == ["rows"]
