"""Whether a version's numbers are out of line with those before: a z-score over what was learned.

The numbers are read on scales where their usual ups and downs are about even: shares of nulls as log-odds, counts as
logarithms, means as they are. A deviation is compared with how much the number varied from version to version, and
with what chance alone does to a number of so many rows, whichever is more: so a column without any null so far has a
scale too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt
from statistics import fmean, median, stdev
from typing import Literal, NamedTuple

from reactors.sketches import estimate, merged
from streams.measures import ColumnMeasure, Measure, Point

Metric = Literal["rows", "nulls", "mean", "distinct"]
METRICS: tuple[Metric, ...] = ("rows", "nulls", "mean", "distinct")

LEARNED_LEAST = 14
"""points below which nothing is judged"""

LASTING = 7
"""points that lean to one side, none of them far enough to be an anomaly alone, before they may be one together"""

_MAD = 1.4826
"""the median absolute deviation times this is a normal distribution's standard deviation"""


@dataclass(frozen=True, slots=True)
class Rule:
    """How anomalies are told: which numbers, and how far out of line they may be."""

    metrics: tuple[Metric, ...] = ("rows", "nulls")
    z: float = 3.0
    least: int = LEARNED_LEAST
    season: int = 0  # points after which the usual comes again, like 7 for days of the week; 0: there is none
    robust: bool = False  # median and median deviation instead of mean and standard deviation


class Reading(NamedTuple):
    """One number of a version: as people read it, on the scale that is judged, and chance's share in that."""

    shown: float
    scaled: float
    error: float


_ZERO = Reading(0.0, 0.0, 0.0)


class Finding(NamedTuple):
    """The number that is most out of line, and by how much."""

    name: str
    z: float
    shown: float
    usual: float  # as people read it
    learned: int  # points it was compared with
    together: float = (
        0.0  # of a share of nulls: how far out of line it and the points before it are, all above the usual
    )

    def is_anomaly(self, rule: Rule) -> bool:
        """It is too far out of line, by itself or together with those before."""
        return self.weight(rule) > 1

    def weight(self, rule: Rule) -> float:
        """How far, as a share of what is allowed. Together it is one more: storms come in rows too."""
        return max(abs(self.z) / rule.z, self.together / (rule.z + 1))


def readings(measure: Measure, metrics: Sequence[Metric]) -> dict[str, Reading]:
    """The numbers of a version, by name: `rows`, and `nulls(column)` and so on. What can't be told is left out.

    >>> readings(Measure(rows=100), ("rows",))
    {'rows': Reading(shown=100, scaled=4.61512051684126, error=0.1)}
    """
    found: dict[str, Reading] = {}
    if "rows" in metrics:
        found["rows"] = _counted(measure.rows)
    for name, column in measure.columns.items():
        if "nulls" in metrics and measure.rows:
            found[f"nulls({name})"] = _share(column.nulls, measure.rows)
        if "mean" in metrics and column.sum is not None and column.count:
            found[f"mean({name})"] = _mean(column)
        if "distinct" in metrics and column.distinct is not None:
            found[f"distinct({name})"] = _counted(column.distinct)
    return found


def judge(rule: Rule, points: Sequence[Point], measure: Measure) -> Finding | None:
    """The number that is most out of line with `points`, oldest first; None while too little is learned.

    It is an anomaly where its |z| is more than the rule's, or where a share of nulls has been above the usual for so
    long that it can't be chance. Fewer nulls than usual are none; what grows, like rows, isn't judged by how long.
    """
    past = [(readings(point.measure, rule.metrics), point.usual) for point in points]
    found: Finding | None = None
    for name, reading in readings(measure, rule.metrics).items():
        of_it = [(told.get(name), usual) for told, usual in past]
        one = _compared(rule, name, of_it, reading)
        if one is not None and name.startswith("nulls("):
            one = one._replace(together=_together(rule, name, of_it, one.z))
        if one is not None and (found is None or one.weight(rule) > found.weight(rule)):
            found = one
    return found


def _together(rule: Rule, name: str, past: Sequence[tuple[Reading | None, bool]], z: float) -> float:
    """How far out of line the last points are together, each as it was judged then; 0 where one wasn't above."""
    found = [z]
    for place in range(len(past) - 1, len(past) - LASTING, -1):
        told = past[place][0] if place >= 0 else None
        one = _compared(rule, name, past[:place], told) if told is not None and found[-1] > 0 else None
        if one is None:
            return 0.0
        found.append(one.z)
    return sum(min(one, rule.z) for one in found) / sqrt(LASTING) if found[-1] > 0 else 0.0


