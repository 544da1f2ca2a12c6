"""Plays of several domains on one clock: random graphs across them, deliveries late, repeated and out of step."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

from everfresh.simulated import SimulatedWorker
from everfresh.testing import World
from reactors.ports import Done
from streams.definitions import CODE, AssetDef, Dep, Manifest
from streams.events import CROSSING, AssetMaterialized, DomainDelivered, DomainSubscribed, Event, RunGranted
from streams.policies import Cron, Eager, Manual, OnDemand, Policy, Within
from tests.core.test_partitions_random import digest

DOMAINS = ("up", "mid", "down")
TURNS_MAX = 20_000
"""rounds within one step: more of them, and something goes on for ever"""

Fingerprints = dict[str, str]
"""what is read → its fingerprint"""

Code = tuple[str, frozenset[str]]
"""a version, and what it reads"""


def value_of(asset: str, code: str, read: Fingerprints, values: int) -> str:
    """What a run makes of what it reads: one of so many values."""
    told = digest(f"{asset} {code}", [f"{key}={one}" for key, one in sorted(read.items())])
    return f"v{int(told, 16) % values}"


class Computing(SimulatedWorker):
    """A run's fingerprint follows from what it read, and from nothing else."""

    def _made(self, grant: RunGranted) -> Done:
        assert isinstance(self.world, Land)
        read = {key: pin.fingerprint or "" for key, pin in grant.inputs.items() if not key.startswith(CODE)}
        return Done(fingerprint=value_of(grant.asset, grant.code_version, read, self.world.values))

    def _as_told(self, grant: RunGranted, made: Done) -> Done:
        return made


class Land(World):
    """One of the domains."""

    values = 1_000_000

    def _crew(self, compute: bool) -> SimulatedWorker:
        return Computing(self)


@dataclass
class Continent:
    """All domains, and the ways between them: what one says of an asset arrives in order, `delays` ms later."""

    manifests: dict[str, Manifest]
    values: int = 1_000_000  # different ones that an asset can have
    lands: dict[str, Land] = field(init=False)
    delays: dict[str, int] = field(default_factory=dict)
    commits: dict[str, list[str]] = field(default_factory=dict)  # source → the fingerprints of its commits
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
        for manifest in self.manifests.values():
            for one in manifest.assets:
                if one.kind == "derived":
                    self.codes[one.key] = [_code(one)]
        self.advance(0)

    @property
    def clock(self) -> int:
        return max(land.clock for land in self.lands.values())

    def publish(self, source: str, fingerprint: str) -> None:
        self.commits.setdefault(source, []).append(fingerprint)
        self.lands[source.partition("/")[0]].publish(source, fingerprint=fingerprint)

    def definition(self, asset: str) -> AssetDef:
        return next(one for one in self.manifests[asset.partition("/")[0]].assets if one.key == asset)

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

    def published(self, asset: str) -> list[str]:
        """The fingerprints of a source's commits, or of what a Manual asset published."""
        outputs = self.lands[asset.partition("/")[0]].outputs
        events = [one.event() for one in outputs if one.model is AssetMaterialized and one.subject == asset]
        return self.commits.get(asset) or [event.fingerprint or "" for event in events]  # type: ignore[attr-defined]

    def from_scratch(self, asset: str, cut: dict[str, int]) -> str:
        """An asset's fingerprint where sources and code are at the commits that the cut names."""
        version, deps = self.codes[asset][cut[CODE + asset] - 1]
        read = {
            dep: self.published(dep)[cut[dep] - 1] if self.is_root(dep) else self.from_scratch(dep, cut) for dep in deps
        }
        return value_of(asset, version, read, self.values)

    def is_root(self, asset: str) -> bool:
        """It is a source, or one to who reads it."""
        one = self.definition(asset)
        return one.kind == "source" or isinstance(one.policy, Manual)

    def newest(self) -> dict[str, int]:
        """The cut at which all is now."""
        roots = [one.key for manifest in self.manifests.values() for one in manifest.assets if self.is_root(one.key)]
        return {key: len(self.published(key)) for key in roots} | {
            CODE + key: len(codes) for key, codes in self.codes.items()
        }


def _code(one: AssetDef) -> Code:
    return one.code_version, frozenset(dep.asset for dep in one.deps)


def drawn(dice: random.Random, is_wide: bool) -> Continent:
    """Two or three domains, assets among them in any order, and how long runs take. `is_wide`: by all policies."""
    names = DOMAINS[: dice.randint(2, 3)]
    sources = [f"{dice.choice(names)}/s{number}" for number in range(dice.randint(1, 3))]
    known, defined = list(sources), list[AssetDef]()
    longest = dice.choice((0, 500, 5_000))
    for number in range(dice.randint(3, 9)):
        key = f"{dice.choice(names)}/a{number}"
        deps = dice.sample(known[-6:], min(len(known[-6:]), dice.choice((1, 1, 2, 2, 3))))
        reads = tuple(Dep(asset=dep, argument=f"a{place}") for place, dep in enumerate(deps))
        takes = dice.randint(0, longest)
        defined.append(AssetDef(key=key, kind="derived", deps=reads, policy=_policy(dice, is_wide), takes_ms=takes))
        known.append(key)
    for place in reversed(range(len(defined))):
        defined[place] = _promised(dice, defined[place], defined[place + 1 :])
    declared = [AssetDef(key=key, kind="source") for key in sources] + defined
    return Continent(
        {
            name: Manifest(domain=name, deploy=1, assets=tuple(one for one in declared if one.key.startswith(name)))
            for name in names
        },
        values=dice.choice((2, 3, 1_000_000)),
    )


def _policy(dice: random.Random, is_wide: bool) -> Policy:
    within = Within(dice.choice((2_000, 10_000, 30_000, 120_000)))
    if is_wide and dice.random() < 0.4:
        cron = Cron(expression=dice.choice(("* * * * *", "*/5 * * * *")), within_ms=dice.choice((None, 30_000)))
        spaced = dice.choice((within.at_most_every(1_500), Eager().at_most_every(20_000)))
        urgent = within.model_copy(update={"on_code": "now", "first_now": True})
        return dice.choice((cron, spaced, urgent, Eager(5_000, 20_000)))
    return dice.choice((within, within, within, Eager(), Eager(5_000), OnDemand(), Manual()))


def _promised(dice: random.Random, one: AssetDef, below: list[AssetDef]) -> AssetDef:
    """What nobody in its domain needs, and what another domain reads, promises something itself."""
    readers = [other for other in below if any(dep.asset == one.key for dep in other.deps)]
    here = one.key.partition("/")[0] + "/"
    is_needed = any(other.policy.kind != "manual" for other in readers)
    if not isinstance(one.policy, OnDemand) or (is_needed and all(other.key.startswith(here) for other in readers)):
        return one
    return one.model_copy(update={"policy": Within(dice.choice((2_000, 30_000)))})
