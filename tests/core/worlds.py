"""What the tests of the fold have in common: manifests in a line, worlds with durations, a journal written by hand."""

from typing import Any

from everfresh.testing import World
from reactors.admission import propose
from reactors.apply import apply
from reactors.domain import Domain, Output
from reactors.granting import Terms
from streams.cloudevents import Envelope, envelope
from streams.definitions import AssetDef, Dep, Manifest
from streams.events import (
    AssetChanged,
    DefinitionsDeclared,
    Event,
    Held,
    RunFailed,
    RunGranted,
    RunLost,
    RunSucceeded,
    WorkerHeartbeat,
)
from streams.policies import OnDemand, Policy, Within

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
FIVE_MINUTES = Within("5m")


def source(key: str, **fields: Any) -> AssetDef:
    return AssetDef(key=key, kind="source", **fields)


def derived(key: str, *deps: str, policy: Policy | None = None, **fields: Any) -> AssetDef:
    reads = tuple(Dep(asset=dep, argument=f"a{place}") for place, dep in enumerate(deps))
    return AssetDef(key=key, kind="derived", deps=reads, policy=policy or OnDemand(), **fields)


def observed(key: str, policy: Policy | None = None, **fields: Any) -> AssetDef:
    """A source that is looked at."""
    return derived(key, policy=policy, observed=True, **fields)


def domain_of(*assets: AssetDef, **fields: Any) -> Manifest:
    return Manifest(domain="d", deploy=1, assets=assets, **fields)


def chain(length: int, policy: Policy, **fields: Any) -> Manifest:
    """d/s → d/c1 → d/c2 → … ; the last one has the policy, the others are OnDemand."""
    links = [derived("d/c1", "d/s", **fields)]
    links += [derived(f"d/c{number}", f"d/c{number - 1}", **fields) for number in range(2, length + 1)]
    links[-1] = links[-1].model_copy(update={"policy": policy})
    return domain_of(source("d/s"), *links)


def skipping_diamond(policy: Policy) -> Manifest:
    """a → b → d and a → c1 → c2 → d: one branch is longer than the other."""
    return domain_of(
        source("d/s"),
        derived("d/a", "d/s"),
        derived("d/b", "d/a"),
        derived("d/c1", "d/a"),
        derived("d/c2", "d/c1"),
        derived("d/d", "d/b", "d/c2", policy=policy),
    )


def world_of(*assets: AssetDef, takes: str = "0s", **fields: Any) -> World:
    """A world of these assets in which every run takes as long as is said."""
    world = World(domain_of(*assets, **fields))
    for asset in assets:
        if asset.kind == "derived":
            world.takes(asset.key, takes)
    return world


def single(policy: Policy, takes: str = "0s", **fields: Any) -> World:
    """d/s → d/a."""
    return world_of(source("d/s"), derived("d/a", "d/s", policy=policy, **fields), takes=takes)


def elapsed(world: World) -> int:
    """ms since the world began."""
    return world.clock - world.journal[0][0]


def granted(world: World, asset: str) -> list[float]:
    """When runs of the asset were granted, in seconds since the world began."""
    return [(run.granted_at - world.journal[0][0]) / SECOND for run in world.runs(asset)]


def outcomes(world: World, asset: str) -> list[str | None]:
    return [run.outcome for run in world.runs(asset)]


def said(world: World, kind: str, asset: str) -> list[dict[str, Any]]:
    """The data of the outputs of a kind that are about an asset, oldest first."""
    return [one for one in world.events(f"everfresh.{kind}.v1") if one["asset"] == asset]


def verdicts(world: World, asset: str) -> list[str]:
    """Each verdict that was told, without repeats in a row."""
    told = [one["verdict"] for one in said(world, "freshness.changed", asset)]
    return [one for place, one in enumerate(told) if place == 0 or told[place - 1] != one]


def publish_each(world: World, asset: str, every: str, times: int) -> None:
    world.each(every, times, lambda _: world.publish(asset))


class Journal:
    """A journal and its fold, entry by entry: the test itself is the publisher, the workers and the clock."""

    def __init__(self, manifest: Manifest, terms: Terms | None = None) -> None:
        self.entries: list[tuple[int, Envelope]] = []
        self.domain, self.terms, self.clock = Domain(), terms or Terms(), 1_767_225_600_000
        self.append(DefinitionsDeclared(**manifest.model_dump()), manifest.domain)
        self.codes = {one.key: one.code_version for one in manifest.assets if one.kind == "derived"}

    def append(self, event: Any, subject: str, name: str = "", at: int | None = None) -> list[Output]:
        """Append an entry now, or at another time, and fold it."""
        offset, time = len(self.entries), self.clock if at is None else at
        self.entries.append((time, envelope(event, name or f"e{offset}", "test", subject, time)))
        return apply(self.domain, offset, *self.entries[-1])

    def change(self, asset: str, version: str | None = None, **fields: Any) -> list[Output]:
        return self.append(AssetChanged(version=version, **fields), asset)

    def beat(self, worker: str, slots: int, *held: RunGranted, **fields: Any) -> list[Output]:
        holds = tuple(Held(run=one.run, attempt=one.attempt) for one in held)
        codes = fields.pop("code_versions", self.codes)
        beat = WorkerHeartbeat(worker=worker, slots=slots, code_versions=codes, holds=holds, **fields)
        return self.append(beat, worker)

    def proposals(self) -> list[Event]:
        return propose(self.domain, self.clock, self.terms)

    def turn(self) -> list[RunGranted]:
        """Append and fold what is proposed, until nothing is; returns the grants that were accepted."""
        accepted: list[RunGranted] = []
        while proposals := self.proposals():
            for event in proposals:
                accepted += accepted_in(self.append(event, getattr(event, "asset", "d")))
        return accepted

    def report(self, grant: RunGranted, outcome: type[Event] = RunSucceeded, **fields: Any) -> list[Output]:
        """A report of the attempt, by its worker."""
        named = {"run": grant.run, "asset": grant.asset, "attempt": grant.attempt, "worker": grant.worker}
        if outcome in (RunSucceeded, RunFailed):
            fields = {"started_at": self.clock, "finished_at": self.clock, "duration_ms": 0} | fields
        if outcome is RunFailed:
            fields = {"error": "it broke"} | fields
        return self.append(outcome(**named, **fields), grant.asset)

    def lose(self, grant: RunGranted, **fields: Any) -> list[Output]:
        basis = fields.pop("basis", len(self.entries) - 1)
        return self.report(grant, RunLost, basis=basis, reason="silent", **fields)


def accepted_in(outputs: list[Output]) -> list[RunGranted]:
    return [event for one in outputs if isinstance(event := one.event(), RunGranted)]


def told(outputs: list[Output]) -> list[str]:
    """The types of outputs, without the prefix."""
    return [one.model.TYPE.removeprefix("everfresh.").removesuffix(".v1") for one in outputs]