def merge(one: Measure, other: Measure) -> Measure:
    """The measure of the rows of both."""
    names = dict.fromkeys((*one.columns, *other.columns))
    empty = {True: ColumnMeasure(nulls=one.rows), False: ColumnMeasure(nulls=other.rows)}
    columns = {
        name: _merged(one.columns.get(name, empty[True]), other.columns.get(name, empty[False])) for name in names
    }
    return Measure(rows=one.rows + other.rows, columns=columns, types=other.types or one.types)


def _merged(one: ColumnMeasure, other: ColumnMeasure) -> ColumnMeasure:
    sketch = merged(one.sketch, other.sketch) if one.sketch and other.sketch else one.sketch or other.sketch
    lows = [low for low in (one.least, other.least) if low is not None]
    highs = [high for high in (one.most, other.most) if high is not None]
    return ColumnMeasure(
        nulls=one.nulls + other.nulls,
        count=one.count + other.count,
        sum=_sum(one.sum, other.sum),
        squares=_sum(one.squares, other.squares),
        least=min(lows, default=None),
        most=max(highs, default=None),
        distinct=estimate(sketch) if sketch else None,
        sketch=sketch,
    )


def _sum(one: float | None, other: float | None) -> float | None:
    return one if other is None else other if one is None else one + other


def _compared(rule: Rule, name: str, past: Sequence[tuple[Reading | None, bool]], now: Reading) -> Finding | None:
    values, unusual = _known(past, rule.season)
    before = _a_season_before(past, len(past), rule.season)
    if len(values) < rule.least or before is None:
        return None
    centre, spread = _normal(rule, values)
    if unusual:  # at the edge of what is usual: left out, each wild week would make the next one look wilder
        reach = rule.z * spread
        centre, spread = _normal(rule, [*values, *(max(centre - reach, min(centre + reach, one)) for one in unusual)])
    by_chance = now.error * (sqrt(2) if rule.season else 1)
    z = (now.scaled - before.scaled - centre) / max(spread, by_chance, 1e-12)
    if name.startswith("nulls(") and z < 0:
        z = 0.0
    usual = before.shown if rule.season else median(told.shown for told, is_usual in past if told and is_usual)
    return Finding(name, z, now.shown, usual, len(values))


def _known(past: Sequence[tuple[Reading | None, bool]], season: int) -> tuple[list[float], list[float]]:
    """What is learned, usual and not: the values, or how each differs from the usual one a season before.

    What goes on being unusual, twice in a row and until now, teaches nothing before it is over: by what it taught it
    would seem to be over by itself.
    """
    found: tuple[list[float], list[float]] = ([], [])
    over = 1 + max((place for place, (_, is_usual) in enumerate(past) if is_usual), default=-1)
    for place, (told, is_usual) in enumerate(past[:over] if len(past) - over > 1 else past):
        before = _a_season_before(past, place, season)
        if told is not None and before is not None:
            found[0 if is_usual else 1].append(told.scaled - before.scaled)
    return found


def _a_season_before(past: Sequence[tuple[Reading | None, bool]], place: int, season: int) -> Reading | None:
    """The newest usual reading a season before, or two, or more; without seasons, zero."""
    if not season:
        return _ZERO
    for one in range(place - season, -1, -season):
        told, is_usual = past[one]
        if told is not None and is_usual:
            return told
    return None


def _normal(rule: Rule, values: Sequence[float]) -> tuple[float, float]:
    if rule.robust:
        centre = median(values)
        return centre, _MAD * median(abs(one - centre) for one in values)
    return fmean(values), stdev(values)


def _share(part: int, whole: int) -> Reading:
    """A share as log-odds, half a row added to both sides: none at all is a number too."""
    inside, outside = part + 0.5, whole - part + 0.5
    return Reading(part / whole, log(inside / outside), sqrt(1 / inside + 1 / outside))


def _counted(number: int) -> Reading:
    return Reading(number, log(number + 1), 1 / sqrt(max(number, 1)))


def _mean(column: ColumnMeasure) -> Reading:
    total, squares = column.sum or 0.0, column.squares or 0.0
    mean = total / column.count
    variance = max(0.0, squares / column.count - mean * mean)
    return Reading(mean, mean, sqrt(variance / column.count))


def rule_of(said: Mapping[str, object]) -> Rule:
    """The rule that an expectation says."""
    return Rule(**{name: said[name] for name in Rule.__slots__ if name in said})  # type: ignore[arg-type]
