"""The compiled graph of a domain: order, readers, ancestors. Built once a deploy, never changed after."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from reactors.soundness import assets_of, foreign_of, mapping_of
from streams.definitions import CODE, LOOK, PSEUDO, AssetDef, Manifest
from streams.errors import DefinitionError
from streams.partitions import Mapping, Partitions

PROMISED = ("within", "eager", "cron")
"""kinds of policies that run by themselves, and whatever they need"""


@dataclass(frozen=True, slots=True)
class Graph:
    """Who reads whom.

    A *root* is what no run here produces for its readers: a source, another domain's asset, an asset's code
    (`code:<asset>`), or a Manual asset as its readers see it.
    """

    assets: dict[str, AssetDef]
    inputs: dict[str, tuple[str, ...]]  # derived asset → what it reads, its own code last
    readers: dict[str, tuple[str, ...]]  # anything → the derived assets that read it
    order: tuple[str, ...]  # derived assets, inputs before readers
    rank: dict[str, int]  # derived asset → its place in `order`
    sources: frozenset[str]  # the roots that publishers may change
    roots: frozenset[str]
    expected: dict[str, int]  # source → how long it may be silent, in ms
    foreign: frozenset[str]  # the roots that another domain publishes
    promised: tuple[str, ...]  # derived assets with a Within, inputs before readers
    needed: frozenset[str]  # derived assets that some promise needs, the promised ones included
    partitioned: dict[str, Partitions]  # of those assets that have some
    mappings: dict[tuple[str, str], Mapping]  # (reader, what it reads) → which partitions, where that has some
    ignored: dict[
        str, frozenset[str]
    ]  # derived asset → inputs through which nothing becomes stale, where there are any
    made_by: dict[str, str]  # output → the computation that makes it
    joint: frozenset[str]  # derived assets that are stale once all of their inputs have changed
    awaited: frozenset[str]  # whatever such assets, or followers, may be marked through: marking doesn't stop there
    observed: frozenset[str]  # sources that runs look at
    followers: frozenset[
        str
    ]  # Eager assets below these: a look alone is no change, so they go along with others' looks
    _above: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _abroad: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _heeded: dict[str, frozenset[str]] = field(default_factory=dict)

    def above(self, asset: str) -> tuple[str, ...]:
        """The ancestor roots of a derived asset, sorted: what its cut names. Remembered once worked out."""
        found = self._above.get(asset)
        if found is None:
            found = self._work_out_above(asset)
        return found

    @property
    def heeds_all(self) -> bool:
        """Each commit above an asset makes it stale at once: no policy says otherwise."""
        return not (self.ignored or self.joint or self.followers)

    def abroad(self, asset: str) -> tuple[str, ...]:
        """Those ancestor roots of a derived asset that other domains publish, sorted."""
        found = self._abroad.get(asset)
        if found is None:
            found = self._abroad[asset] = tuple(one for one in self.above(asset) if one in self.foreign)
        return found

    def heeded(self, asset: str) -> frozenset[str]:
        """Those ancestor roots of a derived asset whose commits make it stale: not through an ignored input alone."""
        for one in self.order if not self._heeded else ():  # inputs come before readers
            ignored = self.ignored.get(one, ())
            heeded = [dep for dep in self.inputs[one] if dep not in ignored]
            through = (self._heeded[dep] if dep not in self.roots else (dep,) for dep in heeded)
            self._heeded[one] = frozenset().union(*through)
        return self._heeded[asset]

    def _work_out_above(self, asset: str) -> tuple[str, ...]:
        # A stack, not recursion: a chain of assets may be longer than Python's stack.
        stack = [asset]
        while stack:
            top = stack[-1]
            derived = [one for one in self.inputs[top] if one not in self.roots]
            unknown = [one for one in derived if one not in self._above]
            if unknown:
                stack.extend(unknown)
                continue
            stack.pop()
            reached = {one for one in self.inputs[top] if one in self.roots}
            self._above[top] = tuple(sorted(reached.union(*(self._above[one] for one in derived))))
        return self._above[asset]

    def unneeded(self) -> list[str]:
        """The on-demand assets that no promise needs, inputs first: only a command ever runs them."""
        return [key for key in self.order if self.is_unneeded(key)]

    def is_unneeded(self, asset: str) -> bool:
        """A derived asset is one of these. What is made along with something that is needed isn't."""
        is_needed = asset in self.needed or self.made_by.get(asset) in self.needed
        return self.assets[asset].policy.kind == "on_demand" and not is_needed

    def made_before(self, asset: str) -> list[str]:
        """Every derived asset above this one (not through a Manual one), in no particular order."""
        found: dict[str, None] = {}
        stack = [asset]
        while stack:
            for one in self.inputs[stack.pop()]:
                if one not in self.roots and one not in found:
                    found[one] = None
                    stack.append(one)
        return list(found)

    def below(self, assets: Iterable[str]) -> list[str]:
        """Every derived asset downstream of these (not through a Manual one), inputs first."""
        found: set[str] = set()
        stack = list(assets)
        while stack:
            for reader in self.readers.get(stack.pop(), ()):
                if reader not in found:
                    found.add(reader)
                    if reader not in self.roots:
                        stack.append(reader)
        return sorted(found, key=self.rank.__getitem__)

    def lineage(self, asset: str) -> list[str]:
        """Every asset upstream of this one, roots too, in a stable order."""
        found: dict[str, None] = {}
        stack = [asset]
        while stack:
            for one in self.inputs.get(stack.pop(), ()):
                if one not in found and not one.startswith(PSEUDO):
                    found[one] = None
                    stack.append(one)
        return sorted(found)


