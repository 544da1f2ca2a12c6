"""What makes no sense about a domain's definitions, refused in a sentence that says who, what and what to do."""

from collections.abc import Iterable
from difflib import get_close_matches

from streams.definitions import AssetDef, Dep, Manifest
from streams.errors import DefinitionError
from streams.grids import READ_MAX, meant, whole, windows_of
from streams.partitions import All, Mapping, Partitions, Same


def assets_of(manifest: Manifest) -> dict[str, AssetDef]:
    """The assets by their keys, each of them sound by itself and with those it is made with. Raises DefinitionError."""
    assets: dict[str, AssetDef] = {}
    for asset in manifest.assets:
        if asset.key in assets:
            raise DefinitionError(
                f"asset {asset.key!r} is declared twice in domain {manifest.domain!r}; rename one of them"
            )
        assets[asset.key] = asset
    for asset in assets.values():
        _check_policy(asset)
        _check_outputs(asset, assets)
        _check_asking(asset, assets)
    return assets


def _check_policy(asset: AssetDef) -> None:
    """Raises DefinitionError where the policy speaks of what the asset hasn't."""
    policy, deps = asset.policy, [dep.asset for dep in asset.deps]
    if len(deps) > READ_MAX:
        raise DefinitionError(
            f"asset {asset.key!r} reads {len(deps)} assets, and a run can name {READ_MAX}; put some between that each "
            "read a part of them"
        )
    if policy.newest is not None and windows_of(asset.partitions) is None:
        raise DefinitionError(
            f"asset {asset.key!r}: lookback(…) counts time windows, and it has none; give it partitions"
        )
    for one in policy.ignored:
        if one not in deps:
            close = get_close_matches(one, deps, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"it reads {', '.join(map(repr, deps)) or 'nothing'}"
            raise DefinitionError(f"asset {asset.key!r} ignores {one!r}, which it doesn't read; {hint}")
    if deps and not set(deps) - set(policy.ignored):
        raise DefinitionError(f"asset {asset.key!r} ignores all that it reads; ef.Manual() runs it on command only")


def _check_outputs(asset: AssetDef, assets: dict[str, AssetDef]) -> None:
    """Raises DefinitionError where a computation and its outputs don't name each other."""
    for one in asset.outputs:
        if one not in assets or assets[one].made_by != asset.key:
            raise DefinitionError(f"computation {asset.key!r} makes {one!r}, which isn't declared as an output of it")
    for dep in asset.deps:
        if dep.asset in assets and assets[dep.asset].outputs and asset.made_by != dep.asset:
            outputs = ", ".join(map(repr, assets[dep.asset].outputs))
            said = f"asset {asset.key!r} reads the computation {dep.asset!r}"
            raise DefinitionError(f"{said}; read what it makes: {outputs}")
    if asset.made_by is None:
        return
    made_by = assets.get(asset.made_by)
    if made_by is None or asset.key not in made_by.outputs:
        raise DefinitionError(f"asset {asset.key!r} is an output of {asset.made_by!r}, which doesn't make it")
    if [dep.asset for dep in asset.deps] != [asset.made_by] or asset.policy.kind == "manual":
        raise DefinitionError(
            f"asset {asset.key!r} is an output of {asset.made_by!r}: it reads nothing else, and is made with it"
        )
    if asset.partitions != made_by.partitions or not isinstance(asset.deps[0].mapping, Same | None):
        raise DefinitionError(
            f"asset {asset.key!r} is an output of {asset.made_by!r}: a run of that makes one partition of each, so "
            "give both the same partitions, and no mapping"
        )


def _check_asking(asset: AssetDef, assets: dict[str, AssetDef]) -> None:
    """Raises DefinitionError where a check that stands alone is read, blocks, or doesn't read what it asks about."""
    for dep in asset.deps:
        if dep.asset in assets and assets[dep.asset].asks is not None:
            said = f"asset {asset.key!r} reads {dep.asset!r}, which is a check and has no versions"
            raise DefinitionError(f"{said}; read {assets[dep.asset].asks!r}")
    if asset.asks is None:
        return
    if asset.asks not in [dep.asset for dep in asset.deps] or asset.outputs or asset.made_by is not None:
        raise DefinitionError(f"check {asset.key!r} asks about {asset.asks!r}, so it reads that, and makes nothing")
    if any(check.blocking for check in asset.checks):
        raise DefinitionError(
            f"check {asset.key!r} comes after {asset.asks!r} is published, so it can't block it; leave blocking= out"
        )


def mapping_of(asset: AssetDef, dep: Dep, partitioned: dict[str, Partitions], is_made: bool) -> Mapping:
    """Which partitions of a dep an asset reads; `is_made`: by runs here. Raises DefinitionError."""
    read, said = partitioned.get(dep.asset), f"asset {asset.key!r} reads {dep.asset!r}"
    if read is None:
        raise DefinitionError(f"{said} by {type(dep.mapping).__name__}, but that has no partitions; leave mapping= out")
    try:
        mapping = meant(dep.mapping, asset.partitions, read)
        if isinstance(mapping, All) and is_made:
            whole(read)
    except ValueError as error:
        raise DefinitionError(f"{said}: {error}") from None
    return mapping


def foreign_of(domain: str, reader: str, deps: Iterable[str], assets: dict[str, AssetDef]) -> list[str]:
    """Those of an asset's deps that other domains declare. Raises DefinitionError for what nobody declares."""
    found = []
    for dep in deps:
        if dep in assets:
            continue
        if dep.partition("/")[0] == domain:
            close = get_close_matches(dep, assets, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "declare it with app.source or @app.asset"
            raise DefinitionError(f"asset {reader!r} reads {dep!r}, which nobody declares; {hint}")
        found.append(dep)
    return found
