"""Workers that really compute: a value follows from the code and from the values that the pins point at."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from everfresh.simulated import UNLIMITED, SimulatedWorker
from reactors.domain import Output
from streams.definitions import CODE
from streams.events import MadeOutput, Pin, RunCancelled, RunFailed, RunGranted, RunRejected, RunSucceeded
from streams.keys import asset_of, node_key

if TYPE_CHECKING:
    from tests.core.simulation.stage import Stage

NOTHING = "nothing"
"""the value of a source that was there before any change"""

_SAID_TO_WORKERS = (RunGranted, RunCancelled)


def digest(*parts: object) -> int:
    return int.from_bytes(blake2b(repr(parts).encode(), digest_size=6).digest(), "big")


def value_of(pin: Pin) -> str:
    """What stands at a pin's address; values are their own addresses here."""
    return NOTHING if pin.uri is None else pin.uri.removeprefix("mem:")


def computed(node: str, code_version: str, inputs: dict[str, str], coarse: dict[str, int]) -> str:
    """What the node's code makes of these input values: the same on every worker, and from scratch."""
    full, asset = digest(node, code_version, sorted(inputs.items())), asset_of(node)
    return str(full % coarse[asset] if asset in coarse else full)


class Player(SimulatedWorker):
    """One worker. Whether it refuses a grant and how long a run takes depends on the run's name alone."""

    def __init__(self, stage: Stage, name: str, slots: int) -> None:
        super().__init__(stage, name)
        self.stage, self.slots = stage, slots
        self.failures, self.outcomes = stage.failures, stage.outcomes
        self._makes: dict[tuple[str, int], tuple[str, ...]] = {}  # attempt → what it makes, whatever is deployed since

    def _take(self, grant: RunGranted) -> None:
        luck = digest(self.stage.script.seed, grant.run, grant.attempt)
        if "workers" in self.stage.script.faults and luck % 20 == 0 and (grant.run, grant.attempt) not in self._started:
            self._started[grant.run, grant.attempt] = self.world.clock
            refusal: dict[str, Any] = {
                "run": grant.run,
                "asset": grant.asset,
                "partition": grant.partition,
                "attempt": grant.attempt,
                "worker": self.name,
            }
            self.world.append(RunRejected(reason="past its claim_by", **refusal), grant.asset)
            return
        usual = self.stage.script.durations.get(grant.asset, 1_000)
        self._makes.setdefault((grant.run, grant.attempt), self.stage.worker.outputs.get(grant.asset, ()))
        self.durations[grant.asset] = usual if not self.stage.script.faults else usual * (luck % 5) // 2
        super()._take(grant)

    def _report(self, grant: RunGranted) -> None:
        begun = self._started[grant.run, grant.attempt]
        clock = self.world.clock
        named: dict[str, Any] = {"run": grant.run, "asset": grant.asset, "partition": grant.partition}
        named |= {"attempt": grant.attempt, "worker": self.name}
        timed: dict[str, Any] = {"started_at": begun, "finished_at": clock, "duration_ms": clock - begun}
        if self._spend(self.failures, grant.asset):
            self.world.append(RunFailed(error="told to fail", **named, **timed), grant.asset)
            return
        inputs = {key: value_of(pin) for key, pin in grant.inputs.items() if not key.startswith(CODE)}
        coarse = self.stage.script.coarse
        value = computed(node_key(grant.asset, grant.partition), grant.code_version, inputs, coarse)
        if grant.asset in self.stage.worker.outside:
            value = self.stage.found[grant.run] = self.stage.worker.outside[grant.asset]
        makes = self._makes.get((grant.run, grant.attempt), ())
        made_of = {node_key(grant.asset, grant.partition): value}
        values = {one: computed(node_key(one, grant.partition), "1", made_of, coarse) for one in makes}
        outputs = {one: self._judged(one, found) for one, found in values.items()}
        done = RunSucceeded(outputs=outputs, **dict(self._judged(grant.asset, value)), **named, **timed)
        self.world.append(done, grant.asset)

    def _judged(self, asset: str, value: str) -> MadeOutput:
        makes_others = asset in self.stage.worker.outputs  # there is nothing to check of a computation itself
        checks = () if makes_others else self._verdict(asset)
        is_told = asset in self.stage.script.coarse or asset in self.stage.worker.outside
        fingerprint = value if is_told else None
        return MadeOutput(fingerprint=fingerprint, uri=f"mem:{value}", checks=checks)

    def finish_one(self) -> bool:
        """The run that would end next ends now."""
        if not self._held:
            return False
        key = min(self._held)
        self._report(self._held.pop(key))
        return True


class Crew(SimulatedWorker):
    """All workers of a stage, to the world as if they were one."""

    def __init__(self, stage: Stage, slots: tuple[int, ...]) -> None:
        super().__init__(stage)
        self.players = [Player(stage, f"w{number}", count) for number, count in enumerate(slots or (UNLIMITED,))]

    def beat(self) -> None:
        for player in self.players:
            player.beat()

    def must_beat(self) -> bool:
        return any(player.must_beat() for player in self.players)

    def next_instant(self) -> int | None:
        return min((at for one in self.players if (at := one.next_instant()) is not None), default=None)

    def hear(self, output: Output) -> None:
        if output.model in _SAID_TO_WORKERS:  # judges read the others
            for player in self.players:
                player.hear(output)

    def act(self) -> None:
        for player in self.players:
            player.act()

    def upgrade(self) -> None:
        """Every worker has the newest code."""
        for player in self.players:
            player.code_versions = self.code_versions
