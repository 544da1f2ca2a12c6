"""Sources that can't publish: some of a random domain's are looked at, and change where nobody is told."""

import random
from collections.abc import Iterator

from streams.definitions import AssetDef, Manifest
from streams.policies import Cron, Eager, Manual, OnDemand, Policy, Within

LEAST_MS = 1_800_000
"""of a promise there: a shorter one would have them looked at all day"""


def observed(dice: random.Random, declared: Manifest) -> Manifest:
    """The same domain, with some of its sources looked at."""
    sources = [one.key for one in declared.assets if one.kind == "source"]
    chosen = set(dice.sample(sources, dice.randint(1, len(sources))))
    assets = [_looked_at(dice, one) if one.key in chosen else one for one in declared.assets]
    return declared.model_copy(update={"assets": tuple(unhurried(assets))})


def _looked_at(dice: random.Random, source: AssetDef) -> AssetDef:
    policy = dice.choice((OnDemand(), OnDemand(), Within("1h"), Within("4h")))
    takes = dice.choice((0, 200, 5_000))
    return AssetDef(key=source.key, kind="derived", observed=True, policy=policy, takes_ms=takes)


def unhurried(assets: list[AssetDef]) -> list[AssetDef]:
    """Where something is looked at, no promise is so short that a day of looks would fill the journal."""
    if not any(one.observed for one in assets):
        return assets
    return [_without_haste(one) for one in assets]


def _without_haste(asset: AssetDef) -> AssetDef:
    policy: Policy = asset.policy
    if isinstance(policy, Within):
        policy = policy.model_copy(update={"lag_ms": max(policy.lag_ms, LEAST_MS)})
    elif isinstance(policy, Cron):
        policy = policy.model_copy(update={"expression": "*/30 * * * *"})
    if not asset.observed:
        return asset.model_copy(update={"policy": policy})
    policy = OnDemand() if isinstance(policy, Eager | Manual) else policy.model_copy(update={"ignored": ()})
    return asset.model_copy(update={"policy": policy, "deps": ()})


def changes_outside(dice: random.Random, declared: Manifest, span: int) -> Iterator[tuple[int, str, int]]:
    """(when, source, its new value) of what nobody is told."""
    for key in [one.key for one in declared.assets if one.observed]:
        for _ in range(dice.randint(0, 12)):
            yield dice.randint(0, span), key, dice.randint(0, 3)
