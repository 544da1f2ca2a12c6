"""Instants as a wall clock in a time zone shows them: the ticks of a cron expression, hours of the day.

Zones come from the pinned package tzdata, not from the machine: every replica sees the same clocks. Daylight saving is
cronsim's, as Debian's cron has it: a minute that is skipped ticks right after, a fixed one that comes twice ticks once.
"""

from bisect import bisect_left
from collections.abc import Callable
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from io import BytesIO
from itertools import islice, pairwise
from pkgutil import get_data
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

DAY_MINUTES = 1_440
_GAPS_LOOKED_AT = 400
_SOME_INSTANT_MS = 1_767_225_600_000  # 2026-01-01: gaps are looked for from there on


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """A time zone by its IANA name. Raises ValueError, with what may be meant."""
    if name not in _names():
        close = get_close_matches(name, _names(), n=1)
        raise ValueError(f"{name!r} is no time zone{f'; did you mean {close[0]!r}?' if close else ''}")
    return ZoneInfo.from_file(BytesIO(get_data("tzdata", f"zoneinfo/{name}") or b""), key=name)


@lru_cache(maxsize=1)
def _names() -> tuple[str, ...]:
    return tuple((get_data("tzdata", "zones") or b"").decode().split())


def reached(local: datetime, tz: str) -> int:
    """The first instant, in ms, at which a zone's clock shows this time (naive) or a later one.

    >>> shown(reached(datetime(2013, 3, 10, 2, 30), "America/New_York"), "America/New_York").hour  # 02:30 is skipped
    3

    Raises ValueError or OverflowError for a year that no calendar here has.
    """
    first, other = (round(local.replace(tzinfo=zone(tz), fold=fold).timestamp()) * 1_000 for fold in (0, 1))
    if other < first:  # never shown: PEP 495 has it before the skip by the later clock, and after it by the earlier
        return earliest(other, first, lambda at: shown(at, tz).replace(tzinfo=None) >= local)
    return first


def earliest(first_ms: int, end_ms: int, holds: Callable[[int], bool]) -> int:
    """The first whole second in [first, end) from which on something holds, in ms; the end where there is none."""
    seconds = range(first_ms // 1_000, end_ms // 1_000)
    return (seconds.start + bisect_left(seconds, True, key=lambda at: holds(at * 1_000))) * 1_000


def shown(at_ms: int, tz: str) -> datetime:
    """What a zone's clock shows at an instant, to the second."""
    return datetime.fromtimestamp(at_ms // 1_000, zone(tz))


@lru_cache(maxsize=8_192)
def next_tick(expression: str, tz: str, after_ms: int) -> int:
    """The first tick after an instant, in ms.

    >>> next_tick("0 6 * * *", "UTC", 1_767_225_600_000) - 1_767_225_600_000
    21600000

    Raises ValueError for what is no expression, or has no tick in the next fifty years.
    """
    after = shown(after_ms, tz)
    try:
        return round(next(CronSim(expression, after)).timestamp() * 1_000)
    except CronSimError as error:
        raise ValueError(f"{expression!r} is no cron expression: {_lowered(str(error))}") from None
    except StopIteration:
        raise ValueError(f"the cron expression {expression!r} never ticks") from None


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


@lru_cache(maxsize=1_024)
def shortest_gap(expression: str, tz: str) -> int:
    """The shortest time between two ticks, in ms, among some hundreds of them."""
    ticks = [next_tick(expression, tz, _SOME_INSTANT_MS)]
    following = CronSim(expression, shown(ticks[0], tz))
    ticks += [round(one.timestamp() * 1_000) for one in islice(following, _GAPS_LOOKED_AT)]
    return min((later - earlier for earlier, later in pairwise(ticks)), default=0)


def minute_of_day(text: str) -> int:
    """`08:30` as minutes after midnight; `24:00` is the day's end. Raises ValueError.

    >>> minute_of_day("08:30")
    510
    """
    hours, colon, minutes = text.partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2):
        raise ValueError(f"{text!r} is no time of day; write it like '08:30'")
    found = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or found > DAY_MINUTES:
        raise ValueError(f"{text!r} is no time of day; write it like '08:30'")
    return found


def opens_at(first: int, end: int, tz: str, at_ms: int) -> int:
    """The earliest instant from `at_ms` on at which the clock stands in [first, end), minutes of the day.

    `end` before `first` is the next day's.
    """
    local = shown(at_ms, tz)
    minute = local.hour * 60 + local.minute
    is_open = first <= minute < end if first < end else minute >= first or minute < end
    if is_open:
        return at_ms
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0, tzinfo=None)
    for day in range(3):
        found = reached(midnight + timedelta(days=day, minutes=first), tz)
        if found > at_ms:
            return found
    return at_ms
