"""A journal under other promises: the same changes at the same instants, in virtual time.

What the world outside did is taken from the journal: changes, deploys, commands, other domains' publications, and how
many slots there were. What the domain decided isn't: it is decided anew. A run takes as long as the asset's recorded
run nearest in time. Its result is the one before where recorded runs found nothing changed on the way to its cut; where
they found something, each commit on the way counts as a change. Failures, lost workers and checks aren't repeated.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from everfresh.reading import Reading
from everfresh.scores import Score, Scores
from everfresh.simulated import SimulatedWorker
from everfresh.testing import World
from reactors.domain import Domain, Output
from reactors.history import Run
from reactors.ports import Done
from streams.cloudevents import Envelope
from streams.definitions import Manifest
from streams.event import Cut
from streams.events import (
    AssetChanged,
    Backfill,
    CostReported,
    DomainDelivered,
    Materialize,
    Pause,
    Resume,
    RunGranted,
    RunReported,
)
from streams.policies import Policy
from streams.units import rfc3339

_AGAIN = (AssetChanged, RunReported, CostReported, DomainDelivered, Materialize, Pause, Resume, Backfill)
_FROM_OUTSIDE = frozenset(one.TYPE for one in _AGAIN)
"""what happens again; `release`, `cancel` and what steers a backfill speak of what has other names there"""

_RESULTS = ("materialized", "verified", "quarantined")


@dataclass(frozen=True, slots=True)
class Slots:
    """How many runs could be in flight from here on."""

    count: int


Happening = Envelope | Manifest | Slots


@dataclass
class Recording:
    """A journal read to an end: what happened outside, with its instant in ms, and what the domain made of it."""

    happenings: list[tuple[int, Happening]] = field(default_factory=list)  # in their order
    scores: Scores = field(default_factory=Scores)
    changes: int = 0
    ended_at: int = 0
    _deploy: int = -1
    _slots: int = 0

    @cached_property
    def ran(self) -> dict[str, Score]:
        """asset → what it came to. Ask once the recording has ended."""
        return self.scores.of()

    @cached_property
    def past(self) -> "Past":
        """What its runs tell of others. Ask once the recording has ended."""
        return Past(self.scores.history.runs)

    def take(self, domain: Domain, event: Envelope | None, outputs: Iterable[Output]) -> None:
        """Note one entry that the domain has folded, with what followed from it."""
        state = domain.state
        for output in outputs:
            self.scores.take(output)
        if state.manifest is not None and state.manifest.deploy != self._deploy:
            self._deploy = state.manifest.deploy
            self.happenings.append((state.now, state.manifest))
        if state.slots != self._slots:
            self._slots = state.slots
            self.happenings.append((state.now, Slots(state.slots)))
        if event is not None and event["type"] in _FROM_OUTSIDE:
            self.happenings.append((state.now, event))
        self.changes, self.ended_at = state.changes, state.now

    def end(self) -> None:
        """There is nothing more to note."""
        self.scores.end(self.ended_at)


async def recorded(reading: Reading, until: int | None = None) -> Recording:
    """Read a journal from its beginning, up to the offset `until`. `reading` has begun with `whole`."""
    found = Recording()
    async for folded in reading.to_end(None if until is None else until + 1):
        found.take(reading.domain, folded.event, folded.outputs)
    found.end()
    return found


def again(recording: Recording, policies: Mapping[str, Policy]) -> dict[str, Score]:
    """asset → what it would have come to, had these assets had these policies from the first deploy on.

    Raises DefinitionError where a policy makes no sense there.
    """
    past, twin = recording.past, None
    for at, happening in recording.happenings:
        if twin is None:
            if isinstance(happening, Manifest):
                twin = Twin(_promising(happening, policies), at, past)
            continue
        twin.until(at)
        if isinstance(happening, Manifest):
            twin.deploy(_promising(happening, policies))
        elif isinstance(happening, Slots):
            twin.offer(happening.count)
        else:
            twin.take(happening)
    if twin is None:
        return {}
    twin.until(recording.ended_at)
    scores = Scores()
    for output in twin.outputs:
        scores.take(output)
    scores.end(recording.ended_at)
    return {asset: _priced(score, recording.ran.get(asset)) for asset, score in scores.of().items()}


def _priced(score: Score, costs: Score | None) -> Score:
    """The score with what its runs cost if each costs what a recorded one did on the average."""
    if costs is None or not costs.runs:
        return score
    return replace(score, money={one: amount * score.runs / costs.runs for one, amount in costs.money.items()})


def _promising(manifest: Manifest, policies: Mapping[str, Policy]) -> Manifest:
    assets = (
        one.model_copy(update={"policy": policies[one.key]}) if one.key in policies else one for one in manifest.assets
    )
    return manifest.model_copy(update={"assets": tuple(assets)})


class Past:
    """What recorded runs tell of runs that never were: how long they take, and whether they change anything."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self._took: dict[str, list[tuple[int, int]]] = {}  # asset → (granted at, duration), ms, in order
        self._changed: dict[str, list[tuple[Cut, Cut]]] = {}  # asset → the cuts of changed results, and those before
        self._known: dict[str, Cut] = {}  # asset → the last recorded cut
        for run in runs:
            if run.outcome in _RESULTS and run.started_at is not None and run.finished_at is not None:
                self._took.setdefault(run.asset, []).append((run.granted_at, run.finished_at - run.started_at))
                if run.outcome != "verified":
                    self._changed.setdefault(run.asset, []).append((self._known.get(run.asset, {}), run.cut))
                self._known[run.asset] = run.cut

    def took(self, asset: str, at: int) -> int | None:
        """The duration in ms of the recorded run granted nearest to `at`; None where there is none."""
        runs = self._took.get(asset)
        if not runs:
            return None
        after = bisect_left(runs, (at, 0))
        around = runs[max(0, after - 1) : after + 1]
        return min(around, key=lambda run: abs(run[0] - at))[1]

    def content(self, asset: str, cut: Cut) -> str | None:
        """A name for the result at `cut`, one for equal results; None past all that was recorded."""
        if asset not in self._known or _goes_past(cut, self._known[asset]):
            return None
        changed = self._changed[asset]
        number = bisect_left(changed, True, key=lambda one: not _goes_past(cut, one[0]))
        amid = number > 0 and _goes_past(changed[number - 1][1], cut)  # nobody computed it there
        return f"{number} at {sorted(cut.items())}" if amid else str(number)


