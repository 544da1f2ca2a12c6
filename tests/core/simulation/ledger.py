"""What a journal and its outputs say, read without the fold: commits, code, publications, entry by entry.

Who reads whom among partitions it has from the checker, which shares no code with the product.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from streams.definitions import CODE, LOOK, AssetDef, Dep, Manifest
from streams.events import DefinitionsDeclared, Publication, RunGranted
from streams.keys import asset_of, partition_of
from streams.partitions import All, Static
from tests.checker import Trace
from tests.checker.graph import Node
from tests.checker.items import Deploy
from tests.core.simulation.stage import Stage

Values = dict[str, str]


class Heard(NamedTuple):
    """A commit of a root: when, where, and what it is worth."""

    offset: int
    time: int
    value: str


class Stands(NamedTuple):
    """What a node's newest version is right at, and the place in the journal that this cut stands for."""

    cut: dict[str, int]
    place: int
    is_sure: bool
    """a move doesn't say its place, which doesn't matter where nothing came to be meanwhile; and no deploy changed
    what is above it since it, or its run, began: when something is stale by that is another question"""


@dataclass(slots=True)
class Ledger:
    """The journal and its outputs, in journal order."""

    world: Stage
    assets: dict[str, AssetDef] = field(default_factory=dict)
    commits: dict[str, list[Heard]] = field(default_factory=lambda: defaultdict(list))
    code: dict[str, list[tuple[str, frozenset[str], tuple[str, ...]]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    published: dict[Node, Stands] = field(default_factory=dict)
    read: dict[tuple[Node, frozenset[tuple[str, int]]], list[tuple[int, list[Node]]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """node and cut → what its versions there were computed from, each with its place: a node that came to be by a
    command, or a source's partition that existed, is new to its readers, and no cut tells"""
    places: dict[str, int] = field(default_factory=dict)
    """run → the place in the journal that its cut stands for"""
    looked: dict[tuple[str, int], str] = field(default_factory=dict)
    """observed source and look → what was there"""
    granted: dict[str, int] = field(default_factory=dict)
    """run → where it was granted first: a deploy may come before its result"""
    now: int = 0
    offset: int = -1
    heeds_since: dict[str, int] = field(default_factory=dict)  # asset → the deploy that changed what makes it stale
    _last: dict[Node, tuple[str | None, str | None]] = field(default_factory=dict)
    _deploy: int = -1
    _deploys: list[int] = field(default_factory=list)  # where each was declared
    _said: dict[str, frozenset[str]] = field(default_factory=dict)
    _heeds: dict[str, tuple[str, frozenset[str], tuple[frozenset[str], ...]]] = field(default_factory=dict)
    _seen: set[tuple[str, str]] = field(default_factory=set)
    _heeded: dict[str, frozenset[str]] = field(default_factory=dict)  # by the newest deploy
    trace: Trace = field(init=False)
    """what the checker makes of all of it"""

    def __post_init__(self) -> None:
        self.trace = self.world.trace()

    def entry(self, offset: int) -> dict[str, Any]:
        """Take one journal entry in; returns its event."""
        time, event = self.world.journal[offset]
        self.now, self.offset = max(self.now, time), offset
        if event["type"] == DefinitionsDeclared.TYPE:
            self._declare(offset, Manifest.model_validate(event["data"]))
        elif event["type"] == "everfresh.asset.changed.v1":
            self._change(offset, event)
        return event

    def grant(self, one: RunGranted) -> None:
        """Take a grant in."""
        self.places.setdefault(one.run, one.cut_at)
        self.granted.setdefault(one.run, self.offset)
        if one.attempt == 1 and self.is_observed(one.asset):
            self.commits[LOOK + one.asset].append(Heard(self.offset, self.now, one.run))

    def heard(self, one: Publication) -> None:
        """Note what a version was computed from."""
        place = self.offset if one.run is None else self.places[one.run]
        read = [(asset_of(key), partition_of(key)) for key in one.inputs if not key.startswith(CODE)]
        self.read[(one.asset, one.partition), frozenset(one.cut.items())].append((place, read))

    def reads(self, node: Node, cut: dict[str, int], place: int) -> tuple[int, list[Node]]:
        """Where the newest version at a cut belongs, not past the place given, and what it was computed from."""
        known = self.read[node, frozenset(cut.items())]
        return next((one for one in reversed(known) if one[0] <= place), known[0] if known else (place, []))

    def publish(self, offset: int, one: Publication) -> None:
        """Take a publication in; a Manual asset's is a commit for its readers."""
        node = one.asset, one.partition
        place = offset if one.run is None else self.places[one.run]
        soon = self.trace.commits.newest_of(one.cut)
        if one.run is None:
            is_sure = not any(soon < since <= offset for since in self.reached(node).values())
        else:
            is_sure = not any(self._is_moved(node, at) for at in self._deploys if at > self.granted[one.run])
        self.published[node] = Stands(one.cut, place, is_sure)
        if one.run is not None and self.is_observed(one.asset):
            self.looked[one.asset, one.cut[LOOK + one.asset]] = self.world.found[one.run]
        if one.run is not None and not (one.TYPE.endswith("verified.v1")):
            value = (one.uri or "").removeprefix("mem:")
            self.commits[one.asset].append(Heard(offset, self.now, value))

    def _change(self, offset: int, event: dict[str, Any]) -> None:
        key, data = event["subject"], event["data"]
        node = key, data.get("partition") or ""
        is_declared = self.trace.graph(offset).declares(node) and self.assets[key].kind == "source"
        if (event["source"], event["id"]) in self._seen or not is_declared:
            return
        self._seen.add((event["source"], event["id"]))
        if self._last.get(node) != (data["version"], data.get("fingerprint")):
            self._last.pop((key, ""), None)
            self._last[node] = (data["version"], data.get("fingerprint"))
            self.commits[key].append(Heard(offset, self.now, data["uri"].removeprefix("mem:")))

    def _declare(self, offset: int, declared: Manifest) -> None:
        if declared.deploy <= self._deploy:
            return
        self._deploy = declared.deploy
        self._deploys.append(offset)
        graph = self.trace.graph(offset)
        manual = {key for key in self.assets if self.is_root(key)}
        self.assets = {one.key: one for one in declared.assets}
        self._heeded.clear()
        self.published = {
            node: one._replace(is_sure=one.is_sure and not self._is_moved(node, offset))
            for node, one in self.published.items()
            if graph.declares(node) and self.assets[node[0]].kind == "derived"
        }
        self._last = {node: one for node, one in self._last.items() if graph.declares(node) or not node[1]}
        for key, one in self.assets.items():
            code = (one.code_version, frozenset(dep.asset for dep in one.deps), one.outputs)
            said = frozenset(dep.model_dump_json(include={"asset", "mapping"}) for dep in one.deps if dep.mapping)
            said |= {self._names_of(dep) for dep in one.deps if one.partitions is None or dep.mapping is not None}
            said -= {""}
            is_new = not self.code[key] or self.code[key][-1] != code or self._said.get(key) != said
            if one.kind == "derived" and ((key in manual and not self.is_root(key)) or is_new):
                self.code[key].append(code)
                self.commits[CODE + key].append(Heard(offset, self.now, one.code_version))
                self._said[key] = said

        for key, one in self.assets.items():
            if one.kind == "derived":
                heeds = one.policy.requires, self._heard(key, self.heeded(key)), self._jointly(graph.run_by(key))
                if self._heeds.setdefault(key, heeds) != heeds:
                    self._heeds[key], self.heeds_since[key] = heeds, offset

    def _names_of(self, dep: Dep) -> str:
        """The listed partitions of what is computed and read whole."""
        read = self.assets.get(dep.asset)
        is_whole = dep.mapping is None or isinstance(dep.mapping, All)
        if read is None or not is_whole or self.is_root(dep.asset) or not isinstance(read.partitions, Static):
            return ""
        return f"{dep.asset}: {sorted(read.partitions.names)}"

    def is_observed(self, key: str) -> bool:
        return key in self.assets and self.assets[key].observed

    def _is_moved(self, node: Node, deploy: int) -> bool:
        """A deploy has the partition read others than before, at first or second hand, or wait."""
        before, now = self.trace.view(deploy - 1), self.trace.view(deploy)
        is_parted = before.graph.is_parted and now.graph.is_parted
        if is_parted and now.graph.declares(node) and before.lineage(node) != now.lineage(node):
            return True
        return self.trace.moves(Deploy(deploy, now.graph), node)

    def is_root(self, key: str) -> bool:
        """No run here produces it for its readers."""
        return self.assets[key].kind == "source" or self.assets[key].policy.kind == "manual"

    def above(self, key: str) -> frozenset[str]:
        """The roots that a derived asset's cut names."""
        return self.trace.graph(self.offset).ancestors[key]

    def heeded(self, key: str) -> frozenset[str]:
        """The roots whose commits make an asset stale, each by a way on which nobody ignores it."""
        if key not in self._heeded:
            policy = self.assets[key].policy
            found = {CODE + key} if policy.on_code != "ignore" else set()
            found |= {LOOK + key} if self.is_observed(key) else set()
            ways = [dep.asset for dep in self.assets[key].deps if dep.asset not in policy.ignored]
            self._heeded[key] = frozenset(found.union(*map(self.heeded_through, ways)))
        return self._heeded[key]

    def is_modified(self, key: str) -> bool:
        """A policy on the way says of some commits that they make nothing stale, or not yet."""
        policies = [self.assets[one].policy for one in self.trace.graph(self.offset).lineage(key)]
        return any(one.requires == "all" or one.ignored or one.on_code == "ignore" for one in policies)

    def heeded_through(self, key: str) -> frozenset[str]:
        return frozenset((key,)) if self.is_root(key) else self.heeded(key)

    def reached(self, node: Node) -> dict[Node, int]:
        """Whatever is above a node → since which place it is; without partitions that says nothing."""
        view = self.trace.view(self.offset)
        return view.reached(node) if view.graph.is_parted else dict.fromkeys(view.above(node), -1)

    def behind(self, node: Node) -> Heard | None:
        """The oldest of what a node's version leaves out that is heeded: a commit above it, or more to read."""
        stands = self.published[node]
        if not self.trace.graph(self.offset).is_parted:
            return self._by_heeding(node[0], stands.cut)
        late = []
        for key, since in self.reached(node).items():
            if since > stands.place:
                late.append(Heard(since, self.trace.now(since), "more to read"))
            elif self.trace.graph(self.offset).counted(key[0]):
                at = self.trace.commits.after(key, stands.cut.get(key[0], 0))
                late += [Heard(at, self.trace.now(at), "")] if at is not None and at <= self.offset else []
        for name in self.above(node[0]):
            if name.startswith(CODE) and len(heard := self.commits[name]) > stands.cut.get(name, 0):
                late.append(heard[stands.cut.get(name, 0)])
        return min(late, key=lambda one: one.offset, default=None)

    def _by_heeding(self, key: str, cut: dict[str, int]) -> Heard | None:
        """The commit from which on an asset at this cut is stale."""
        asset = self.assets[key]
        if asset.policy.requires == "any":
            return self._oldest(self._heard(key, self.heeded(key)), cut)
        runs = self.assets[asset.made_by or key]  # all that its computation reads
        ways = [self.heeded_through(dep.asset) for dep in runs.deps if dep.asset not in runs.policy.ignored]
        ways += [frozenset((LOOK + runs.key,))] if runs.observed else []
        each = [self._oldest(self._heard(key, way), cut) for way in ways]
        new = [one for one in each if one is not None]
        last = [max(new, key=lambda one: one.offset)] if new and len(new) == len(each) else []
        code = self._oldest(frozenset(CODE + one.key for one in (asset, runs) if one.policy.on_code != "ignore"), cut)
        return min([*last, *([code] if code else [])], key=lambda one: one.offset, default=None)

    def _jointly(self, key: str) -> tuple[frozenset[str], ...]:
        """What an asset that requires all heeds through each input: another policy above may change that."""
        one = self.assets[key]
        inputs = [dep.asset for dep in one.deps if one.policy.requires == "all"]
        return tuple(self._heard(key, self.heeded_through(name)) for name in inputs)

    def _heard(self, key: str, roots: frozenset[str]) -> frozenset[str]:
        """To an Eager asset a look alone is no change."""
        deaf = self.assets[key].policy.kind == "eager"
        return frozenset(root for root in roots if not (deaf and root.startswith(LOOK)))

    def _oldest(self, roots: frozenset[str], cut: dict[str, int]) -> Heard | None:
        late = [heard[cut.get(root, 0)] for root in roots if len(heard := self.commits[root]) > cut.get(root, 0)]
        return min(late, key=lambda one: one.offset, default=None)


__all__ = ["Heard", "Ledger", "Stands"]
