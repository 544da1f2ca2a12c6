"""Plays of several domains on one clock: random graphs across them, deliveries late, repeated and out of step."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

from everfresh.simulated import SimulatedWorker
from everfresh.testing import World
from reactors.ports import Done
from streams.definitions import CODE, LOOK, AssetDef, Dep, Manifest
from streams.events import (
    CROSSING,
    AssetMaterialized,
    AssetReleased,
    DomainDelivered,
    DomainSubscribed,
    Event,
    MadeOutput,
    RunGranted,
)
from streams.keys import node_key
from streams.policies import Manual
from tests.core.test_partitions_random import digest

TURNS_MAX = 20_000
"""rounds within one step: more of them, and something goes on for ever"""

Fingerprints = dict[str, str]
"""what is read → its fingerprint"""

Code = tuple[str, frozenset[str]]
"""a version, and what it reads"""

Commit = tuple[str, str]
"""a partition, and its fingerprint"""


def value_of(asset: str, code: str, read: Fingerprints, values: int) -> str:
    """What a run makes of what it reads: one of so many values."""
    told = digest(f"{asset} {code}", [f"{key}={one}" for key, one in sorted(read.items())])
    return f"v{int(told, 16) % values}"


class Computing(SimulatedWorker):
    """A run's fingerprint follows from what it read, and from nothing else."""

    def _made(self, grant: RunGranted) -> Done:
        assert isinstance(self.world, Land)
        if grant.asset in self.outside:
            found = self.world.found[grant.run] = self.outside[grant.asset]
            return Done(version=found, fingerprint=found)
        read = {key: pin.fingerprint or "" for key, pin in grant.inputs.items() if not key.startswith(CODE)}
        node = node_key(grant.asset, grant.partition)
        made = value_of(node, grant.code_version, read, self.world.values)
        outputs = {
            one: MadeOutput(fingerprint=value_of(node_key(one, grant.partition), "1", {node: made}, self.world.values))
            for one in self.outputs.get(grant.asset, ())
        }
        return Done(fingerprint=made, outputs=outputs)

    def _as_told(self, grant: RunGranted, made: Done) -> Done:
        """What a check answers where somebody said so; the fingerprint is as it was made."""
        if not made.outputs:
            return made.model_copy(update={"checks": self._verdict(grant.asset)})
        judged = {key: one.model_copy(update={"checks": self._verdict(key)}) for key, one in made.outputs.items()}
        return made.model_copy(update={"outputs": judged})


class Land(World):
    """One of the domains."""

    values = 1_000_000

    def _crew(self, compute: bool) -> SimulatedWorker:
        self.found: dict[str, str] = {}  # look → what was there
        return Computing(self)

    def looked(self, asset: str, look: int) -> str | None:
        """What an observed source was found to be at the look of that number."""
        looks = [one for one in self.history.runs if one.asset == asset and one.run in self.found]
        return next((self.found[one.run] for one in reversed(looks) if one.cut[LOOK + asset] == look), None)


