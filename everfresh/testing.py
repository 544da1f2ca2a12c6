"""A domain in virtual time: publish, advance, and see what ran. No Kafka, no sleeping, the same fold as in production.

Compute is simulated unless `compute=True`: a run takes what `world.takes` says and yields a new version.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from types import TracebackType
from typing import TYPE_CHECKING, Any

from everfresh.simulated import SimulatedWorker
from reactors.admission import next_instant, propose
from reactors.apply import apply
from reactors.domain import Domain, Output, node_key
from reactors.granting import Terms
from reactors.history import History, Run
from reactors.snapshots import restore
from streams.cloudevents import Envelope, envelope, event_id
from streams.definitions import Manifest
from streams.errors import DefinitionError
from streams.events import AssetChanged, Cancel, DefinitionsDeclared, Event, Materialize, Pause, Release, Resume
from streams.units import instant, milliseconds

if TYPE_CHECKING:
    from everfresh.app import App

_COMMANDS = {"pause": Pause, "resume": Resume, "materialize": Materialize, "release": Release, "cancel": Cancel}

State = dict[str, Any]
"""verdict, lag (ms), stale_since, due_at (instants in ms), version, cut, reason"""


class World:
    """One domain, its journal in memory, one simulated worker, and a clock that only `advance` moves.

    >>> import everfresh as ef
    >>> app = ef.App("shop")
    >>> orders = app.source("orders")
    >>> @app.asset(deps=[orders], freshness=ef.Within("5m"))
    ... def revenue(orders): ...
    >>> with World(app) as world:
    ...     world.publish("shop/orders")
    ...     world.advance("10m")
    ...     [run.outcome for run in world.runs("shop/revenue")]
    ['materialized']
    """

    def __init__(
        self, app: App | Manifest, start: str = "2026-01-01T00:00:00Z", seed: int = 0, compute: bool = False
    ) -> None:
        self.clock = instant(start)
        self.journal: list[tuple[int, Envelope]] = []  # (append time, event); the index is the offset
        self.outputs: list[Output] = []
        self.history = History()
        self.worker = SimulatedWorker(self, seed)
        self.terms = Terms()
        self.domain: Domain | None = Domain()
        self.snapshot_every = 500
        self._snapshot: tuple[int, bytes] | None = None
        self._emitted = 0  # entries whose outputs are out: the group's position
        self._folded = 0
        self._deploy = 0
        self._seed, self._compute, self._ids = seed, compute, 0
        self.deploy(app)

    def __enter__(self) -> World:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    # what one sets up

    def slots(self, count: int) -> None:
        """The worker's slots from now on."""
        self.worker.slots = count
        self.worker.beat()
        self.settle()

    def takes(self, asset: str, duration: str | int) -> None:
        """How long a run of the asset takes from now on."""
        self.worker.durations[asset] = milliseconds(duration)

    def fails(self, asset: str, times: int = 1) -> None:
        """The next attempts fail."""
        self.worker.failures[asset] = times

    def check(self, asset: str, outcome: str) -> None:
        """The next run's checks come out so: pass, fail, error or skip; a failing one blocks."""
        self.worker.outcomes[asset] = outcome

    def unchanged(self, asset: str, times: int = 1) -> None:
        """The next results have the same fingerprint as the one before."""
        self.worker.same[asset] = times

    def deploy(self, app: App | Manifest) -> None:
        """Declare new definitions. Raises DefinitionError where they make no sense."""
        from reactors.graph import compile_graph

        self._deploy += 1
        manifest = app if isinstance(app, Manifest) else app.manifest(self._deploy)
        manifest = manifest.model_copy(update={"deploy": self._deploy})
        compile_graph(manifest)
        self.worker.code_versions = {one.key: one.code_version for one in manifest.assets if one.kind == "derived"}
        self.append(DefinitionsDeclared(**manifest.model_dump()), manifest.domain)
        self.worker.beat()
        self.settle()

    # what happens

    def publish(self, asset: str, version: str | None = None, *, event: str | None = None, **fields: Any) -> None:
        """A change of a source, now: `version`, `data_time`, `fingerprint`, `uri` … as a publisher says them.

        `event` names it: an equal name repeats an earlier event.
        """
        self._ids += 1
        changed = AssetChanged(version=version, **fields)
        self.append(changed, asset, name=event or f"change-{self._ids}", source="world/publisher")
        self.settle()

    def command(self, name: str, asset: str, reason: str = "") -> None:
        """pause, resume, materialize, release or cancel."""
        if name not in _COMMANDS:
            raise DefinitionError(f"there is no command {name!r}; there are {', '.join(_COMMANDS)}")
        self.append(_COMMANDS[name](asset=asset, by="world", reason=reason), asset)
        self.settle()

    def advance(self, duration: str | int) -> None:
        """Let time pass; everything that falls due meanwhile happens at its instant."""
        end = self.clock + milliseconds(duration)
        while (at := self._next()) is not None and at <= end:
            self.clock = max(self.clock, at)
            self.worker.act()
            self.settle()
        self.clock = end
        self.settle()

    def crash(self) -> None:
        """The reactor dies, with all that it remembers; the journal and the worker live on."""
        self.domain = None

    def restart(self) -> None:
        """The reactor comes back from its newest snapshot and the journal's tail."""
        offset, dumped = self._snapshot or (0, b"")
        self.domain = (restore(dumped) if dumped else None) or Domain()
        self._folded = offset
        self.worker.beat()
        self.settle()

    # what one sees

    def runs(self, asset: str | None = None) -> list[Run]:
        """Every attempt so far, of one asset or of all."""
        return [run for run in self.history.runs if asset is None or run.asset == asset]

    def state(self, asset: str, partition: str = "") -> State:
        """What is known of a derived asset now."""
        from reactors.explain import describe

        return describe(self._up(), node_key(asset, partition), self.clock)

    def events(self, pattern: str = "*") -> list[dict[str, Any]]:
        """The data of what was emitted, oldest first; `pattern` as in a shell: "everfresh.alert.*"."""
        return [
            one.event().model_dump() | {"type": one.model.TYPE}
            for one in self.outputs
            if fnmatchcase(one.model.TYPE, pattern)
        ]

    def identity(self) -> tuple[str, str]:
        """The domain's name and its journal's incarnation."""
        return self._up().name, self._up().state.incarnation

    def exported(self) -> list[dict[str, Any]]:
        """Journal and outputs as a checker from outside reads them: topic, partition, offset, timestamp, event."""
        from everfresh.exports import exported

        return exported(self.journal, self.outputs, *self.identity())

    # how it turns

    def append(self, event: Event | DefinitionsDeclared, subject: str, name: str = "", source: str = "world") -> None:
        """Append to the journal; nothing is folded before `settle`."""
        at = len(self.journal)
        wrapped = envelope(
            event, event_id=name or event_id("world", at), source=source, subject=subject, time_ms=self.clock
        )
        self.journal.append((self.clock, wrapped))

    def settle(self) -> None:
        """Fold to the end, post what is proposed, and again, until nothing is left to do now."""
        while self.domain is not None:
            self._fold()
            if self.worker.must_beat():
                self.worker.beat()
                continue
            proposals = propose(self.domain, self.clock, self.terms)
            for event in proposals:
                self.append(event, getattr(event, "asset", self.domain.name))
            if not proposals:
                return
        if self.worker.must_beat():  # it doesn't know that the reactor is down
            self.worker.beat()

    def _up(self) -> Domain:
        if self.domain is None:
            raise RuntimeError("the reactor is down: world.restart() first")
        return self.domain

    def _fold(self) -> None:
        domain = self._up()
        while self._folded < len(self.journal):
            time, event = self.journal[self._folded]
            outputs = apply(domain, self._folded, time, event)
            self._folded += 1
            if self._folded <= self._emitted:
                continue  # these went out before the crash
            self._emitted = self._folded
            for output in outputs:
                self.outputs.append(output)
                self.history.take(output)
                self.worker.hear(output)
            if self._folded % self.snapshot_every == 0:
                self._snapshot = (self._folded, domain.dump())

    def _next(self) -> int | None:
        found = [at for at in (self.worker.next_instant(), self._next_of_reactor()) if at is not None]
        return min(found, default=None)

    def _next_of_reactor(self) -> int | None:
        return next_instant(self.domain) if self.domain is not None else None

    def each(self, every: str | int, times: int, do: Callable[[int], None]) -> None:
        """Call `do(n)` now and `times - 1` times more, `every` so long."""
        for number in range(times):
            do(number)
            self.advance(every)
