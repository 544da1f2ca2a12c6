"""The fewest runs that any planner could do, from the graph and the trace alone: it imports nothing of everfresh.

For each asset take the intervals [t, t + L*] over the times t at which something above it changed, L* being the
tightest promise that needs the asset, less the path from there down. Each of them must hold the start of a run, so the
fewest points that stab them all bound its runs from below: greedily, always the end of the first one not stabbed yet.
Summed up with what each run costs that bounds the cost of every plan that keeps all promises.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Promised:
    """A graph with durations and promises, times in ms. `reads` names inputs before readers."""

    reads: Mapping[str, tuple[str, ...]]  # derived asset → what it reads
    takes: Mapping[str, int]
    promises: Mapping[str, int]  # some of the assets

    def paths(self) -> dict[str, int]:
        """Asset → the longest chain of durations down to it, with itself."""
        found: dict[str, int] = {}
        for asset, above in self.reads.items():
            found[asset] = self.takes[asset] + max((found.get(one, 0) for one in above), default=0)
        return found

    def longest(self) -> dict[str, int]:
        """Asset → the longest run among its ancestors and itself."""
        found: dict[str, int] = {}
        for asset, above in self.reads.items():
            found[asset] = max([self.takes[asset], *(found.get(one, 0) for one in above)])
        return found

    def sources(self) -> dict[str, frozenset[str]]:
        """Asset → the sources above it."""
        found: dict[str, frozenset[str]] = {}
        for asset, above in self.reads.items():
            found[asset] = frozenset().union(*(found.get(one, frozenset((one,))) for one in above))
        return found

    def slack(self) -> dict[str, int]:
        """Asset → how long after a change its run must begin at the latest; without those that no promise needs."""
        latest: dict[str, int] = {}
        for asset in reversed(list(self.reads)):
            ends = [latest[one] for one, above in self.reads.items() if asset in above and one in latest]
            ends += [self.promises[asset]] if asset in self.promises else []
            if ends:
                latest[asset] = min(ends) - self.takes[asset]
        return latest


def fewest_points(intervals: Sequence[tuple[int, int]]) -> int:
    """How many points it takes until each closed interval holds one.

    >>> fewest_points([(0, 5), (3, 9), (6, 10)])
    2
    """
    count, last = 0, None
    for begin, end in sorted(intervals, key=lambda one: one[1]):
        if last is None or begin > last:
            count, last = count + 1, end
    return count


def least_cost(promised: Promised, changes: Mapping[str, Sequence[int]]) -> int:
    """The bound, in ms of runs (in runs where they take no time); `changes`: source → when it changed."""
    above, total = promised.sources(), 0
    for asset, slack in promised.slack().items():
        times = sorted({at for source in above[asset] for at in changes.get(source, ())})
        total += max(1, promised.takes[asset]) * fewest_points([(at, at + max(0, slack)) for at in times])
    return total
