"""A domain in virtual time: publish, advance, and see what ran. No Kafka, no sleeping, the same fold as in production.

Compute is simulated unless `compute=True`: a run takes what `takes` says and yields a new version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from everfresh.assets import Declared
from everfresh.exports import exported
from everfresh.options import Named, meant
from everfresh.publisher import change_event
from everfresh.simulated import SimulatedWorker
from reactors.admission import next_instant, propose
from reactors.apply import apply
from reactors.domain import Domain, Output
from reactors.explain import describe
from reactors.granting import Terms
from reactors.graph import compile_graph
from reactors.history import History, Run
from reactors.snapshots import restore
from reactors.succession import check_succession
from streams.cloudevents import Envelope, envelope, event_id
from streams.definitions import AssetDef, Manifest
from streams.errors import BadEvent, DefinitionError
from streams.events import (
    Backfill,
    BackfillSteered,
    Cancel,
    DefinitionsDeclared,
    Event,
    Materialize,
    Pause,
    Release,
    Resume,
)
from streams.keys import node_key
from streams.units import instant, milliseconds

if TYPE_CHECKING:
    from everfresh.app import App

COMMANDS = {"pause": Pause, "resume": Resume, "materialize": Materialize, "release": Release, "cancel": Cancel}
_OUTCOMES = ("pass", "fail", "error", "skip")

State = dict[str, Any]
"""verdict, lag (ms), stale_since, due_at (instants in ms), version, uri, cut, reason"""


class World:
    """One domain, its journal in memory, one worker, and a clock that only `advance` moves.

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

    `app` is an App, or the Manifest of one; `start` an instant, RFC 3339 text with a zone. No dice are thrown in a
    World: equal tests see equal events. Another `seed` gives runs other ids, and so retries another jitter.

    With `compute=True` the app's functions really run when an attempt's time is over: on the calling thread, async ones
    on an event loop of their own, programs as programs. Inputs come from the app's stores and by `load=`, checks are
    asked, and results are kept in the app's store; how long all that takes is still what `takes` says. Use `with`: it
    closes that loop. RuntimeError is raised where it would have to compute inside a running event loop.

    Assets are named by their key, `shop/revenue`, their short name, `revenue`, or what declared them. One that nobody
    declares raises DefinitionError. So do definitions that make no sense, and with `compute=True` a Manifest, for it
    holds no functions. Raises ValueError for a start without a zone.
    """

    def __init__(
        self, app: App | Manifest, start: str = "2026-01-01T00:00:00Z", seed: int = 0, compute: bool = False
    ) -> None:
        self.clock = instant(start)
        self.journal: list[tuple[int, Envelope]] = []  # (append time, event); the index is the offset
        self.outputs: list[Output] = []
        self.history = History()
        self.worker = self._crew(compute)
        self.terms = Terms()
        self.domain: Domain | None = Domain()
        self.snapshot_every = 500
        self._snapshot: tuple[int, bytes] | None = None
        self._emitted = 0  # entries whose outputs are out: the group's position
        self._folded = 0
        self._deploy = 0
        self._ids, self._namer = 0, f"world{seed or ''}"
        self._ever: dict[str, AssetDef] = {}  # declared now, or once
        self.deploy(app)

    def __enter__(self) -> World:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.worker.close()

    # what one sets up

    def slots(self, count: int) -> None:
        """How many attempts run at once from now on; without limit if never said. Raises ValueError below 1."""
        if type(count) is not int or count < 1:
            raise ValueError(f"slots is a whole number from 1, not {count!r}")
        self._offer(count)

    def takes(self, asset: Named, duration: str | int) -> None:
        """How long a run of the asset takes from now on: text like "30s", or ms.

        If never said, what the app declares as `takes=`, else no time. Raises ValueError for what is no duration.
        """
        self.worker.durations[self._run_by(asset)] = _span(duration)

    def fails(self, asset: Named, times: int = 1) -> None:
        """Let the asset's next `times` attempts fail; each retry is an attempt. No function runs in them."""
        self.worker.failures[self._run_by(asset)] = times

    def check(self, asset: Named, outcome: str) -> None:
        """Let the next run's checks come out so: "pass", "fail", "error" or "skip"; one that fails or errs blocks.

        Where functions really run, this counts beside what the asset's own checks answer. Raises DefinitionError for
        another outcome.
        """
        if outcome not in _OUTCOMES:
            raise DefinitionError(f"no check comes out as {outcome!r}; there are {', '.join(_OUTCOMES)}")
        for key in self._made(asset):
            self.worker.outcomes[key] = outcome

    def unchanged(self, asset: Named, times: int = 1) -> None:
        """Let the asset's next `times` results have the same fingerprint as the one before."""
        for key in self._made(asset):
            self.worker.same[key] = times

    def kill_worker(self) -> None:
        """Let the worker's process die with all that it runs, and nobody be told; another one is there at once.

        What it ran is lost when its lease runs out, or sooner: when the next heartbeat doesn't name it.
        """
        self.worker.die()

    def deploy(self, app: App | Manifest) -> None:
        """Declare new definitions, as a deploy does; runs of the code from before may go on.

        Raises DefinitionError where they make no sense.
        """
        self._deploy += 1
        manifest = app if isinstance(app, Manifest) else app.manifest(self._deploy)
        manifest = manifest.model_copy(update={"deploy": self._deploy})
        check_succession(self.domain or Domain(), compile_graph(manifest))
        self.worker.deploy(manifest, None if isinstance(app, Manifest) else app.code())
        self._name, self._assets = manifest.domain, {one.key: one for one in manifest.assets}
        self._ever |= self._assets
        self.append(DefinitionsDeclared(**manifest.model_dump()), manifest.domain)
        self.worker.beat()
        self.settle()

    # what happens

    def publish(self, asset: Named, version: str | None = None, *, event: str | None = None, **fields: Any) -> None:
        """A change of a source, now: `version`, `data_time`, `fingerprint`, `uri` … as a publisher says them.

        `event` is the event's id, a new one if not said: an equal one repeats an earlier event. A change of a derived
        asset becomes a dead letter, as in production: `world.events("everfresh.dead.*")`. Raises BadEvent for a field
        that makes no sense, and for what nobody declares, which in production is a dead letter too.

        A source that is observed changes where nobody is told; the next look finds it, if no function really looks.
        """
        try:
            key = self._key(asset, self._assets)
        except DefinitionError as error:
            raise BadEvent(str(error)) from None
        self._ids += 1
        if key in self.worker.outside:
            self.worker.outside[key] = version or f"change-{self._ids}"
            return
        name, given = event or f"change-{self._ids}", {"version": version} | fields
        changed = change_event(key, name, {field: value for field, value in given.items() if value is not None})
        self.append(changed, key, name=name, source="world/publisher")
        self.settle()

    def command(self, name: str, asset: Named, reason: str = "", partition: str = "") -> None:
        """Give an operator's command: "pause", "resume", "materialize", "release" or "cancel".

        Raises DefinitionError for another name.
        """
        if name not in COMMANDS:
            raise DefinitionError(f"there is no command {name!r}; there are {', '.join(COMMANDS)}")
        key = self._key(asset, self._assets)
        self.append(COMMANDS[name](asset=key, partition=partition, by="world", reason=reason), key)
        self.settle()

    def backfill(self, asset: Named, first: str, last: str = "", slots: int = 4, force: bool = False) -> str:
        """Bring partitions up to date, from `first` to `last`; the backfill's name.

        `steer` pauses, resumes or cancels it. What makes no sense becomes a dead letter, as in production.
        """
        key = self._key(asset, self._assets)
        said = Backfill(asset=key, first=first, last=last or first, slots=slots, force=force)
        name = f"b{len(self.journal)}"
        self.append(said, key)
        self.settle()
        return name

    def steer(self, backfill: str, action: Literal["pause", "resume", "cancel"]) -> None:
        """Pause, resume or cancel a backfill."""
        self.append(BackfillSteered(backfill=backfill, action=action, by="world"), backfill)
        self.settle()

    def advance(self, duration: str | int) -> None:
        """Let time pass: text like "10m", or ms. Everything that falls due meanwhile happens at its instant.

        Raises ValueError for what is no duration.
        """
        end = self.clock + _span(duration)
        while (at := self._next()) is not None and at <= end:
            self.clock = max(self.clock, at)
            self.worker.act()
            self.settle()
        self.clock = end
        self.settle()

    def crash(self) -> None:
        """Let the reactor die, with all that it remembers; the journal and the worker live on.

        Until `restart` nothing is decided, and `state` raises RuntimeError.
        """
        self.domain = None

    def restart(self) -> None:
        """The reactor comes back from its newest snapshot and the journal's tail."""
        offset, dumped = self._snapshot or (0, b"")
        self.domain = (restore(dumped) if dumped else None) or Domain()
        self._folded = offset
        self.worker.beat()
        self.settle()

    # what one sees

    def runs(self, asset: Named | None = None) -> list[Run]:
        """Every attempt so far, in the order of their grants, of one asset or of all.

        Each has `run`, `asset`, `attempt`, `wave`, `granted_at`, `started_at`, `finished_at` (instants in ms), `inputs`
        (asset → the version read, with its cut), `cut` and `covers` (source → first and last commit), `deadline`,
        `reason`, and `outcome`: "materialized", "verified", "quarantined", "failed", "lost", "cancelled", "rejected",
        or None while it is in flight.
        """
        key = None if asset is None else self._key(asset, self._ever)
        return [run for run in self.history.runs if key in {None, run.asset}]

    def state(self, asset: Named, partition: str = "") -> State:
        """What is known of a derived asset now.

        A dict of `verdict`, `lag` and `promise` (ms), `stale_since` and `due_at` (instants in ms, or None), `version`,
        `uri` (where its value lies), `cut` (source → number of its commit), `runs` and `reason`. Raises DefinitionError
        for a source.
        """
        return describe(self._up(), node_key(self._derived(asset), partition), self.clock)

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
        return exported(self.journal, self.outputs, *self.identity())

    # how it turns

    def append(self, event: Event | DefinitionsDeclared, subject: str, name: str = "", source: str = "world") -> None:
        """Append any event to the journal, for what no other method says; nothing is folded before `settle`."""
        at = len(self.journal)
        wrapped = envelope(
            event, event_id=name or event_id(self._namer, at), source=source, subject=subject, time_ms=self.clock
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

    def _offer(self, slots: int) -> None:
        self.worker.slots = slots
        self.worker.beat()
        self.settle()

    def _crew(self, compute: bool) -> SimulatedWorker:
        return _computing(self) if compute else SimulatedWorker(self)

    def _key(self, asset: Named, known: Mapping[str, AssetDef]) -> str:
        """The whole key of one of these assets. Raises DefinitionError with what may be meant."""
        said = asset.key if isinstance(asset, Declared) else asset
        key = said if "/" in said else f"{self._name}/{said}"
        if key not in known:
            raise DefinitionError(f"nobody declares {key!r}; {meant(key, known)}")
        return key

    def _derived(self, asset: Named) -> str:
        """The same of an asset that runs. Raises DefinitionError for a source too."""
        key = self._key(asset, self._assets)
        if self._assets[key].kind == "source":
            raise DefinitionError(f"{key!r} is a source: nobody here computes it, so it has neither runs nor a verdict")
        return key

    def _run_by(self, asset: Named) -> str:
        """The key of what runs: an output's computation."""
        key = self._derived(asset)
        return self._assets[key].made_by or key

    def _made(self, asset: Named) -> tuple[str, ...]:
        """The keys of what a run makes: a computation's outputs."""
        key = self._derived(asset)
        return self._assets[key].outputs or (key,)

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
        """Call `do(n)` for n from 0 to `times - 1`, the first now, each of the others `every` so long after the last.

        Time also passes after the last one: `world.each("1s", 60, lambda n: world.publish("shop/orders"))` is a minute.
        """
        for number in range(times):
            do(number)
            self.advance(every)


def _span(duration: str | int) -> int:
    """A duration in ms. Raises ValueError for what is none, and below zero: time doesn't go back."""
    found = milliseconds(duration)
    if found < 0:
        raise ValueError(f"{duration!r} is below zero; write a duration like '30s', '5m' or '1h30m'")
    return found


def _computing(world: World) -> SimulatedWorker:
    from everfresh.computed import ComputingWorker

    return ComputingWorker(world)