@dataclass
class Continent:
    """All domains, and the ways between them: what one says of an asset arrives in order, `delays` ms later."""

    manifests: dict[str, Manifest]
    values: int = 1_000_000  # different ones that an asset can have
    lands: dict[str, Land] = field(init=False)
    delays: dict[str, int] = field(default_factory=dict)
    commits: dict[str, list[Commit]] = field(default_factory=dict)  # source → its commits
    codes: dict[str, list[Code]] = field(default_factory=dict)  # asset → its code, and each that came after it
    delivered: list[DomainDelivered] = field(default_factory=list)
    _read: dict[str, int] = field(default_factory=dict)
    _under_way: list[tuple[int, int, Event]] = field(default_factory=list)
    _arrives: dict[str, int] = field(default_factory=dict)
    _order: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.lands = {name: Land(one) for name, one in self.manifests.items()}
        for land in self.lands.values():
            land.values = self.values
        self.codes = {one.key: [_code(one)] for one in self.declared() if one.kind == "derived"}
        self.advance(0)

    @property
    def clock(self) -> int:
        return max(land.clock for land in self.lands.values())

    def publish(self, source: str, fingerprint: str, partition: str = "") -> None:
        """A change; of what is looked at, one that nobody is told."""
        if not self.definition(source).observed:
            self.commits.setdefault(source, []).append((partition, fingerprint))
            fields = {"fingerprint": fingerprint} | ({"partition": partition} if partition else {})
            self.home(source).publish(source, **fields)
        else:
            self.home(source).publish(source, fingerprint)

    def home(self, asset: str) -> Land:
        """The domain that declares it."""
        return self.lands[asset.partition("/")[0]]

    def names(self, asset: str) -> tuple[str, ...]:
        """Its partitions; the empty name stands for one that has none."""
        parts = self.definition(asset).partitions
        return getattr(parts, "names", ("",))

    def declared(self) -> list[AssetDef]:
        """Every asset of every domain, as the newest deploys have them."""
        return [one for manifest in self.manifests.values() for one in manifest.assets]

    def definition(self, asset: str) -> AssetDef:
        """As the newest deploy has it."""
        return next(one for one in self.manifests[asset.partition("/")[0]].assets if one.key == asset)

    def run_by(self, asset: str) -> str:
        """What runs for it: an output's computation, or itself."""
        return self.definition(asset).made_by or asset

    def renew(self, asset: str, deps: tuple[Dep, ...] | None = None) -> None:
        """A deploy with new code of one asset, or with other deps."""
        name = asset.partition("/")[0]
        before = self.definition(asset)
        update = {"code_version": str(len(self.codes[asset]) + 1)} if deps is None else {"deps": deps}
        now = before.model_copy(update=update)
        if _code(now) != _code(before):
            self.codes[asset].append(_code(now))
        manifest = self.manifests[name]
        assets = tuple(now if one.key == asset else one for one in manifest.assets)
        self.manifests[name] = manifest.model_copy(update={"assets": assets})
        self.lands[name].deploy(self.manifests[name])

    def repeat(self, pick: int) -> None:
        """A delivery comes once more, as after a crash."""
        if self.delivered:
            self._post(self.delivered[pick % len(self.delivered)])

    def advance(self, ms: int) -> None:
        end = self.clock + ms
        for _ in range(TURNS_MAX):
            self._carry()
            at = min((one for one in self._instants() if one is not None), default=None)
            now = end if at is None else min(end, at)
            for land in self.lands.values():
                land.advance(max(0, now - land.clock))
            self._carry()
            while self._under_way and self._under_way[0][0] <= now:
                self._post(heappop(self._under_way)[2])
            if now == end and not self._is_due(end):
                return
        raise AssertionError(f"it goes on and on at {self.clock}")

    def _is_due(self, end: int) -> bool:
        self._carry()
        return any(at is not None and at <= end for at in self._instants())

    def _instants(self) -> list[int | None]:
        return [*(land._next() for land in self.lands.values()), self._under_way[0][0] if self._under_way else None]

    def _carry(self) -> None:
        for name, land in self.lands.items():
            fresh, self._read[name] = land.outputs[self._read.get(name, 0) :], len(land.outputs)
            for output in fresh:
                if output.model not in CROSSING:
                    continue
                event = output.event()
                way = event.asset if isinstance(event, DomainDelivered) else ""
                at = max(self._arrives.get(way, 0), self.clock + self.delays.get(way, 0))
                self._arrives[way] = at
                heappush(self._under_way, (at, next(self._order), event))

    def _post(self, event: Event) -> None:
        assert isinstance(event, DomainSubscribed | DomainDelivered)
        if isinstance(event, DomainDelivered):
            self.delivered.append(event)
        land = self.lands[event.to]
        land.append(event, event.asset if isinstance(event, DomainDelivered) else event.to)
        land.settle()

    # what should be

    def published(self, asset: str) -> list[Commit]:
        """A source's commits, or what a Manual asset published."""
        outputs = self.home(asset).outputs
        published = (AssetMaterialized, AssetReleased)
        events = [one.event() for one in outputs if one.model in published and one.subject == asset]
        return self.commits.get(asset) or [("", event.fingerprint or "") for event in events]  # type: ignore[attr-defined]

    def from_scratch(self, asset: str, cut: dict[str, int], partition: str = "") -> str | None:
        """Its fingerprint where sources, looks and code are at the commits that the cut names; None: it isn't there.

        A source that is looked at, and of which the cut says nothing, is as it is now.
        """
        if self.is_root(asset):
            known = self.published(asset)[: cut[asset]]
            return next((value for name, value in reversed(known) if name == partition), None)
        if self.definition(asset).observed:
            look, land = cut.get(LOOK + asset), self.home(asset)
            return land.worker.outside[asset] if look is None else land.looked(asset, look)
        version, deps = self.codes[asset][cut[CODE + asset] - 1]
        read: Fingerprints = {}
        for dep in deps:
            names = self.names(dep)
            is_whole = not partition or self.home(dep) is not self.home(asset)
            if is_whole and self.is_root(dep) and names != ("",):
                read[dep] = f"#{cut[dep]}"  # a source read whole: all of its commits
                continue
            wanted = (partition,) if partition in names else names
            values = {node_key(dep, name): self.from_scratch(dep, cut, name) for name in wanted}
            there = {key: value for key, value in values.items() if value is not None}
            if not there:
                return None
            read |= there  # of a table read whole, the partitions that there are
        return value_of(node_key(asset, partition), version, read, self.values)

    def is_looked_at(self, asset: str) -> bool:
        """It, or something that it comes from, is looked at."""
        one = self.definition(asset)
        return one.observed or any(self.is_looked_at(dep.asset) for dep in one.deps)

    def is_root(self, asset: str) -> bool:
        """It is a source, or one to who reads it."""
        one = self.definition(asset)
        return one.kind == "source" or isinstance(one.policy, Manual)

    def newest(self) -> dict[str, int]:
        """The cut at which all is now, but for what is looked at."""
        roots = [one.key for one in self.declared() if self.is_root(one.key)]
        return {key: len(self.published(key)) for key in roots} | {
            CODE + key: len(codes) for key, codes in self.codes.items()
        }


def _code(one: AssetDef) -> Code:
    return one.code_version, frozenset(dep.asset for dep in one.deps)
