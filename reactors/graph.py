"""The compiled graph of a domain: order, readers, ancestors. Built once a deploy, never changed after."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from streams.definitions import CODE, LOOK, AssetDef, Dep, Manifest
from streams.errors import DefinitionError
from streams.grids import READ_MAX, meant, whole, windows_of
from streams.partitions import All, Mapping, Partitions

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
        """A derived asset is one of these."""
        return self.assets[asset].policy.kind == "on_demand" and asset not in self.needed

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
                if one not in found and not one.startswith((CODE, LOOK)):
                    found[one] = None
                    stack.append(one)
        return sorted(found)


def compile_graph(manifest: Manifest) -> Graph:
    """Compile a manifest. Raises DefinitionError: two assets of a name, an unknown dep (with a suggestion), a cycle."""
    assets: dict[str, AssetDef] = {}
    for asset in manifest.assets:
        if asset.key in assets:
            raise DefinitionError(
                f"asset {asset.key!r} is declared twice in domain {manifest.domain!r}; rename one of them"
            )
        assets[asset.key] = asset
    inputs: dict[str, tuple[str, ...]] = {}
    roots = {key for key, asset in assets.items() if asset.kind == "source" or asset.policy.kind == "manual"}
    foreign: set[str] = set()
    for key, asset in assets.items():
        if asset.kind == "derived":
            deps = dict.fromkeys(dep.asset for dep in asset.deps)
            foreign.update(_foreign(manifest.domain, key, deps, assets))
            inputs[key] = (*deps, LOOK + key, CODE + key) if asset.observed else (*deps, CODE + key)
            roots.update(inputs[key][len(deps) :])
    roots |= foreign
    order = _ordered(inputs)
    for asset in assets.values():
        _check_policy(asset)
        _check_outputs(asset, assets)
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
            (key, dep.asset): _mapping(assets[key], dep, partitioned, dep.asset not in roots)
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
    found = {one.made_by for one in assets.values() if one.made_by and one.policy.requires == "all"}
    stack = list(followers)
    while stack:
        for one in inputs[stack.pop()]:
            if one in inputs and one not in roots and one not in found:
                found.add(one)
                stack.append(one)
    return found


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


def _ignored(asset: AssetDef) -> frozenset[str]:
    code = (CODE + asset.key,) if asset.policy.on_code == "ignore" else ()
    return frozenset((*asset.policy.ignored, *code))


def _mapping(asset: AssetDef, dep: Dep, partitioned: dict[str, Partitions], is_made: bool) -> Mapping:
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


def _foreign(domain: str, reader: str, deps: Iterable[str], assets: dict[str, AssetDef]) -> list[str]:
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


def _needed(assets: dict[str, AssetDef], inputs: dict[str, tuple[str, ...]], roots: set[str]) -> set[str]:
    promised = [key for key in inputs if assets[key].policy.kind in PROMISED or assets[key].policy.first_now]
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
