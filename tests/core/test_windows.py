"""Time windows by name: each instant lies in one, and they follow one another without a gap, wherever clocks are."""

from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.wallclock import zone
from streams.windows import Unit, between, bounds, following, most, preceding, window_at

UNITS = st.sampled_from(get_args(Unit))
ZONES = st.sampled_from(
    [
        "UTC",
        "America/New_York",
        "America/St_Johns",  # at one minute past midnight, from 1987 to 2011
        "Antarctica/Troll",  # by two hours
        "Asia/Kathmandu",  # a quarter of an hour skipped, once
        "Australia/Lord_Howe",  # by half an hour
        "Pacific/Apia",  # a whole day skipped, once
    ]
)
INSTANTS = st.integers(100_000_000_000, 4_000_000_000_000)  # from 1973 on
DAY_MS = 86_400_000


@given(unit=UNITS, tz=ZONES, at=INSTANTS)
def test_each_instant_lies_in_a_window_that_ends_where_the_next_begins(unit: Unit, tz: str, at: int) -> None:
    name = window_at(unit, tz, at)
    first, end = bounds(unit, tz, name)
    assert first <= at < end
    assert bounds(unit, tz, following(unit, tz, name))[0] == end
    assert following(unit, tz, preceding(unit, tz, name)) == name
    assert preceding(unit, tz, name) < name < following(unit, tz, name)  # text sorts as time does


@given(tz=ZONES, at=INSTANTS)
def test_quarters_and_years_are_those_of_their_months(tz: str, at: int) -> None:
    local = datetime.fromtimestamp(at / 1_000, zone(tz))
    assert window_at("quarter", tz, at) == f"{local.year}-Q{1 + (local.month - 1) // 3}"
    assert window_at("year", tz, at) == str(local.year)
    months = list(between("month", tz, *bounds("quarter", tz, window_at("quarter", tz, at))))
    assert [int(month[5:]) % 3 for month in months] == [1, 2, 0]
    year = window_at("year", tz, at)
    assert list(between("quarter", tz, *bounds("year", tz, year))) == [f"{year}-Q{quarter}" for quarter in range(1, 5)]


CHANGES = [
    ("Australia/Lord_Howe", "1986-03-16T00", [("00", 60), ("01", 60), ("01.2", 30), ("02", 60)]),
    ("Australia/Lord_Howe", "1986-10-19T00", [("00", 60), ("01", 60), ("02", 30), ("03", 60)]),
    ("America/New_York", "2013-11-03T00", [("00", 60), ("01", 60), ("01.2", 60), ("02", 60)]),
    ("America/New_York", "2013-03-10T00", [("00", 60), ("01", 60), ("03", 60), ("04", 60)]),
    ("America/St_Johns", "2006-10-28T23", [("23", 60), ("00", 1), ("00.2", 119), ("01", 60)]),
    ("America/St_Johns", "2006-04-01T23", [("23", 60), ("00", 1), ("01", 59), ("02", 60)]),
    ("Antarctica/Troll", "2025-10-26T01", [("01", 60), ("02", 60), ("02.2", 120), ("03", 60)]),
    ("Asia/Kathmandu", "1985-12-31T23", [("23", 60), ("00", 45), ("01", 60)]),
]


@pytest.mark.parametrize(("tz", "name", "expected"), CHANGES)
def test_hours_are_as_long_as_a_clock_that_is_set_shows_them(
    tz: str, name: str, expected: list[tuple[str, int]]
) -> None:
    found = []
    for _ in expected:
        first, end = bounds("hour", tz, name)
        found.append((name[11:], (end - first) // 60_000))
        name = following("hour", tz, name)
    assert found == expected


@pytest.mark.parametrize("name", ["1986-03-16T02.2", "1986-03-17T01.2", "1986-03-16T01.3", "1986-3-16T01"])
def test_an_hour_comes_twice_only_where_the_clock_is_set_back(name: str) -> None:
    with pytest.raises(ValueError, match="is no hour of Australia/Lord_Howe"):
        bounds("hour", "Australia/Lord_Howe", name)


def test_a_clock_set_back_across_midnight_does_not_bring_back_the_day_before() -> None:
    again = int(datetime(2006, 10, 29, 2, 45, tzinfo=UTC).timestamp()) * 1_000  # 23:15 on the 28th, for the second time
    assert datetime.fromtimestamp(again / 1_000, zone("America/St_Johns")).strftime("%dT%H:%M") == "28T23:15"
    assert window_at("day", "America/St_Johns", again) == "2006-10-29"
    first, end = bounds("day", "America/St_Johns", "2006-10-29")
    assert first <= again < end == first + 25 * 3_600_000


def test_a_year_begins_with_its_zones_clocks() -> None:
    first, end = bounds("year", "America/New_York", "2012")
    assert datetime.fromtimestamp(first / 1_000, UTC) == datetime(2012, 1, 1, 5, tzinfo=UTC)
    assert end - first == 366 * DAY_MS
    first, end = bounds("quarter", "Europe/Berlin", "2013-Q1")  # clocks are set forward on its last day
    assert end - first == 90 * DAY_MS - 3_600_000


@settings(deadline=None)
@given(units=st.tuples(UNITS, UNITS), zones=st.tuples(ZONES, ZONES), at=INSTANTS)
def test_a_window_overlaps_no_more_than_is_told(units: tuple[Unit, Unit], zones: tuple[str, str], at: int) -> None:
    reader, read = units
    span = bounds(reader, zones[0], window_at(reader, zones[0], at))
    assert len(list(between(read, zones[1], *span))) <= most(reader, read)


@pytest.mark.parametrize(
    ("unit", "name"),
    [("quarter", "2013-Q0"), ("quarter", "2013-Q5"), ("quarter", "2013-Q01"), ("quarter", "2013-01"), ("year", "13")],
)
def test_what_is_no_window_is_refused_with_one_that_is(unit: Unit, name: str) -> None:
    example = {"quarter": "2013-Q1", "year": "2013"}[unit]
    with pytest.raises(ValueError, match=f"'{name}' is no {unit} of UTC; it is written like '{example}'"):
        bounds(unit, "UTC", name)
