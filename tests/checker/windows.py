"""Hours, days, weeks and months as the clocks of a zone have them: by name, with their first instant and their end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

HOUR_MS = 3_600_000


@lru_cache(maxsize=100_000)
def start(unit: str, tz: str, name: str) -> int | None:
    """The first instant of a window, in ms; None where there is no such one."""
    said, second = name.removesuffix(".2"), name.endswith(".2")
    day, _, hour = said.partition("T")
    try:
        local = datetime.fromisoformat(f"{day}-01" if unit == "month" else day)
        local = local.replace(hour=int(hour)) if hour else local
    except ValueError:
        return None
    at = round(local.replace(tzinfo=ZoneInfo(tz), fold=int(second)).timestamp() * 1_000)
    return at if name_at(unit, tz, at) == name else None


def name_at(unit: str, tz: str, at: int) -> str:
    """The window that an instant lies in."""
    local = datetime.fromtimestamp(at // 1_000, UTC).astimezone(ZoneInfo(tz))
    if unit == "hour":
        return f"{local:%Y-%m-%dT%H}" + (".2" if local.fold else "")
    if unit == "month":
        return f"{local:%Y-%m}"
    day = local.date()
    return str(day - timedelta(days=day.weekday()) if unit == "week" else day)


@lru_cache(maxsize=100_000)
def end(unit: str, tz: str, name: str) -> int:
    """The first instant after a window. It begins within the days after the last one's begin, whatever clocks do."""
    first = start(unit, tz, name) or 0
    if unit == "hour":
        return first + HOUR_MS
    days = {"day": 1, "week": 7, "month": 32}[unit]
    return start(unit, tz, name_at(unit, tz, first + (24 * days + 2) * HOUR_MS)) or 0


def following(unit: str, tz: str, name: str, count: int = 1) -> str:
    """The window so many after it."""
    for _ in range(count):
        name = name_at(unit, tz, end(unit, tz, name))
    return name


def preceding(unit: str, tz: str, name: str) -> str:
    """The window before it."""
    return name_at(unit, tz, (start(unit, tz, name) or 0) - 1)


def over(unit: str, tz: str, first: int, last: int) -> Iterator[str]:
    """The windows that share an instant with [first, last), in order."""
    while first < last:
        name = name_at(unit, tz, first)
        yield name
        first = end(unit, tz, name)
