"""Time windows by name: each instant lies in one, and they follow one another without a gap, wherever clocks are."""

from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.wallclock import zone
from streams.windows import Unit, between, bounds, following, most, preceding, window_at

UNITS = st.sampled_from(get_args(Unit))
ZONES = st.sampled_from(["UTC", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"])
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
