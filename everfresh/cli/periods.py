"""Days, weeks and months, as `costs --period` says them: pure."""

import re
from collections.abc import Callable
from datetime import date

from everfresh.cli.command import UsedWrongly

_YEAR_MONTH_DAY = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
_WEEK = re.compile(r"[0-9]{4}-W[0-9]{2}")
_FIRST_DAY = "-01-01"

LENGTHS = {"day": 10, "month": 7, "year": 4}
"""characters of a day that name the period it is in"""


def period_of(said: str) -> Callable[[str], str | None]:
    """From a day to the period it counts in; None where it isn't meant. Raises UsedWrongly.

    >>> period_of("month")("2026-11-30"), period_of("week")("2026-11-30")
    ('2026-11', '2026-W49')
    >>> period_of("2026-11")("2026-11-30"), period_of("2026-11")("2026-12-01")
    ('2026-11', None)
    """
    if said in LENGTHS:
        return lambda day: day[: LENGTHS[said]]
    if said == "week":
        return _week_of
    if _WEEK.fullmatch(said) and _is_there(lambda: date.fromisoformat(f"{said}-1")):
        return lambda day: said if _week_of(day) == said else None
    whole = said + _FIRST_DAY[len(said) - 4 :]
    if _YEAR_MONTH_DAY.fullmatch(said) and _is_there(lambda: date.fromisoformat(whole)):
        return lambda day: said if day.startswith(said) else None
    raise UsedWrongly(f"--period is day, week, month, year, or one of them like 2026-11 or 2026-W48, not {said!r}")


def _week_of(day: str) -> str:
    year, week, _ = date.fromisoformat(day).isocalendar()
    return f"{year}-W{week:02}"


def _is_there(read: Callable[[], date]) -> bool:
    try:
        read()
    except ValueError:
        return False
    return True
