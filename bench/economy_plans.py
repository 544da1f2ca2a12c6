"""Random graphs and traces, and what each way of planning makes of them: how much it runs, how often it is late."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.lower_bound import Promised, least_cost
from everfresh.testing import World
from streams.definitions import AssetDef, Dep, Manifest
from streams.policies import Eager, OnDemand, Policy, Within

SECOND = 1_000
Changes = Mapping[str, list[int]]


@dataclass(frozen=True)
class Row:
    """One row of the table: how long runs take, how much above their floor promises are, how many slots there are."""

    name: str
    takes: tuple[int, int]  # seconds
    times: tuple[float, float]  # promise = so many times path + longest run above
    slots: int | None = None
    flights: bool = False  # changes are when real flights left


@dataclass(frozen=True)
class Result:
    """What one plan came to on one graph."""

    economy: float
    late: int
    due: int  # how often a promise had to be kept
    longest_lag: float  # the longest lag of any asset, as a part of its promise


def graph(dice: random.Random, row: Row) -> Promised:
    """Layers of assets that read from the layers above; leaves are promised, and some of the others."""
    known = [f"s{number}" for number in range(dice.randint(1, 4))]
    reads: dict[str, tuple[str, ...]] = {}
    for number in range(dice.randint(3, 18)):
        near = known[-6:]
        reads[f"a{number}"] = tuple(dice.sample(near, min(len(near), dice.choice((1, 1, 2, 2, 3)))))
        known.append(f"a{number}")
    takes = {asset: dice.randint(*row.takes) * SECOND for asset in reads}
    read = {one for above in reads.values() for one in above}
    bare = Promised(reads, takes, {})
    paths, longest = bare.paths(), bare.longest()
    promises = {}
    for asset in reads:
        if asset not in read or dice.random() < 0.25:
            floor = paths[asset] + longest[asset] or dice.randint(1, 10) * SECOND
            promises[asset] = int(floor * dice.uniform(*row.times))
    if row.slots is not None:
        promises = {asset: max(by, _with_slots(bare, asset, promises, row.slots)) for asset, by in promises.items()}
    return Promised(reads, takes, promises)


def _with_slots(bare: Promised, asset: str, promises: Mapping[str, int], slots: int) -> int:
    """What the slot formula of the design asks for: 2·path + max(d·T) + 2·Σd/W + max d."""
    above = _above(bare, asset)
    through = {one: sum(one in _above(bare, target) for target in promises) for one in above}
    shared = max(bare.takes[one] * through[one] for one in above)
    total = sum(bare.takes[one] for one in bare.reads)
    return 2 * bare.paths()[asset] + shared + 2 * total // slots + max(bare.takes.values())


def _above(bare: Promised, asset: str) -> set[str]:
    found, stack = {asset}, [asset]
    while stack:
        for one in bare.reads[stack.pop()]:
            if one in bare.reads and one not in found:
                found.add(one)
                stack.append(one)
    return found


def trace(dice: random.Random, promised: Promised) -> dict[str, list[int]]:
    """When each source changes: periodically, at random or in bursts, for some forty of the tightest promises.

    No period divides a promise: where the next change comes at the very instant at which a promise ends, the bound has
    one run cover both, and no clock can.
    """
    tightest = min(promised.promises.values())
    span, found = 40 * tightest, {}
    for source in sorted({one for above in promised.reads.values() for one in above if one not in promised.reads}):
        gap = max(1, int(tightest * dice.choice((0.05, 0.2, 0.7, 2.5)) * dice.uniform(0.9, 1.1)))
        kind = dice.choice(("periodic", "poisson", "bursts"))
        if kind == "periodic":
            times = list(range(dice.randint(1, gap), span, gap))
        elif kind == "poisson":
            times = [dice.randint(1, span) for _ in range(max(1, span // gap))]
        else:
            starts = [dice.randint(1, span) for _ in range(max(1, span // (gap * 10)))]
            times = [start + SECOND // 10 * number for start in starts for number in range(10)]
        found[source] = sorted(set(times))
    return found


def played(promised: Promised, changes: Changes, policies: Mapping[str, Policy], slots: int | None) -> Result:
    """The trace in virtual time under these policies, from the moment at which all assets have a version."""
    world = World(_manifest(promised, policies))
    if slots is not None:
        world.slots(slots)
    for asset, takes in promised.takes.items():
        world.takes(f"d/{asset}", takes)
    for source in changes:
        world.publish(f"d/{source}")
    world.advance(2 * sum(promised.takes.values()) + 2 * max(promised.promises.values()))
    begun, already = world.clock, len(world.outputs)
    for at, source in sorted((at, source) for source, times in changes.items() for at in times):
        world.advance(begun + at - world.clock)
        world.publish(f"d/{source}")
    world.advance(2 * max(promised.promises.values()) + sum(promised.takes.values()))
    ran = [run for run in world.runs() if run.granted_at >= begun]
    cost = sum(max(1, promised.takes[run.asset.removeprefix("d/")]) for run in ran)
    lags = dict(_lags(world, already))
    worst = max((lags.get(asset, 0) / by for asset, by in promised.promises.items()), default=0.0)
    late = sum(lag > promised.promises[asset] for asset, lag in _episodes(world, already) if asset in promised.promises)
    due = sum(asset in promised.promises for asset, _ in _episodes(world, already))
    return Result(cost / least_cost(promised, changes), late, due, worst)


def _episodes(world: World, already: int) -> Iterator[tuple[str, int]]:
    """(asset, how long it was stale) each time that an asset was caught up with."""
    since: dict[str, int] = {}
    for output in world.outputs[already:]:
        if output.model.TYPE == "everfresh.freshness.changed.v1":
            said = output.fields
            assert isinstance(said, dict)
            asset, now = str(said["asset"]).removeprefix("d/"), said["stale_since"]
            if asset in since and now != since[asset]:
                yield asset, output.at - since.pop(asset)
            if now is not None:
                since.setdefault(asset, now)


def _lags(world: World, already: int) -> Iterator[tuple[str, int]]:
    longest: dict[str, int] = {}
    for asset, lag in _episodes(world, already):
        longest[asset] = max(lag, longest.get(asset, 0))
    yield from longest.items()


def _manifest(promised: Promised, policies: Mapping[str, Policy]) -> Manifest:
    sources = sorted({one for above in promised.reads.values() for one in above if one not in promised.reads})
    assets = [AssetDef(key=f"d/{one}", kind="source") for one in sources]
    for asset, above in promised.reads.items():
        deps = tuple(Dep(asset=f"d/{one}", argument=one) for one in above)
        policy = policies.get(asset, OnDemand())
        takes = promised.takes[asset]
        assets.append(AssetDef(key=f"d/{asset}", kind="derived", deps=deps, policy=policy, takes_ms=takes))
    return Manifest(domain="d", deploy=1, assets=tuple(assets))


def as_promised(promised: Promised) -> dict[str, Policy]:
    return {asset: Within(by) for asset, by in promised.promises.items()}


def eagerly(promised: Promised) -> dict[str, Policy]:
    return dict.fromkeys(promised.promises, Eager())


def periodically(promised: Promised, changes: Changes, aligned: bool) -> float:
    """Cost ÷ bound of each promised asset, with what is stale above it, at a period that keeps its promise.

    `aligned`: periods are powers of two of the shortest one, so that ticks coincide and share runs. Runs take no time
    here and are never late: kinder to these plans than the world would be.
    """
    paths, above = promised.paths(), promised.sources()
    periods = {asset: max(1, by - paths[asset]) for asset, by in promised.promises.items()}
    if aligned:
        base = min(periods.values())
        periods = {asset: base << ((period // base).bit_length() - 1) for asset, period in periods.items()}
    end = max(at for times in changes.values() for at in times) + max(periods.values())
    ticks = sorted((at, asset) for asset, period in periods.items() for at in range(period, end + 1, period))
    done = dict.fromkeys(promised.reads, 0)
    heard = {asset: sorted({at for one in above[asset] for at in changes.get(one, ())}) for asset in promised.reads}
    cost = 0
    for at, target in ticks:
        for asset in _above(promised, target):
            if any(done[asset] < change <= at for change in heard[asset]):
                cost += max(1, promised.takes[asset])
                done[asset] = at
    return cost / least_cost(promised, changes)
