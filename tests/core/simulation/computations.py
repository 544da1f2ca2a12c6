"""Computations that make several assets: some of a random domain's assets are made with others."""

import random

from streams.definitions import AssetDef, Dep, Manifest, Retry
from streams.policies import Eager, Manual, OnDemand, Policy, Within


def several(dice: random.Random, declared: Manifest) -> Manifest:
    """The same domain, with some of its assets made by computations that make others beside them."""
    odds = dice.choice((0.1, 0.3, 0.6))
    assets: list[AssetDef] = []
    beside: dict[str, str] = {}  # asset → another output of its computation
    for one in declared.assets:
        deps = [dep for dep in one.deps if dep.asset in beside and dice.random() < 0.3]
        more = [Dep(asset=beside[dep.asset], argument=f"{dep.argument}_x") for dep in deps]
        asset = one.model_copy(update={"deps": (*one.deps, *more)})
        if one.kind == "derived" and may_be_made_with_others(one.policy) and dice.random() < odds:
            made = split(dice, asset)
            beside[one.key] = made[-1].key
            assets += made
        else:
            assets.append(asset)
    return declared.model_copy(update={"assets": tuple(assets)})


def may_be_made_with_others(policy: Policy) -> bool:
    """What a policy says of all runs, the computation's would have to say."""
    limited = policy.every_ms is not None or policy.hours is not None or policy.ignored or policy.on_code == "ignore"
    return not isinstance(policy, Manual) and not limited


def split(dice: random.Random, asset: AssetDef) -> list[AssetDef]:
    """A computation, the asset as an output of it, and up to two more."""
    runs = f"{asset.key}_c"
    others = [f"{asset.key}_x{number}" for number in range(dice.randint(0, 2))]
    policies = [asset.policy, *(_policy(dice, asset.policy) for _ in others)]
    dep = (Dep(asset=runs, argument="run"),)
    made = [
        AssetDef(key=key, kind="derived", deps=dep, policy=policy, partitions=asset.partitions, made_by=runs)
        for key, policy in zip([asset.key, *others], policies, strict=True)
    ]
    update = {"key": runs, "policy": OnDemand(), "outputs": tuple(one.key for one in made)}
    return [asset.model_copy(update=update), *made]


def _policy(dice: random.Random, beside: Policy) -> Policy:
    within = Within(dice.choice((5_000, 60_000, 600_000)))
    return dice.choice((OnDemand(), OnDemand(), within, Eager(), Eager(quiet=5_000), beside))


def repaired(assets: list[AssetDef]) -> list[AssetDef]:
    """After random changes: outputs are their computations', and nobody reads a computation itself."""
    keys = {one.key for one in assets}
    outputs = {
        one.key: tuple(other.key for other in assets if other.made_by == one.key) for one in assets if one.outputs
    }
    found = []
    for one in assets:
        if one.made_by is not None:
            policy = one.policy if may_be_made_with_others(one.policy) else OnDemand()
            dep = (Dep(asset=one.made_by, argument="run"),)
            plain = {"deps": dep, "policy": policy, "code_version": "1", "retry": Retry()}
            found.append(one.model_copy(update=plain))
            continue
        deps = (
            dep.model_copy(update={"asset": outputs[dep.asset][0]}) if outputs.get(dep.asset) else dep
            for dep in one.deps
        )
        policy = OnDemand() if one.outputs and not isinstance(one.policy, OnDemand) else one.policy
        update = {"deps": tuple(deps), "outputs": outputs.get(one.key, ()), "policy": policy}
        found.append(one.model_copy(update=update))
    assert all(dep.asset in keys for one in found for dep in one.deps)
    return found
