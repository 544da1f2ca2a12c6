"""The graph of one manifest: who reads whom, and which sources a cut names."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Any

import orjson

from tests.checker.export import Json
from tests.checker.partitions import Parts, meant

Node = tuple[str, str]
"""an asset and a partition"""

CODE = "code:"
LOOK = "look:"
PROMISES = ("within", "eager", "cron")


@dataclass(frozen=True)
class Asset:
    """One asset as declared."""

    key: str
    source: bool
    deps: tuple[str, ...]
    policy: str
    exists: bool
    code_version: str
    ignored: frozenset[str] = frozenset()
    requires: str = "any"
    first_now: bool = False
    outputs: tuple[str, ...] = ()
    made_by: str | None = None
    observed: bool = False
    said: tuple[str, ...] = ()
    """the mappings that its deps declare"""
    parts: Parts | None = None
    newest: int | None = None
    """how many of its windows are promised; all without it"""
    mappings: dict[str, Json] = field(default_factory=dict)
    """dep that has partitions → which of them are read"""

    @property
    def code(self) -> tuple[str, str]:
        """The version of its code, and its identity: that, its deps, their mappings, and what it makes."""
        deps, outputs = sorted(set(self.deps)), sorted(self.outputs)
        return self.code_version, "\n".join([self.code_version, *deps, *sorted(self.said), "", *outputs])


class Graph:
    """The assets of a manifest. Raises graphlib.CycleError when they read each other in a circle."""

    def __init__(self, assets: dict[str, Asset]) -> None:
        self.assets = assets
        self._order = tuple(TopologicalSorter({key: asset.deps for key, asset in assets.items()}).static_order())

    @classmethod
    def of(cls, manifest: Json) -> "Graph":
        parts = {one["key"]: Parts.of(one.get("partitions")) for one in manifest["assets"]}
        assets = {one["key"]: _asset(one, parts) for one in manifest["assets"]}
        assets = {key: _with_names(asset, assets) for key, asset in assets.items()}
        return cls(assets | {asset.deps[-1]: _look(asset) for asset in assets.values() if asset.observed})

    @cached_property
    def ancestors(self) -> dict[str, frozenset[str]]:
        """Derived asset → the sources that its cuts name: its own code and what each of its deps is seen through."""
        found: dict[str, frozenset[str]] = {}
        for key in self._order:
            asset = self.assets.get(key)
            if asset is not None and not asset.source:
                found[key] = frozenset({CODE + key}).union(*(self._view(dep, found) for dep in asset.deps))
        return found

    def counts(self, key: str) -> bool:
        """Whether cuts count what is heard of the asset itself: it is a source, or Manual."""
        asset = self.assets.get(key)
        return asset is not None and (asset.source or asset.policy == "manual")

    @cached_property
    def needed(self) -> frozenset[str]:
        """The derived assets that some promise needs: promised ones and their ancestors, up to Manual ones."""
        derived = {key: asset for key, asset in self.assets.items() if not asset.source}
        promised = [key for key, asset in derived.items() if asset.policy in PROMISES or asset.first_now]
        return frozenset().union(*(self.lineage(key) for key in promised))

    @cached_property
    def rank(self) -> dict[str, int]:
        """Asset → its place among all, inputs before readers."""
        return {key: place for place, key in enumerate(self._order)}

    @cached_property
    def readers(self) -> dict[str, list[str]]:
        """Anything → the derived assets that read it."""
        found: dict[str, list[str]] = {}
        for key, asset in self.assets.items():
            for dep in dict.fromkeys(asset.deps):
                found.setdefault(dep, []).append(key)
        return found

    @cached_property
    def is_parted(self) -> bool:
        """Whether any asset has partitions."""
        return any(asset.parts is not None for asset in self.assets.values())

    def is_whole(self, key: Node) -> bool:
        """Whether it stands for all partitions of a source."""
        asset = self.assets.get(key[0])
        return not key[1] and asset is not None and asset.parts is not None

    def declares(self, key: Node) -> bool:
        """Whether there is such an asset with such a partition, or without any."""
        asset = self.assets.get(key[0])
        if asset is None or asset.parts is None:
            return asset is not None and not key[1]
        return asset.parts.has(key[1])

    def forget(self, known: dict[Node, Any]) -> None:
        """Drop what is known of nodes that aren't declared: one that comes back begins anew."""
        for node in [node for node in known if self.derived(node[0]) is None or not self.declares(node)]:
            del known[node]

    @cached_property
    def foreign(self) -> frozenset[str]:
        """What is read here and declared in another domain."""
        read = {dep for asset in self.assets.values() for dep in asset.deps}
        return frozenset(read - self.assets.keys())

    def run_by(self, key: str) -> str:
        """What runs where this asset is made: an output's computation, or the asset itself."""
        asset = self.assets.get(key)
        return key if asset is None or asset.made_by is None else asset.made_by

    def is_observed(self, key: str) -> bool:
        asset = self.assets.get(key)
        return asset is not None and asset.observed

    def derived(self, key: str) -> Asset | None:
        asset = self.assets.get(key)
        return None if asset is None or asset.source else asset

    def promised(self) -> list[str]:
        return [key for key in self.ancestors if self.assets[key].policy in PROMISES]

    def lineage(self, key: str) -> set[str]:
        """The assets that a wave for `key` may run: itself and its ancestors, none that is above a Manual one."""
        return {name.removeprefix(CODE) for name in self.ancestors.get(key, ()) if name.startswith(CODE)}

    def view(self, name: str) -> frozenset[str]:
        """The sources that an input is cut by: a source, Manual asset or code by itself, another by its ancestors."""
        return self._view(name, self.ancestors)

    def counted(self, name: str) -> bool:
        """Whether the versions of an input are counted under its own name."""
        return self.view(name) == {name}

    def exists(self, source: str) -> bool:
        return source in self.assets and self.assets[source].exists

    def _view(self, name: str, ancestors: dict[str, frozenset[str]]) -> frozenset[str]:
        asset = self.derived(name)
        return frozenset({name}) if asset is None or asset.policy == "manual" else ancestors[name]


