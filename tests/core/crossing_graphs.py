"""Random graphs over several domains: who reads what of whom, and what each has promised."""

import random
import re
from collections.abc import Iterable

from streams.definitions import AssetDef, Dep, Manifest
from streams.partitions import Static
from streams.policies import Cron, Eager, Manual, OnDemand, Policy, Within

DOMAINS = ("up", "mid", "down")

PARTITIONS = Static(names=("a", "b", "c"))

CALM_MS = 600_000
"""the shortest promise where something is looked at: it would be looked at all day else"""

Assets = list[AssetDef]


def drawn(dice: random.Random, *, is_wide: bool = False, is_rich: bool = False) -> dict[str, Manifest]:
    """Two or three domains, assets among them in any order, and how long runs take.

    `is_wide`: by all policies; `is_rich`: of all kinds, not only plain ones.
    """
    names = DOMAINS[: dice.randint(2, 3)]
    sources = [f"{dice.choice(names)}/s{number}" for number in range(dice.randint(1, 3))]
    known, defined = list(sources), Assets()
    longest = dice.choice((0, 500, 5_000))
    for number in range(dice.randint(3, 9)):
        key = f"{dice.choice(names)}/a{number}"
        deps = dice.sample(known[-6:], min(len(known[-6:]), dice.choice((1, 1, 2, 2, 3))))
        reads = tuple(Dep(asset=dep, argument=f"a{place}") for place, dep in enumerate(deps))
        takes = dice.randint(0, longest)
        defined.append(AssetDef(key=key, kind="derived", deps=reads, policy=_policy(dice, is_wide), takes_ms=takes))
        known.append(key)
    for place in reversed(range(len(defined))):
        defined[place] = _promised(dice, defined[place], defined[place + 1 :])
    declared = [AssetDef(key=key, kind="source") for key in sources] + defined
    if is_rich:
        declared = _enriched(dice, declared)
    return {
        name: Manifest(domain=name, deploy=1, assets=tuple(one for one in declared if one.key.startswith(f"{name}/")))
        for name in names
    }


def place_of(key: str) -> int:
    """Where an asset stands in the order in which they were drawn; before all others, a source."""
    found = re.search(r"/a(\d+)", key)
    return int(found[1]) if found else -1


def read_by(key: str, declared: Iterable[AssetDef]) -> Assets:
    """Whoever reads the asset."""
    return [other for other in declared if any(dep.asset == key for dep in other.deps)]


def is_at_home(key: str, readers: Iterable[AssetDef]) -> bool:
    """All of them are in its own domain."""
    here = key.partition("/")[0] + "/"
    return all(other.key.startswith(here) for other in readers)


def _policy(dice: random.Random, is_wide: bool) -> Policy:
    within = Within(dice.choice((2_000, 10_000, 30_000, 120_000)))
    if is_wide and dice.random() < 0.4:
        cron = Cron(expression=dice.choice(("* * * * *", "*/5 * * * *")), within_ms=dice.choice((None, 30_000)))
        spaced = dice.choice((within.at_most_every(1_500), Eager().at_most_every(20_000)))
        urgent = within.model_copy(update={"on_code": "now", "first_now": True})
        return dice.choice((cron, spaced, urgent, Eager(5_000, 20_000)))
    return dice.choice((within, within, within, Eager(), Eager(5_000), OnDemand(), Manual()))


def _promised(dice: random.Random, one: AssetDef, below: Assets) -> AssetDef:
    """What nobody in its domain needs, and what another domain reads, promises something itself."""
    readers = read_by(one.key, below)
    is_needed = any(other.policy.kind != "manual" for other in readers)
    if not isinstance(one.policy, OnDemand) or (is_needed and is_at_home(one.key, readers)):
        return one
    return one.model_copy(update={"policy": Within(dice.choice((2_000, 30_000)))})


def _enriched(dice: random.Random, declared: Assets) -> Assets:
    """Some sources are looked at, some assets have partitions, and some are made with others."""
    if dice.random() < 0.5:
        declared = _observed(dice, declared)
    if dice.random() < 0.7:
        declared = _parted(dice, declared)
    if dice.random() < 0.6:
        declared = _made_together(dice, declared)
    return declared


def _observed(dice: random.Random, declared: Assets) -> Assets:
    found = Assets()
    for one in declared:
        policy = one.policy
        if isinstance(policy, Within):
            policy = policy.model_copy(update={"lag_ms": max(policy.lag_ms, CALM_MS)})
        elif isinstance(policy, Cron):
            policy = policy.model_copy(update={"expression": "*/30 * * * *"})
        if one.kind == "source" and dice.random() < 0.6:
            takes, own = dice.choice((0, 200, 5_000)), Within(dice.choice((1, 2, 3)) * CALM_MS)
            found.append(AssetDef(key=one.key, kind="derived", observed=True, policy=own, takes_ms=takes))
        else:
            found.append(one.model_copy(update={"policy": policy}))
    return found


def _parted(dice: random.Random, declared: Assets) -> Assets:
    """No domain reads another's partitions, but a source as a whole. And what reads none has none by itself."""
    found, split = Assets(), set[str]()
    for one in declared:
        is_read_abroad = one.kind == "derived" and not is_at_home(one.key, read_by(one.key, declared))
        is_whole = one.observed or isinstance(one.policy, Manual) or is_read_abroad
        may_be = one.kind == "source" or any(dep.asset in split and is_at_home(dep.asset, [one]) for dep in one.deps)
        parts = PARTITIONS if may_be and not is_whole and dice.random() < 0.7 else None
        if parts is not None:
            split.add(one.key)
        found.append(one.model_copy(update={"partitions": parts}))
    return found


def _made_together(dice: random.Random, declared: Assets) -> Assets:
    """Some are outputs of a computation with another output, which some of their readers read, too."""
    found, beside = Assets(), dict[str, str]()
    for one in declared:
        more = [
            Dep(asset=beside[dep.asset], argument=f"{dep.argument}_x")
            for dep in one.deps
            if dep.asset in beside and dice.random() < 0.5
        ]
        plain = one.model_copy(update={"deps": (*one.deps, *more)})
        is_free = one.policy.every_ms is None and not isinstance(one.policy, Manual) and not one.observed
        if one.kind == "derived" and is_free and dice.random() < 0.4:
            found += _split(dice, plain)
            beside[one.key] = found[-1].key
        else:
            found.append(plain)
    return found


def _split(dice: random.Random, asset: AssetDef) -> Assets:
    runs, other = f"{asset.key}_c", f"{asset.key}_x"
    dep, parts = Dep(asset=runs, argument="run"), asset.partitions
    made = AssetDef(key=asset.key, kind="derived", deps=(dep,), policy=asset.policy, partitions=parts, made_by=runs)
    beside = dice.choice((Within(CALM_MS), Eager(), asset.policy))
    if isinstance(beside, OnDemand) and asset.partitions is None:
        beside = Within(CALM_MS)  # another domain may come to read it
    return [
        asset.model_copy(update={"key": runs, "policy": OnDemand(), "outputs": (asset.key, other)}),
        made,
        made.model_copy(update={"key": other, "policy": beside}),
    ]
