"""Time windows by name: hours, days, weeks, months, quarters and years as a wall clock in a time zone has them.

A day is `2013-01-31`, a week its Monday, a month `2013-01`, a quarter `2013-Q1`, a year `2013`, an hour
`2013-01-31T05`. A window begins when the clock first shows its begin, or skips it, and ends where the next one begins:
a clock that is set back across midnight doesn't bring back the day before. An hour in which the clock is set back is
two windows; the second, from there on, is `2013-11-03T01.2`.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal

from streams.wallclock import earliest, reached, shown

Unit = Literal["hour", "day", "week", "month", "quarter", "year"]

_SHAPES: dict[Unit, str] = {
    "hour": "%Y-%m-%dT%H",
    "day": "%Y-%m-%d",
    "week": "%Y-%m-%d",
    "month": "%Y-%m",
    "quarter": "%Y-Q%m",  # of its first month, until that is told as a quarter
    "year": "%Y",
}
_EXAMPLES: dict[Unit, str] = {
    "hour": "2013-01-31T05",
    "day": "2013-01-31",
    "week": "2013-01-28",
    "month": "2013-01",
    "quarter": "2013-Q1",
    "year": "2013",
}
_MONTHS: dict[Unit, int] = {"month": 1, "quarter": 3, "year": 12}
_STEPS: dict[Unit, timedelta] = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}

_MOST: dict[Unit, dict[Unit, int]] = {
    "day": {"hour": 25},
    "week": {"hour": 169, "day": 7},
    "month": {"hour": 745, "day": 31, "week": 6},
    "quarter": {"hour": 2_209, "day": 92, "week": 15, "month": 3},
    "year": {"hour": 8_784, "day": 366, "week": 54, "month": 12, "quarter": 4},
}
_ELSEWHERE = 2
"""windows more that it may overlap where clocks are of two zones: one, and one where a zone crossed the date line"""

_AGAIN = ".2"
_HOUR_MS = 3_600_000


@lru_cache(maxsize=65_536)
def bounds(unit: Unit, tz: str, name: str) -> tuple[int, int]:
    """A window's first instant and the first after it, in ms.

    >>> bounds("day", "America/New_York", "2013-03-10")[1] - bounds("day", "America/New_York", "2013-03-10")[0]
    82800000

    Raises ValueError for what is no such window.
    """
    try:
        said = name.removesuffix(_AGAIN) if unit == "hour" else name
        written = _as_month(said) if unit == "quarter" else said
        begin = datetime.strptime(f"{written} +0000", f"{_SHAPES[unit]} %z").replace(tzinfo=None)
        first, end = reached(begin, tz), reached(_next(unit, begin), tz)
        if unit == "hour" and end - first > _HOUR_MS:
            turn = earliest(first, end, lambda at: _was_set_back(tz, begin, first, at))
            first, end = (first, turn) if name == said else (turn, end)
    except (ValueError, OverflowError):  # no such text, or a year that no calendar here has
        first, end = 0, -1
    if end < 0 or window_at(unit, tz, first) != name:
        raise ValueError(f"{name!r} is no {unit} of {tz}; it is written like {_EXAMPLES[unit]!r}")
    return first, end


def window_at(unit: Unit, tz: str, at_ms: int) -> str:
    """The window that an instant (ms) lies in.

    >>> window_at("week", "UTC", 1_767_225_600_000)
    '2025-12-29'
    """
    local = shown(at_ms, tz)
    begin = _begin(unit, local.replace(tzinfo=None, fold=0))
    while local.fold and reached(_next(unit, begin), tz) <= at_ms:  # set back into a window that had ended
        begin = _next(unit, begin)
    if unit == "quarter":
        return f"{begin.year:04}-Q{(begin.month + 2) // 3}"
    again = _AGAIN if unit == "hour" and _was_set_back(tz, begin, reached(begin, tz), at_ms) else ""
    return f"{begin.year:04}{begin.strftime(_SHAPES[unit].removeprefix('%Y'))}{again}"


def following(unit: Unit, tz: str, name: str) -> str:
    """The next window."""
    return window_at(unit, tz, bounds(unit, tz, name)[1])


def preceding(unit: Unit, tz: str, name: str) -> str:
    """The window before."""
    return window_at(unit, tz, bounds(unit, tz, name)[0] - 1)


def between(unit: Unit, tz: str, first_ms: int, end_ms: int) -> Iterator[str]:
    """The windows that have an instant in [first, end), oldest first."""
    while first_ms < end_ms:
        name = window_at(unit, tz, first_ms)
        yield name
        first_ms = bounds(unit, tz, name)[1]


def most(coarse: Unit, fine: Unit) -> int:
    """How many windows of a unit one of another overlaps at most, whatever their zones.

    >>> most("month", "day"), most("day", "month")
    (33, 3)
    """
    return _MOST.get(coarse, {}).get(fine, 1) + _ELSEWHERE


def _as_month(quarter: str) -> str:
    """A quarter as its shape has it: `2013-Q3` by its first month, `2013-Q07`. Raises ValueError."""
    year, separator, number = quarter.partition("-Q")
    return f"{year}{separator}{3 * int(number) - 2:02}"


def _begin(unit: Unit, local: datetime) -> datetime:
    """What a clock shows where the window of a time begins, as a rule."""
    begin = local.replace(minute=0, second=0, microsecond=0)
    if unit == "hour":
        return begin
    begin = begin.replace(hour=0)
    if unit in _MONTHS:
        return begin.replace(month=begin.month - (begin.month - 1) % _MONTHS[unit], day=1)
    return begin - timedelta(days=begin.weekday() if unit == "week" else 0)


def _next(unit: Unit, begin: datetime) -> datetime:
    if unit in _MONTHS:
        return (begin + timedelta(days=31 * _MONTHS[unit])).replace(day=1)
    return begin + _STEPS[unit]


def _was_set_back(tz: str, begin: datetime, first: int, at_ms: int) -> bool:
    """Whether the clock was set back since it showed `begin`, at `first`: it shows less than what has passed."""
    return shown(at_ms, tz).replace(tzinfo=None) - begin < timedelta(seconds=(at_ms - first) // 1_000)
