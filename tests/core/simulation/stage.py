"""A world in which much goes wrong: facts race with reports, a rival reactor lags behind, clocks step back."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from everfresh.testing import World
from reactors.admission import propose
from reactors.apply import apply
from reactors.domain import Domain, Output
from streams.events import AssetChanged, DefinitionsDeclared, Event, TimerFired
from tests.checker import Trace, read
from tests.core.simulation.crew import Crew
from tests.core.simulation.partitions import picked
from tests.core.simulation.scripts import Script

STEP_BACK = (0, 0, 0, 0, 1, 500, 20_000, 600_000)
"""how far an append time may lie behind the clock, in ms"""


ENTRIES_MAX = 8_000
"""of one play without partitions; more means that the reactor proposes the same for ever"""


INTRUSIONS_MAX = 60


class Rival:
    """A second reactor on the same journal: it folds when it gets to it, and proposes what it then thinks is due."""

    def __init__(self) -> None:
        self.domain = Domain()
        self.folded = 0
        self.outputs: list[Output] = []

    def fold(self, journal: list[tuple[int, dict[str, object]]], until: int) -> None:
        for offset in range(self.folded, until):
            self.outputs += apply(self.domain, offset, *journal[offset])
        self.folded = max(self.folded, until)


class Stage(World):
    """A world that plays a script. Whatever it does is drawn from the script's seed."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.dice = random.Random(script.seed + 1)
        self.rival = Rival()
        self.late: list[Event] = []
        self.settled: list[int] = []
        self.failures: dict[str, int] = {}
        self.outcomes: dict[str, str] = {}
        self.looks: Sequence[Callable[[Stage], Iterator[str]]] = ()
        self.eyes = random.Random(script.seed)
        self.seen: list[str] = []
        """what the first look found that found something"""
        self.found: dict[str, str] = {}
        """run of a look → what was there"""
        self.intrusions = 0
        self.trouble = True
        self._trace: tuple[tuple[int, int], Trace] | None = None
        self._told: tuple[tuple[int, int], list[list[Event]]] | None = None
        self.entries_max = ENTRIES_MAX * (5 if script.kind.is_observed or script.kind.is_partitioned else 1)
        super().__init__(script.manifest, script.start)

    # World makes its worker and deploys in one go, so the crew takes the worker's place as soon as it is set.
    def deploy(self, app: object) -> None:
        if not isinstance(self.worker, Crew):
            self.worker = Crew(self, self.script.slots)
            self.snapshot_every = self.dice.choice((3, 50, 500))
            if "crashes" not in self.script.faults:
                self.snapshot_every = 1_000_000  # nobody will restore one
        super().deploy(app)  # type: ignore[arg-type]

    def has(self, fault: str) -> bool:
        return self.trouble and fault in self.script.faults

    def append(self, event: Event | DefinitionsDeclared, subject: str, name: str = "", source: str = "world") -> None:
        super().append(event, subject, name, source)
        if len(self.journal) > self.entries_max:
            raise RuntimeError(f"the reactor never comes to rest: {event!r}")
        if isinstance(event, DefinitionsDeclared):
            self._new_code()
        if self.has("skew"):
            time, wrapped = self.journal[-1]
            self.journal[-1] = (time - self.dice.choice(STEP_BACK), wrapped)
        if self.has("repeats") and self.dice.random() < 0.1:
            self.journal.append(self.dice.choice(self.journal[1:] or self.journal))

    def _new_code(self) -> None:
        crew = self.worker
        assert isinstance(crew, Crew)
        for player in crew.players:
            if not player.code_versions or self.dice.random() < 0.5:
                player.code_versions = crew.code_versions

    def settle(self) -> None:
        while self.domain is not None:
            self._fold()
            if self.worker.must_beat():
                self.worker.beat()
                continue
            self._meddle()
            proposals = propose(self.domain, self.clock, self.terms)
            for event in proposals:
                self._post(event)
            if not proposals and self._folded == len(self.journal):
                self.settled.append(self._folded)
                self._look()
                return
        if self.worker.must_beat():
            self.worker.beat()

    def _look(self) -> None:
        kind = self.script.kind
        nodes = len(self.domain.state.nodes) if self.domain is not None else 0
        seldom = max(1.0, nodes / kind.glanced) if kind.glanced is not None else 1.0
        if not self.seen and self.eyes.random() * seldom < kind.glances:
            self.seen = [f"{look.__name__} at {self._folded}: {text}" for look in self.looks for text in look(self)]

    def _post(self, event: Event) -> None:
        """Append a proposal; with races, after something else, or twice, or much later, or never."""
        if self.has("races"):
            luck = self.dice.random()
            if luck < 0.1:
                return
            if luck < 0.2:
                self.late.append(event)
                return
            if luck < 0.4:
                self._intrude()
        self.append(event, getattr(event, "asset", self.script.manifest.domain))
        if self.has("races") and self.dice.random() < 0.1:
            self.append(event, getattr(event, "asset", self.script.manifest.domain))

    def _intrude(self) -> None:
        crew = self.worker
        assert isinstance(crew, Crew)
        self.intrusions += 1
        if self.intrusions > INTRUSIONS_MAX:
            return  # each may bring more grants, and each of those another
        if self.dice.random() < 0.5 and self.dice.choice(crew.players).finish_one():
            return
        sources = [one.key for one in self.script.manifest.assets if one.kind == "source"]
        if not sources:
            return
        source = self.dice.choice(sources)
        self.change(source, 1, self.dice.randrange(1_000) if self.script.kind.is_partitioned else 0)

    def _meddle(self) -> None:
        """The rival, or an old proposal that was long on its way, comes in between."""
        if self.has("races") and self.late and self.dice.random() < 0.2:
            event = self.late.pop(self.dice.randrange(len(self.late)))
            self.append(event, getattr(event, "asset", self.script.manifest.domain))
        if self.has("rival") and self.dice.random() < 0.3:
            self.rival.fold(self.journal, self.dice.randint(self.rival.folded, len(self.journal)))
            clock = max(self.rival.domain.state.now, self.clock - self.dice.choice((0, 0, 1_000, 60_000)))
            for event in propose(self.rival.domain, clock, self.terms):
                if not isinstance(event, TimerFired) or self.dice.random() < 0.5:
                    self.append(event, getattr(event, "asset", self.script.manifest.domain))

    def picked(self, asset: str, pick: int) -> str:
        """The partition that a number means now; empty where the asset has none, or is declared no more."""
        known = self._assets.get(asset)
        return picked(known.partitions, pick, self.clock) if known is not None else ""

    def change(self, source: str, number: int, pick: int = 0) -> None:
        """A change of a source that settles nothing yet. Equal fingerprints of two partitions are not equal values."""
        self._ids += 1
        fingerprint = f"f{number}" if source in self.script.coarse else None
        version, partition = f"{self._ids}", self.picked(source, pick)
        said: dict[str, Any] = {"partition": partition} if partition else {}
        where = f"mem:{partition}:" if partition else "mem:"
        event = AssetChanged(version=version, fingerprint=fingerprint, uri=f"{where}{fingerprint or version}", **said)
        self.append(event, source, name=f"change-{self._ids}", source="world/publisher")

    def trace(self) -> Trace:
        """What the checker reads of the journal and the outputs."""
        size = len(self.journal), len(self.outputs)
        if self._trace is None or self._trace[0] != size:
            self._trace = size, read(self.exported())
        return self._trace[1]

    def told(self) -> list[list[Event]]:
        """What each journal entry led to, without what went out twice."""
        size = len(self.journal), len(self.outputs)
        if self._told is None or self._told[0] != size:
            found: list[dict[int, Output]] = [{} for _ in self.journal]
            for output in self.outputs:
                found[output.offset].setdefault(output.number, output)
            self._told = size, [[one[number].event() for number in sorted(one)] for one in found]
        return self._told[1]

    def crash_back(self, entries: int) -> None:
        """Crash before the outputs of the last entries were marked as sent: they go out again."""
        self.crash()
        self._emitted = max(0, self._emitted - entries)
