"""What a journal and its outputs say, read without the fold: commits, code, publications, alerts, entry by entry."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from everfresh.testing import World
from streams.definitions import CODE, AssetDef, Manifest
from streams.events import (
    AlertOpened,
    AlertResolved,
    AssetQuarantined,
    DefinitionsDeclared,
    Publication,
    RunCancelled,
    RunEnded,
    RunGranted,
)

Values = dict[str, str]


@dataclass(frozen=True, slots=True)
class Heard:
    """A commit of a root: when, where, and what it is worth."""

    offset: int
    time: int
    value: str


@dataclass(slots=True)
class Ledger:
    """The journal and its outputs, in journal order."""

    world: World
    assets: dict[str, AssetDef] = field(default_factory=dict)
    commits: dict[str, list[Heard]] = field(default_factory=lambda: defaultdict(list))
    code: dict[str, list[tuple[str, frozenset[str], tuple[str, ...]]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    published: dict[str, Publication] = field(default_factory=dict)
    now: int = 0
    heeds_since: dict[str, int] = field(default_factory=dict)  # asset → the deploy that changed what makes it stale
    _last: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    _deploy: int = -1
    _heeds: dict[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    _above: dict[str, set[str]] = field(default_factory=dict)
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def entry(self, offset: int) -> dict[str, Any]:
        """Take one journal entry in; returns its event."""
        time, event = self.world.journal[offset]
        self.now = max(self.now, time)
        if event["type"] == DefinitionsDeclared.TYPE:
            self._declare(offset, Manifest.model_validate(event["data"]))
        elif event["type"] == "everfresh.asset.changed.v1":
            self._change(offset, event)
        return event

    def publish(self, offset: int, one: Publication) -> None:
        """Take a publication in; a Manual asset's is a commit for its readers."""
        self.published[one.asset] = one
        if one.run is not None and not (one.TYPE.endswith("verified.v1")):
            value = (one.uri or "").removeprefix("mem:")
            self.commits[one.asset].append(Heard(offset, self.now, value))

    def _change(self, offset: int, event: dict[str, Any]) -> None:
        key, data = event["subject"], event["data"]
        if (event["source"], event["id"]) in self._seen or key not in self.assets:
            return
        self._seen.add((event["source"], event["id"]))
        if self._last.get(key) != (data["version"], data.get("fingerprint")):
            self._last[key] = (data["version"], data.get("fingerprint"))
            self.commits[key].append(Heard(offset, self.now, data["uri"].removeprefix("mem:")))

    def _declare(self, offset: int, declared: Manifest) -> None:
        if declared.deploy <= self._deploy:
            return
        self._deploy = declared.deploy
        self._above = {}
        manual = {key for key in self.assets if self.is_root(key)}
        self.assets = {one.key: one for one in declared.assets}
        for key, one in self.assets.items():
            code = (one.code_version, frozenset(dep.asset for dep in one.deps), one.outputs)
            looked_through = key in manual and not self.is_root(key)
            if one.kind == "derived" and (looked_through or not self.code[key] or self.code[key][-1] != code):
                self.code[key].append(code)
                self.commits[CODE + key].append(Heard(offset, self.now, one.code_version))

        for key, one in self.assets.items():
            if one.kind == "derived":
                heeds = one.policy.requires, frozenset(self.heeded(key))
                if self._heeds.setdefault(key, heeds) != heeds:
                    self._heeds[key], self.heeds_since[key] = heeds, offset

    def is_root(self, key: str) -> bool:
        return self.assets[key].kind == "source" or self.assets[key].policy.kind == "manual"

    def above(self, key: str) -> set[str]:
        """The roots above a derived asset."""
        if key not in self._above:
            found = {CODE + key}
            for dep in self.assets[key].deps:
                found |= {dep.asset} if self.is_root(dep.asset) else self.above(dep.asset)
            self._above[key] = found
        return self._above[key]

    def heeded(self, key: str) -> set[str]:
        """The roots whose commits make an asset stale, each by a way on which nobody ignores it."""
        policy = self.assets[key].policy
        found = set() if policy.on_code == "ignore" else {CODE + key}
        return found.union(
            *(self.heeded_through(dep.asset) for dep in self.assets[key].deps if dep.asset not in policy.ignored)
        )

    def heeded_through(self, key: str) -> set[str]:
        return {key} if self.is_root(key) else self.heeded(key)

    def behind(self, key: str, cut: dict[str, int]) -> Heard | None:
        """The commit from which on an asset at this cut is stale."""
        asset = self.assets[key]
        if asset.policy.requires == "any":
            return self._oldest(self.heeded(key), cut)
        runs = self.assets[asset.made_by or key]  # all that its computation reads
        deps = [dep.asset for dep in runs.deps if dep.asset not in runs.policy.ignored]
        each = [self._oldest(self.heeded_through(dep), cut) for dep in deps]
        new = [one for one in each if one is not None]
        last = [max(new, key=lambda one: one.offset)] if new and len(new) == len(each) else []
        code = self._oldest({CODE + one.key for one in (asset, runs) if one.policy.on_code != "ignore"}, cut)
        return min([*last, *([code] if code else [])], key=lambda one: one.offset, default=None)

    def _oldest(self, roots: set[str], cut: dict[str, int]) -> Heard | None:
        late = [heard[cut.get(root, 0)] for root in roots if len(heard := self.commits[root]) > cut.get(root, 0)]
        return min(late, key=lambda one: one.offset, default=None)


RUN_OUTPUTS = (RunGranted, RunCancelled, RunEnded)
ALERTS = (AlertOpened, AlertResolved)
__all__ = ["ALERTS", "RUN_OUTPUTS", "AssetQuarantined", "Heard", "Ledger"]
