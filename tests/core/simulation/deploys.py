"""Random deploys: new code, another edge or policy, what is new; the middle of a graph taken out, made anew, split."""

import random

from streams.definitions import AssetDef, Dep, Manifest
from streams.policies import OnDemand, Within
from tests.core.simulation.computations import may_be_made_with_others, repaired, split
from tests.core.simulation.graphs import named
from tests.core.simulation.modifiers import fitted
from tests.core.simulation.observed import unhurried


def changed(dice: random.Random, declared: Manifest) -> Manifest:
    """Another deploy: new code, an edge more or less, another policy, an asset or a source more, a leaf less."""
    assets = list(declared.assets)
    for _ in range(dice.randint(1, 3)):
        place = dice.randrange(len(assets))
        one = assets[place]
        kind = dice.choice(("code", "code", "deps", "policy", "add", "source", "remove", "same"))
        if kind == "add":
            assets.append(_newcomer(dice, assets))
        elif kind == "source":
            fresh = AssetDef(key=named(f"x{dice.randint(0, 99)}"), kind="source", exists=dice.random() < 0.5)
            if all(other.key != fresh.key for other in assets):
                assets.insert(0, fresh)
        elif one.kind == "derived":
            if kind == "code":
                assets[place] = one.model_copy(update={"code_version": str(dice.randint(1, 5))})
            elif kind == "deps":
                assets[place] = one.model_copy(update={"deps": _deps(dice, assets[:place])})
            elif kind == "policy":
                assets[place] = one.model_copy(update={"policy": dice.choice(assets).policy})
            elif (
                kind == "remove"
                and len(assets) > 1
                and all(dep.asset != one.key for other in assets for dep in other.deps)
            ):
                assets.pop(place)
    return _sensible(declared, assets)


def _newcomer(dice: random.Random, assets: list[AssetDef]) -> AssetDef:
    free = [number for number in range(100) if all(one.key != named(f"n{number}") for one in assets)]
    policy = Within(dice.choice((1_000, 60_000, 600_000)))
    return AssetDef(key=named(f"n{dice.choice(free)}"), kind="derived", deps=_deps(dice, assets), policy=policy)


def _deps(dice: random.Random, known: list[AssetDef]) -> tuple[Dep, ...]:
    chosen = dice.sample(known, min(len(known), dice.randint(1, 3)))
    return tuple(Dep(asset=one.key, argument=f"a{place}") for place, one in enumerate(chosen))


def rebuilt(dice: random.Random, declared: Manifest, most: int) -> Manifest:
    """What others read goes, and these read what it read; or it is published, looked at, made or split otherwise."""
    if not most:
        return declared
    assets = list(declared.assets)
    for _ in range(dice.randint(0, most)):
        assets = dice.choice(_REBUILDS)(dice, assets)
    return _sensible(declared, assets)


def _without(dice: random.Random, assets: list[AssetDef]) -> list[AssetDef]:
    gone = dice.choice(assets)
    if gone.made_by is not None or gone.outputs:
        return assets
    found: list[AssetDef] = []
    for one in assets:
        if one.key == gone.key:
            continue
        if any(dep.asset == gone.key for dep in one.deps):
            deps = _instead(dice, one, gone, [other.key for other in found])
            if not deps:
                return assets
            found.append(one.model_copy(update={"deps": deps}))
        else:
            found.append(one)
    return found if any(one.kind == "derived" for one in found) else assets


def _instead(dice: random.Random, reader: AssetDef, gone: AssetDef, before: list[str]) -> tuple[Dep, ...]:
    """The reader's deps without what goes: mostly it reads what that read."""
    kept = {dep.asset: dep for dep in reader.deps if dep.asset != gone.key}
    if not kept or dice.random() < 0.7:
        kept = {dep.asset: dep for dep in gone.deps} | kept
    if not kept and before:
        kept = {key: Dep(asset=key, argument="a") for key in [dice.choice(before)]}
    return tuple(dep.model_copy(update={"argument": f"a{place}"}) for place, dep in enumerate(kept.values()))


def _turned(dice: random.Random, assets: list[AssetDef]) -> list[AssetDef]:
    """A derived asset is published from now on, or a source is computed from others."""
    place = dice.randrange(len(assets))
    one, others = assets[place], assets[:place]
    if one.made_by is not None or one.outputs or one.observed:
        return assets
    if one.kind == "source":
        known = [other for other in others if not other.outputs]
        if not known:
            return assets
        turned = AssetDef(key=one.key, kind="derived", deps=_deps(dice, known), policy=Within(60_000))
    elif sum(other.kind == "derived" for other in assets) > 1:
        turned = AssetDef(key=one.key, kind="source", exists=dice.random() < 0.5)
    else:
        return assets
    assets[place] = turned.model_copy(update={"partitions": one.partitions})
    return assets


def _split_otherwise(dice: random.Random, assets: list[AssetDef]) -> list[AssetDef]:
    """An asset has the partitions that another one has, or none; what is published from outside can't lose them."""
    place, parts = dice.randrange(len(assets)), dice.choice(assets).partitions
    one = assets[place]
    is_published = one.kind == "source" or one.policy.kind == "manual"
    if one.made_by is None and not one.outputs and not one.observed and not (is_published and parts is None):
        assets[place] = one.model_copy(update={"partitions": parts})
    return assets


def _looked_at(dice: random.Random, assets: list[AssetDef]) -> list[AssetDef]:
    """A source is looked at from now on, or published once more."""
    sources = [
        place for place, one in enumerate(assets) if one.observed or (one.kind == "source" and not one.partitions)
    ]
    if sources and any(one.kind == "derived" and not one.observed for one in assets):
        place = dice.choice(sources)
        one = assets[place]
        assets[place] = (
            AssetDef(key=one.key, kind="source")
            if one.observed
            else AssetDef(key=one.key, kind="derived", observed=True, policy=OnDemand())
        )
    return assets


def _together(dice: random.Random, assets: list[AssetDef]) -> list[AssetDef]:
    """An asset is made by a computation, with another one beside it, or alone again."""
    place = dice.randrange(len(assets))
    one = assets[place]
    if one.made_by is not None:
        runs = next(other for other in assets if other.key == one.made_by)
        alone = runs.model_copy(update={"key": one.key, "outputs": (), "policy": one.policy})
        rest = [other for other in assets if other.key != one.key]
        at = rest.index(runs)
        return [*rest[:at], alone, *rest[at if len(runs.outputs) > 1 else at + 1 :]]
    is_made_here = one.kind == "derived" and not one.observed and not one.outputs
    is_taken = any(other.key == f"{one.key}_c" for other in assets)
    if not is_made_here or is_taken or not may_be_made_with_others(one.policy):
        return assets
    return [*assets[:place], *split(dice, one), *assets[place + 1 :]]


def _sensible(declared: Manifest, assets: list[AssetDef]) -> Manifest:
    return declared.model_copy(update={"assets": tuple(unhurried(list(map(fitted, repaired(assets)))))})


_REBUILDS = (_without, _without, _turned, _split_otherwise, _looked_at, _together)