def _with_names(asset: Asset, assets: dict[str, Asset]) -> Asset:
    """Who reads all listed partitions of a computed asset has new code where these become others."""
    wholes = [assets[dep] for dep, mapping in asset.mappings.items() if mapping["kind"] == "all"]
    computed = [one for one in wholes if not one.source and one.policy != "manual" and one.parts is not None]
    names = [f"{one.key}: {sorted(one.parts.names)}" for one in computed if one.parts is not None and one.parts.names]
    return replace(asset, said=(*asset.said, *names))


def _look(asset: Asset) -> Asset:
    """What an observed source reads: there from the start, and from each look on it may be another."""
    return Asset(asset.deps[-1], source=True, deps=(), policy="on_demand", exists=True, code_version="1")


def _asset(declared: Json, parts: dict[str, Parts | None]) -> Asset:
    own, deps, policy = parts[declared["key"]], declared.get("deps", ()), declared.get("policy", {})
    said = {dep["asset"]: dep["mapping"] for dep in deps if dep.get("mapping") is not None}
    code = {CODE + declared["key"]} if policy.get("on_code") == "ignore" else set()
    return Asset(
        key=declared["key"],
        source=declared["kind"] == "source",
        deps=tuple(dep["asset"] for dep in deps) + ((LOOK + declared["key"],) if declared.get("observed") else ()),
        policy=policy.get("kind", "on_demand"),
        exists=declared.get("exists", False),
        code_version=declared.get("code_version", "1"),
        ignored=frozenset(policy.get("ignored", ())) | code,
        requires=policy.get("requires", "any"),
        first_now=policy.get("first_now", False),
        outputs=tuple(declared.get("outputs", ())),
        made_by=declared.get("made_by"),
        observed=declared.get("observed", False),
        said=tuple(f"{dep} {orjson.dumps(mapping).decode()}" for dep, mapping in said.items()),
        parts=own,
        newest=policy.get("newest"),
        mappings={
            dep["asset"]: meant(said.get(dep["asset"]), own, read)
            for dep in deps
            if (read := parts.get(dep["asset"])) is not None
        },
    )