def compile_graph(manifest: Manifest) -> Graph:
    """Compile a manifest. Raises DefinitionError: two assets of a name, an unknown dep (with a suggestion), a cycle."""
    assets = assets_of(manifest)
    inputs: dict[str, tuple[str, ...]] = {}
    roots = {key for key, asset in assets.items() if asset.kind == "source" or asset.policy.kind == "manual"}
    foreign: set[str] = set()
    for key, asset in assets.items():
        if asset.kind == "derived":
            deps = dict.fromkeys(dep.asset for dep in asset.deps)
            foreign.update(foreign_of(manifest.domain, key, deps, assets))
            inputs[key] = (*deps, LOOK + key, CODE + key) if asset.observed else (*deps, CODE + key)
            roots.update(inputs[key][len(deps) :])
    roots |= foreign
    order = _ordered(inputs)
    observed = frozenset(key for key in order if assets[key].observed)
    followers = _followers(order, assets, inputs) if observed else observed
    partitioned = {key: asset.partitions for key, asset in assets.items() if asset.partitions is not None}
    return Graph(
        assets=assets,
        inputs=inputs,
        readers=_reversed(inputs, order),
        order=order,
        rank={key: place for place, key in enumerate(order)},
        sources=frozenset(key for key, asset in assets.items() if asset.kind == "source"),
        roots=frozenset(roots),
        expected={key: asset.expect_every_ms for key, asset in assets.items() if asset.expect_every_ms is not None},
        foreign=frozenset(foreign),
        promised=tuple(key for key in order if assets[key].policy.kind == "within"),
        needed=frozenset(_needed(assets, inputs, roots)),
        partitioned=partitioned,
        mappings={
            (key, dep.asset): mapping_of(assets[key], dep, partitioned, dep.asset not in roots)
            for key in inputs
            for dep in assets[key].deps
            if dep.asset in partitioned or dep.mapping is not None
        },
        ignored={key: found for key in order if (found := _ignored(assets[key]))},
        made_by={key: asset.made_by for key, asset in assets.items() if asset.made_by is not None},
        joint=frozenset(key for key in inputs if assets[key].policy.requires == "all"),
        awaited=frozenset(_awaited(assets, inputs, roots, followers)),
        observed=observed,
        followers=followers,
    )


def _followers(order: Iterable[str], assets: dict[str, AssetDef], inputs: dict[str, tuple[str, ...]]) -> frozenset[str]:
    below: set[str] = set()
    for key in order:
        if assets[key].observed or (below.intersection(inputs[key]) and assets[key].policy.kind != "manual"):
            below.add(key)
    return frozenset(key for key in below if assets[key].policy.kind == "eager")


def _awaited(
    assets: dict[str, AssetDef], inputs: dict[str, tuple[str, ...]], roots: set[str], followers: Iterable[str]
) -> set[str]:
    joint = {one.made_by for one in assets.values() if one.made_by and one.policy.requires == "all"}
    found: set[str] = set()
    stack = list(followers)
    while stack:
        for one in inputs[stack.pop()]:
            if one in inputs and one not in roots and one not in found:
                found.add(one)
                stack.append(one)
    return found | joint


def _ignored(asset: AssetDef) -> frozenset[str]:
    code = (CODE + asset.key,) if asset.policy.on_code == "ignore" else ()
    return frozenset((*asset.policy.ignored, *code))


def _ordered(inputs: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    waiting = {key: sum(one in inputs for one in deps) for key, deps in inputs.items()}
    readers = _reversed(inputs, inputs)
    ready = [key for key, count in waiting.items() if count == 0]
    order: list[str] = []
    for key in ready:
        order.append(key)
        for reader in readers.get(key, ()):
            waiting[reader] -= 1
            if waiting[reader] == 0:
                ready.append(reader)
    if len(order) < len(inputs):
        raise DefinitionError(
            f"assets read each other in a circle: {' → '.join(_circle(inputs, set(order)))}; break it"
        )
    return tuple(order)


def _circle(inputs: dict[str, tuple[str, ...]], placed: set[str]) -> list[str]:
    at = min(key for key in inputs if key not in placed)
    path: list[str] = []
    while at not in path:
        path.append(at)
        at = next(one for one in inputs[at] if one in inputs and one not in placed)
    circle = path[path.index(at) :]
    return [*circle[::-1], circle[-1]]


def _reversed(inputs: dict[str, tuple[str, ...]], order: Iterable[str]) -> dict[str, tuple[str, ...]]:
    readers: dict[str, list[str]] = {}
    for key in order:
        for one in inputs[key]:
            readers.setdefault(one, []).append(key)
    return {key: tuple(found) for key, found in readers.items()}


def has_promise(asset: AssetDef) -> bool:
    """It is run by itself, be it for its first version only."""
    return asset.policy.kind in PROMISED or asset.policy.first_now


def _needed(assets: dict[str, AssetDef], inputs: dict[str, tuple[str, ...]], roots: set[str]) -> set[str]:
    promised = [key for key in inputs if has_promise(assets[key])]
    found = set(promised)
    # An Eager asset goes along when a source is looked at; it has nobody look.
    for eager in (False, True):
        stack = [key for key in promised if (assets[key].policy.kind == "eager") == eager]
        while stack:
            for one in inputs[stack.pop()]:
                if one in inputs and one not in roots and one not in found and not (eager and assets[one].observed):
                    found.add(one)
                    stack.append(one)
    return found
