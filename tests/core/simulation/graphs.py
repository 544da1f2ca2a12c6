"""Random manifests: shapes of graphs, policies, durations, promises between hopeless and generous."""

import random
from collections.abc import Callable, Sequence

from streams.definitions import AssetDef, Dep, Manifest, Retry
from streams.policies import Cron, Eager, Manual, OnDemand, Policy, Within

DOMAIN = "d"
Reads = dict[str, tuple[str, ...]]
"""derived asset → what it reads, inputs before readers"""

_RETRIES = (Retry(0, cool_down="10m"), Retry(1, delay="2s"), Retry(2), Retry(3, delay="200ms", jitter_percent=50))


STEPS = (1, 5, 30)
"""minutes between the ticks of a Cron"""


def named(short: str) -> str:
    return f"{DOMAIN}/{short}"


def some(dice: random.Random, first: int, last: int, size: float) -> range:
    """From `first` to `last` of something, or as much more as the size says."""
    return range(dice.randint(int(first * size), int(last * size)))


def chain(dice: random.Random, size: float) -> Reads:
    names = [f"c{number}" for number in some(dice, 3, 12, size)]
    reads: Reads = {name: (before,) for before, name in zip(["s0", *names], names, strict=False)}
    for place in range(2, len(names)):
        if dice.random() < 0.2:  # a source of its own joins half-way down
            reads[names[place]] += (f"s{dice.randint(0, 2)}",)
    return reads


def star(dice: random.Random, size: float) -> Reads:
    sources = [f"s{number}" for number in range(dice.randint(1, 4))]
    hub: Reads = {"hub": tuple(sources)}
    rays = {f"r{number}": ("hub", *dice.sample(sources, dice.randint(0, 1))) for number in some(dice, 2, 10, size)}
    return hub | {name: tuple(dict.fromkeys(deps)) for name, deps in rays.items()}


def diamond(dice: random.Random, size: float) -> Reads:
    """One top, branches of different lengths, one join, and edges that skip parts of a branch."""
    reads: Reads = {"top": ("s0",)}
    ends, inner = [], ["top"]
    for branch in some(dice, 2, 4, size):
        before = "top"
        for step in some(dice, 1, 3, size):
            name = f"b{branch}_{step}"
            reads[name] = (before, *(["s1"] if dice.random() < 0.2 else []))
            inner.append(before := name)
        ends.append(before)
    skips = dice.sample(inner, min(len(inner), dice.randint(0, 2)))
    reads["join"] = tuple(dict.fromkeys([*ends, *skips]))
    return reads


def grid(dice: random.Random, size: float) -> Reads:
    width, depth = len(some(dice, 2, 4, size)), len(some(dice, 2, 4, size))
    reads: Reads = {}
    for row in range(depth):
        for column in range(width):
            above = [f"g{row - 1}_{one % width}" if row else f"s{one % width}" for one in (column, column + 1)]
            reads[f"g{row}_{column}"] = tuple(dict.fromkeys(above))
    return reads


def tangle(dice: random.Random, size: float) -> Reads:
    known = [f"s{number}" for number in range(dice.randint(1, 5))]
    reads: Reads = {}
    for number in some(dice, 3, 20, size):
        recent = known[-8:] if dice.random() < 0.7 else known
        reads[f"t{number}"] = tuple(dice.sample(recent, min(len(recent), dice.choice((1, 1, 2, 2, 3, 4)))))
        known.append(f"t{number}")
    return reads


SHAPES: Sequence[Callable[[random.Random, float], Reads]] = (chain, star, diamond, grid, tangle)


def longest_paths(reads: Reads, takes: dict[str, int]) -> dict[str, tuple[int, int]]:
    """Derived asset → (its path, the longest run among its ancestors and itself), in ms."""
    found: dict[str, tuple[int, int]] = {}
    for name, deps in reads.items():
        above = [found[dep] for dep in deps if dep in found]
        path = max((path for path, _ in above), default=0) + takes[name]
        found[name] = (path, max([takes[name], *(longest for _, longest in above)]))
    return found


def policies(dice: random.Random, reads: Reads, takes: dict[str, int]) -> dict[str, Policy]:
    """One of several moods a graph; what nobody reads is nearly always promised."""
    mood = dice.choice(("within", "within", "eager", "mixed", "mixed", "mixed"))
    read_by_some = {dep for deps in reads.values() for dep in deps}
    paths = longest_paths(reads, takes)
    chosen = {name: _policy(dice, mood, paths[name], is_leaf=name not in read_by_some) for name in reads}
    limited = mood == "mixed" and dice.random() < 0.4
    return {name: _limited(dice, one) if limited and dice.random() < 0.3 else one for name, one in chosen.items()}


def _limited(dice: random.Random, policy: Policy) -> Policy:
    """The policy with hours, or with a span between runs, where that makes sense."""
    if isinstance(policy, Manual):
        return policy
    if dice.random() < 0.5 and not isinstance(policy, Cron):
        first, hours = dice.randrange(24), dice.randint(1, 20)
        zone = dice.choice(("UTC", "Europe/Berlin", "America/New_York"))
        return policy.only_between(f"{first:02}:00", f"{(first + hours) % 24:02}:30", zone)
    every = dice.choice((1_000, 30_000, 600_000))
    return policy if isinstance(policy, Within) and every >= policy.lag_ms else policy.at_most_every(every)


def _policy(dice: random.Random, mood: str, cost: tuple[int, int], is_leaf: bool) -> Policy:
    path, longest = cost
    if dice.random() < (0.05 if is_leaf else 0.6):
        return OnDemand()
    within = Within(max(1_000, int((path + longest) * dice.choice((0.5, 1, 1.5, 2, 3, 4, 10, 40)))))
    quiet = dice.choice((0, 500, 5_000, 60_000))
    max_wait = dice.choice((None, 4)) if quiet else None
    eager = Eager(quiet, None if max_wait is None else quiet * max_wait)
    if mood == "within":
        return within
    if mood == "eager":
        return eager if dice.random() < 0.5 else Eager()
    minutes = dice.choice(STEPS)
    cron = Cron(expression=f"*/{minutes} * * * *", within_ms=dice.choice((None, minutes * 30_000)))
    return dice.choice((within, within, within, eager, eager, Eager(), Manual(), OnDemand(), cron))


def manifest(dice: random.Random, size: float = 1) -> Manifest:
    """A whole random domain. `takes_ms` is right, wrong or left out."""
    reads = dice.choice(SHAPES)(dice, size)
    longest = dice.choice((0, 500, 5_000, 30_000))
    takes = {name: dice.randint(0, longest) for name in reads}
    honest = dice.choice((1, 1, 0, 3))
    chosen = policies(dice, reads, takes)
    sources = sorted({dep for deps in reads.values() for dep in deps} - reads.keys())
    pools = {"warehouse": dice.randint(1, 2)} if dice.random() < 0.3 else {}
    declared = [AssetDef(key=named(one), kind="source", exists=dice.random() < 0.2) for one in sources]
    for name, deps in reads.items():
        declared.append(
            AssetDef(
                key=named(name),
                kind="derived",
                deps=tuple(Dep(asset=named(dep), argument=dep) for dep in deps),
                policy=chosen[name],
                retry=dice.choice(_RETRIES),
                takes_ms=takes[name] * honest,
                pool="warehouse" if pools and dice.random() < 0.4 else None,
            )
        )
    return Manifest(domain=DOMAIN, deploy=0, assets=tuple(declared), pools=pools)
