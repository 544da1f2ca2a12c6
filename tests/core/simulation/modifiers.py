"""What may be said after a policy of when anything is stale: by which inputs, by new code, before a first version."""

import random

from streams.definitions import AssetDef, Manifest
from streams.policies import Manual, OnDemand, Policy


def modified(dice: random.Random, declared: Manifest) -> Manifest:
    """The same domain, with something said after some of its policies."""
    odds = dice.choice((0.1, 0.3, 0.6))
    assets = [
        _modified(dice, one) if one.kind == "derived" and dice.random() < odds else one for one in declared.assets
    ]
    return declared.model_copy(update={"assets": tuple(assets)})


def _modified(dice: random.Random, asset: AssetDef) -> AssetDef:
    policy = asset.policy
    for _ in range(dice.randint(1, 2)):
        policy = _one_more(dice, policy, [dep.asset for dep in asset.deps])
    return fitted(asset.model_copy(update={"policy": policy}))


def _one_more(dice: random.Random, policy: Policy, deps: list[str]) -> Policy:
    kind = dice.choice(("ignore", "ignore", "require", "require", "code", "missing"))
    if kind == "missing":
        return policy.on_missing()
    if isinstance(policy, Manual):
        return policy
    if kind == "ignore":
        return policy.ignore(dice.choice(deps)) if len(deps) > 1 else policy
    if isinstance(policy, OnDemand):
        return policy.on_code_change("ignore")
    return policy.require("all") if kind == "require" else policy.on_code_change(dice.choice(("now", "ignore")))


def fitted(asset: AssetDef) -> AssetDef:
    """What it ignores is among what it reads, and isn't all of that: a deploy may have changed that."""
    deps = [dep.asset for dep in asset.deps]
    ignored = tuple(one for one in asset.policy.ignored if one in deps)
    if len(set(ignored)) == len(set(deps)):
        ignored = ()
    if ignored == asset.policy.ignored:
        return asset
    return asset.model_copy(update={"policy": asset.policy.model_copy(update={"ignored": ignored})})
