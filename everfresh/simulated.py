"""The world's worker: takes grants, lets virtual time pass, and reports what it was told to."""

from heapq import heappop, heappush
from typing import Any, Protocol, TypeVar

from reactors.compute import fingerprint_of
from reactors.domain import Output
from reactors.granting import Terms
from reactors.ports import Done, Failed
from reactors.recipes import Code
from streams.definitions import CheckDef, Manifest
from streams.events import (
    CheckResult,
    Event,
    Held,
    MadeOutput,
    RunCancelled,
    RunFailed,
    RunGranted,
    RunStarted,
    RunSucceeded,
    WorkerHeartbeat,
)


class Stage(Protocol):
    """What the worker needs of its world."""

    clock: int
    terms: Terms

    def append(self, event: Event, subject: str) -> None:
        """Append to the journal."""


M = TypeVar("M", Done, MadeOutput)

UNLIMITED = 1_000_000
"""slots of a world that said nothing about them"""


class SimulatedWorker:
    """One worker of many slots, in virtual time."""

    def __init__(self, world: Stage, name: str = "world") -> None:
        self.world, self.name = world, name
        self.slots = UNLIMITED
        self.code_versions: dict[str, str] = {}
        self.durations: dict[str, int] = {}
        self.usual: dict[str, int] = {}  # as the definitions have it, for what has no duration of its own
        self.outputs: dict[str, tuple[str, ...]] = {}  # computation → the assets it makes
        self.asking: dict[str, tuple[CheckDef, ...]] = {}  # check that stands alone → what it is called, and how grave
        self.outside: dict[str, str] = {}  # observed source → the version that a look would find
        self.failures: dict[str, int] = {}
        self.outcomes: dict[str, str] = {}
        self.same: dict[str, int] = {}
        self.silent = False  # alive, but its heartbeats don't arrive
        self._beat_at: int | None = None
        self._held: dict[tuple[str, int], RunGranted] = {}
        self._ends: list[tuple[int, int, str, int]] = []  # (instant, order, run, attempt)
        self._started: dict[tuple[str, int], int] = {}
        self._order = 0
        self._fingerprints: dict[str, str] = {}

    def deploy(self, manifest: Manifest, code: Code | None) -> None:  # noqa: ARG002  only one that computes needs it
        """Have the code of a manifest from now on."""
        derived = [one for one in manifest.assets if one.kind == "derived"]
        self.code_versions = {one.key: one.code_version for one in derived}
        self.usual = {one.key: one.takes_ms for one in derived}
        self.outputs = {one.key: one.outputs for one in derived if one.outputs}
        self.asking = {one.key: one.checks for one in derived if one.asks is not None}
        self.outside = {one.key: self.outside.get(one.key, "0") for one in derived if one.observed}

    def beat(self) -> None:
        """Say that it lives."""
        if not self.silent:
            self._beat_at = self.world.clock
            holds = tuple(Held(run=run, attempt=attempt) for run, attempt in self._held)
            beat = WorkerHeartbeat(worker=self.name, slots=self.slots, code_versions=self.code_versions, holds=holds)
            self.world.append(beat, self.name)

    def must_beat(self) -> bool:
        """A third of the lease has passed since the last one."""
        return not self.silent and (self._beat_at is None or self.world.clock - self._beat_at >= self._third())

    def _third(self) -> int:
        return self.world.terms.lease_ms // 3

    def next_instant(self) -> int | None:
        """When it acts next. It beats only while it holds something: idle months cost nothing."""
        ends = [self._ends[0][0]] if self._ends else []
        if self._held and self._beat_at is not None and not self.silent:
            ends.append(self._beat_at + self._third())
        return min(ends, default=None)

    def hear(self, output: Output) -> None:
        """Take a grant that names it, once; let go of what is cancelled."""
        event = output.event()
        if isinstance(event, RunGranted) and event.worker == self.name:
            self._take(event)
        elif isinstance(event, RunCancelled):
            self._held.pop((event.run, event.attempt), None)

    def _take(self, grant: RunGranted) -> None:
        key = (grant.run, grant.attempt)
        if key in self._started:
            return
        world = self.world
        self._started[key] = world.clock
        self._held[key] = grant
        self._order += 1
        heappush(self._ends, (world.clock + self._takes(grant), self._order, *key))
        named: dict[str, Any] = {
            "run": grant.run,
            "asset": grant.asset,
            "partition": grant.partition,
            "attempt": grant.attempt,
        }
        world.append(RunStarted(**named, worker=self.name), grant.asset)

    def _takes(self, grant: RunGranted) -> int:
        """How long an attempt takes, in ms."""
        return self.durations.get(grant.asset, self.usual.get(grant.asset, 0))

    def act(self) -> None:
        """Report every run that ends by now."""
        while self._ends and self._ends[0][0] <= self.world.clock:
            _, _, run, attempt = heappop(self._ends)
            grant = self._held.pop((run, attempt), None)
            if grant is not None:
                self._report(grant)

    def die(self) -> None:
        """Everything it held is gone, and nobody is told."""
        self._held.clear()

    def close(self) -> None:
        """Nothing to let go."""

    def _report(self, grant: RunGranted) -> None:
        asset, world = grant.asset, self.world
        begun = self._started[grant.run, grant.attempt]
        common: dict[str, Any] = {
            "run": grant.run,
            "asset": asset,
            "partition": grant.partition,
            "attempt": grant.attempt,
            "worker": self.name,
            "started_at": begun,
            "finished_at": world.clock,
            "duration_ms": world.clock - begun,
        }
        if self._spend(self.failures, asset):
            world.append(RunFailed(error="told to fail", **common), asset)
            return
        made = self._made(grant)
        if isinstance(made, Failed):
            world.append(RunFailed(**common, **dict(made)), asset)
        else:
            world.append(RunSucceeded(**common, **dict(self._as_told(grant, made))), asset)

    def _made(self, grant: RunGranted) -> Done | Failed:
        """What an attempt comes to by itself: always something new."""
        if grant.asset in self.asking:
            return Done(version=grant.run, checks=self._answers(grant.asset))
        if grant.asset in self.outside:
            found = self.outside[grant.asset]
            return Done(version=found, fingerprint=found)
        outputs = {key: MadeOutput(fingerprint=grant.run) for key in self.outputs.get(grant.asset, ())}
        return Done(fingerprint=grant.run, outputs=outputs)

    def _answers(self, asset: str) -> tuple[CheckResult, ...]:
        """What a check that stands alone comes to: it passes, unless somebody said otherwise."""
        outcome = self.outcomes.pop(asset, "pass")
        checks = self.asking[asset]
        return tuple(CheckResult(check=one.name, outcome=outcome, severity=one.severity) for one in checks)  # type: ignore[arg-type]

    def _as_told(self, grant: RunGranted, made: Done) -> Done:
        """The result, unchanged or with a check's outcome where somebody said so."""
        if not made.outputs:
            return self._told(grant.asset, made, grant.run)
        outputs = {key: self._told(key, one, grant.run) for key, one in made.outputs.items()}
        return made.model_copy(update={"outputs": outputs, "fingerprint": fingerprint_of(outputs)})

    def _told(self, asset: str, made: M, run: str) -> M:
        mark = made.fingerprint or made.version or run
        if not self._spend(self.same, asset):
            self._fingerprints[asset] = mark
        fingerprint = self._fingerprints.setdefault(asset, mark)
        return made.model_copy(update={"fingerprint": fingerprint, "checks": made.checks + self._verdict(asset)})

    def _verdict(self, asset: str) -> tuple[CheckResult, ...]:
        """What a check answers where somebody said how the next one comes out: once, and it blocks unless it passes."""
        outcome = self.outcomes.pop(asset, None)
        return (CheckResult(check="told", outcome=outcome, blocking=True),) if outcome else ()  # type: ignore[arg-type]

    @staticmethod
    def _spend(left: dict[str, int], asset: str) -> bool:
        if left.get(asset, 0) <= 0:
            return False
        left[asset] -= 1
        return True
