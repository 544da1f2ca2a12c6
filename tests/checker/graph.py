"""The graph of one manifest: who reads whom, and which sources a cut names."""

from collections.abc import Container
from dataclasses import dataclass
from functools import cached_property
from graphlib import TopologicalSorter

from tests.checker.export import Json

CODE = "code:"
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

    @property
    def code(self) -> tuple[str, str]:
        """The version of its code, and what makes up its identity: that, the set of its deps, and what it makes."""
        return self.code_version, "\n".join([self.code_version, *sorted(set(self.deps)), "", *sorted(self.outputs)])


class Graph:
    """The assets of a manifest. Raises graphlib.CycleError when they read each other in a circle."""

    def __init__(self, assets: dict[str, Asset]) -> None:
        self.assets = assets
        self._order = tuple(TopologicalSorter({key: asset.deps for key, asset in assets.items()}).static_order())

    @classmethod
    def of(cls, manifest: Json) -> "Graph":
        return cls({one["key"]: _asset(one) for one in manifest["assets"]})

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
    def foreign(self) -> frozenset[str]:
        """What is read here and declared in another domain."""
        read = {dep for asset in self.assets.values() for dep in asset.deps}
        return frozenset(read - self.assets.keys())

    def run_by(self, key: str) -> str:
        """What runs where this asset is made: an output's computation, or the asset itself."""
        asset = self.assets.get(key)
        return key if asset is None or asset.made_by is None else asset.made_by

    def derived(self, key: str) -> Asset | None:
        asset = self.assets.get(key)
        return None if asset is None or asset.source else asset

    def promised(self) -> list[str]:
        return [key for key in self.ancestors if self.assets[key].policy in PROMISES]

    def heeded(self, key: str) -> frozenset[str]:
        """The sources whose commits make a derived asset stale: each by a way on which no policy ignores it."""
        asset = self.assets[key]
        code = {CODE + key} - asset.ignored
        return frozenset(code).union(*(self._heeded_view(dep) for dep in asset.deps if dep not in asset.ignored))

    def owes(self, key: str, behind: Container[str]) -> bool:
        """Whether a derived asset is stale that leaves out something of these sources."""
        asset, runs = self.assets[key], self.assets[self.run_by(key)]
        if any(CODE + one.key in behind and CODE + one.key not in one.ignored for one in (asset, runs)):
            return True
        deps = [dep for dep in runs.deps if dep not in runs.ignored]
        new = [any(source in behind for source in self._heeded_view(dep)) for dep in deps]
        return bool(new) and (all(new) if asset.requires == "all" else any(new))

    def _heeded_view(self, name: str) -> frozenset[str]:
        return self.heeded(name) if self.derived(name) and not self.counts(name) else frozenset({name})

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


def _asset(declared: Json) -> Asset:
    policy = declared.get("policy", {})
    code = {CODE + declared["key"]} if policy.get("on_code") == "ignore" else set()
    return Asset(
        key=declared["key"],
        source=declared["kind"] == "source",
        deps=tuple(dep["asset"] for dep in declared.get("deps", ())),
        policy=policy.get("kind", "on_demand"),
        exists=declared.get("exists", False),
        code_version=declared.get("code_version", "1"),
        ignored=frozenset(policy.get("ignored", ())) | code,
        requires=policy.get("requires", "any"),
        first_now=policy.get("first_now", False),
        outputs=tuple(declared.get("outputs", ())),
        made_by=declared.get("made_by"),
    )