def _goes_past(cut: Cut, before: Cut) -> bool:
    return any(seq > before.get(root, 0) for root, seq in cut.items())


class Twin(World):
    """A world in which runs take and change what recorded ones did."""

    def __init__(self, manifest: Manifest, start_ms: int, past: Past) -> None:
        self._past = past
        super().__init__(manifest, rfc3339(start_ms))
        self._offer(0)  # until a worker was heard of

    def _crew(self, compute: bool) -> SimulatedWorker:  # noqa: ARG002  a twin never computes
        return _AsRecorded(self, self._past)

    def until(self, at_ms: int) -> None:
        """Let time pass up to an instant."""
        self.advance(max(0, at_ms - self.clock))

    def offer(self, slots: int) -> None:
        """So many runs may be in flight from now on; 0: nobody is there to run anything."""
        self._offer(slots)

    def take(self, event: Envelope) -> None:
        """An event of the recorded journal, now."""
        self.journal.append((self.clock, event))
        self.settle()


class _AsRecorded(SimulatedWorker):
    def __init__(self, world: World, past: Past) -> None:
        super().__init__(world)
        self._past = past

    def _takes(self, grant: RunGranted) -> int:
        took = self._past.took(grant.asset, self.world.clock)
        return super()._takes(grant) if took is None else took

    def _made(self, grant: RunGranted) -> Done:
        content = self._past.content(grant.asset, grant.cut)
        return Done(fingerprint=grant.run if content is None else f"recorded-{content}")
