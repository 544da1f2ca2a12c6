"""Metrics as data: what a scrape shows, before anybody writes it in Prometheus's words."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

OTHER = "other"
"""the label of whatever is beyond a limit"""


class Spread(NamedTuple):
    """A histogram's state: upper bound → how many were at most that; and the sum of all."""

    buckets: tuple[tuple[str, float], ...]
    total: float


class Family(NamedTuple):
    """All series of one metric. Each row is the labels' values and the value, a Spread for a histogram."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    about: str
    labels: tuple[str, ...]
    rows: Sequence[tuple[tuple[str, ...], float | Spread]]


class Counters:
    """One counter with labels. Beyond `series_max` sets of labels, new ones go into a set whose labels are `other`."""

    def __init__(self, name: str, about: str, labels: tuple[str, ...], series_max: int) -> None:
        self.name, self.about, self.labels = name, about, labels
        self.folded = 0  # how often something went into `other`
        self._series_max = series_max
        self._values: dict[tuple[str, ...], float] = {}

    def start(self, series: Iterable[tuple[str, ...]]) -> None:
        """Show these from the start, at 0: a series that appears with its first event hides that event from rate()."""
        self._values.update(dict.fromkeys(series, 0.0))

    def add(self, values: tuple[str, ...], amount: float = 1.0) -> None:
        """Count; a counter never goes back, so a negative amount is an error."""
        if amount < 0:
            raise ValueError(f"{self.name} counts up, not by {amount}")
        if values not in self._values and len(self._values) >= self._series_max:
            self.folded += 1
            values = (OTHER,) * len(self.labels)
        self._values[values] = self._values.get(values, 0.0) + amount

    def family(self) -> Family:
        """The metric now."""
        return Family(self.name, "counter", self.about, self.labels, list(self._values.items()))


class Histogram:
    """One histogram with labels, bounded like Counters. `bounds` are upper ones, ascending, in base units."""

    def __init__(
        self, name: str, about: str, labels: tuple[str, ...], bounds: Sequence[float], series_max: int
    ) -> None:
        self.name, self.about, self.labels = name, about, labels
        self.folded = 0
        self._bounds = tuple(map(float, bounds))
        self._series_max = series_max
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._totals: dict[tuple[str, ...], float] = {}

    def observe(self, values: tuple[str, ...], value: float) -> None:
        """Count one value."""
        if values not in self._counts and len(self._counts) >= self._series_max:
            self.folded += 1
            values = (OTHER,) * len(self.labels)
        counts = self._counts.setdefault(values, [0] * (len(self._bounds) + 1))
        counts[bisect_left(self._bounds, value)] += 1
        self._totals[values] = self._totals.get(values, 0.0) + value

    def family(self) -> Family:
        """The metric now."""
        rows = [
            (values, Spread(self._cumulated(counts), self._totals[values])) for values, counts in self._counts.items()
        ]
        return Family(self.name, "histogram", self.about, self.labels, rows)

    def _cumulated(self, counts: Sequence[int]) -> tuple[tuple[str, float], ...]:
        names = [*map(str, self._bounds), "+Inf"]
        return tuple((name, float(sum(counts[: at + 1]))) for at, name in enumerate(names))
