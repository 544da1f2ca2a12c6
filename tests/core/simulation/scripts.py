"""Random scripts: what is published, commanded, deployed and broken, and when. Drawn before the play begins."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from streams.definitions import AlertRule, Manifest
from streams.units import instant
from tests.core.simulation.computations import several
from tests.core.simulation.deploys import changed, rebuilt
from tests.core.simulation.graphs import manifest
from tests.core.simulation.kinds import MIXED_FROM, Kind, kind_of
from tests.core.simulation.modifiers import modified
from tests.core.simulation.observed import changes_outside, observed
from tests.core.simulation.partitions import STARTS, mended, partitioned, repartitioned

MINUTE = 60_000
ALL_FAULTS = ("commands", "deploys", "failures", "checks", "crashes", "workers", "races", "rival", "skew", "repeats")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens `at` ms after the beginning."""

    at: int
    kind: str
    asset: str = ""
    number: int = 0
    text: str = ""
    manifest: Manifest | None = None
    pick: int = 0
    """which partition it is of, where the asset has some by then"""


@dataclass(frozen=True, slots=True)
class Script:
    """A whole play. `faults` says which kinds of trouble are allowed at all."""

    seed: int
    manifest: Manifest
    durations: dict[str, int]
    coarse: dict[str, int]
    """asset → how many different values it can have; an asset that isn't named has no fingerprints"""
    slots: tuple[int, ...]
    """of each worker; empty: one worker without limits"""
    faults: frozenset[str]
    steps: tuple[Step, ...] = field(default=())
    start: str = STARTS[0]
    kind: Kind = field(default_factory=Kind)

    @property
    def is_calm(self) -> bool:
        """Nothing goes wrong and nothing is scarce: every promise that can be kept has to be."""
        return not (self.faults or self.slots or self.manifest.pools)


def script(seed: int) -> Script:
    dice, kind = random.Random(seed), kind_of(seed)
    declared, start = manifest(dice, kind.size), STARTS[0]
    if kind.is_modified:
        declared = modified(dice, declared)
    if kind.makes_several:
        declared = several(dice, declared)
    if kind.is_observed:
        declared = observed(dice, declared)
    if kind.is_partitioned:
        start = dice.choice(STARTS)
        declared = partitioned(dice, declared, instant(start), kind.days_of_hours)
    declared = declared.model_copy(update={"alerts": _alert_rules(seed)})
    is_calm = dice.random() < kind.calm
    faults = frozenset() if is_calm else frozenset(one for one in ALL_FAULTS if dice.random() < kind.faulty)
    derived = [one for one in declared.assets if one.kind == "derived"]
    honest = max((one.takes_ms for one in derived), default=0)
    durations = {one.key: one.takes_ms if not faults else dice.randint(0, max(1, honest)) for one in derived}
    coarse = {one.key: dice.choice((1, 2, 3, 1_000_000)) for one in declared.assets if dice.random() < 0.7}
    slots = tuple(dice.randint(1, 4) for _ in range(dice.randint(1, 3))) if dice.random() < 0.5 else ()
    bare = Script(seed, declared, durations, coarse, slots, faults, start=start, kind=kind)
    span = dice.choice(kind.spans) * MINUTE
    span *= kind.stretch
    changes = _thinned(dice, declared, list(_changes(dice, declared, span, kind.changes)), kind.work)
    steps = [*changes, *_troubles(dice, bare, span)]
    steps += [Step(at, "outside", key, number) for at, key, number in changes_outside(dice, declared, span)]
    if kind.is_partitioned:
        steps += _backfills(dice, bare, span)
        steps = [replace(step, pick=dice.randrange(1_000)) for step in steps]
    return replace(bare, steps=tuple(sorted(steps, key=lambda step: step.at)))


def _alert_rules(seed: int) -> tuple[AlertRule, ...]:
    """An overdue alert is open just where a promise is broken; others may wait, or be kept, in plays of many kinds."""
    undamped = AlertRule(rule="*", damped=False)
    if seed < MIXED_FROM:
        return (undamped,)
    dice = random.Random(seed)
    rules = ("run.failing", "check.*", "asset.quarantined", "freshness.at_risk", "worker.lost", "freshness.infeasible")
    spans = (None, 0, 1_000, 60_000, 3_600_000)
    others = tuple(
        AlertRule(rule=rule, after_ms=dice.choice(spans), keep_ms=dice.choice(spans), damped=dice.random() < 0.5)
        for rule in dice.sample(rules, dice.randint(0, 3))
    )
    return (undamped, *others)


def _backfills(dice: random.Random, bare: Script, span: int) -> Iterator[Step]:
    """In some plays ranges of partitions are brought up to date, and some of those paused, resumed or cancelled."""
    assets = [one.key for one in bare.manifest.assets if one.kind == "derived" and one.partitions is not None]
    if not assets or dice.random() < 0.5:
        return
    for _ in range(dice.randint(1, 3)):
        at = dice.randint(0, span)
        text = dice.choice(("", "", "force"))
        yield Step(at, "backfill", dice.choice(assets), number=dice.randint(1, 4), text=text)
        if dice.random() < 0.4:
            yield Step(at + dice.choice((0, 1_000, 60_000)), "steer", text=dice.choice(("pause", "resume", "cancel")))


def _changes(dice: random.Random, declared: Manifest, span: int, times_as_many: int) -> Iterator[Step]:
    for source in (one.key for one in declared.assets if one.kind == "source"):
        kind = dice.choice(("periodic", "poisson", "bursts", "rare"))
        if kind == "periodic":
            every = max(1, span // (times_as_many * dice.randint(3, 12)))
            times = list(range(dice.randint(0, every), span, every))
        elif kind == "poisson":
            times = [dice.randint(0, span) for _ in range(times_as_many * dice.randint(2, 12))]
        elif kind == "bursts":
            starts = [dice.randint(0, span) for _ in range(times_as_many * dice.randint(1, 3))]
            gap = dice.choice((0, 50, 500, 2_000))
            times = [start + gap * n for start in starts for n in range(dice.randint(2, 8))]
        else:
            times = [dice.randint(0, span // 2)]
        for at in times:
            yield Step(at, "publish", source, number=dice.randint(0, 3))


def _thinned(dice: random.Random, declared: Manifest, changes: list[Step], work: int | None) -> list[Step]:
    most = len(changes) if work is None else max(1, work // len(declared.assets))
    return changes if len(changes) <= most else dice.sample(changes, most)


def _troubles(dice: random.Random, bare: Script, span: int) -> Iterator[Step]:
    derived = [one.key for one in bare.manifest.assets if one.kind == "derived"]
    times = bare.kind.troubles

    def some(most: int) -> Iterator[int]:
        return (dice.randint(0, span) for _ in range(dice.randint(0, most)))

    def any_asset() -> str:
        return dice.choice(derived)

    # Manual assets, and what is needed by nobody, run on command only.
    manual = [one.key for one in bare.manifest.assets if one.kind == "derived" and one.policy.kind == "manual"]
    for asset in manual:
        yield from (Step(at, "materialize", asset) for at in some(4))
    if "commands" in bare.faults:
        names = ("pause", "resume", "materialize", "release", "cancel")
        yield from (Step(at, dice.choice(names), any_asset()) for at in some(int(12 * times)))
    if "failures" in bare.faults:
        yield from (Step(at, "fails", any_asset(), number=dice.randint(1, 6)) for at in some(int(5 * times)))
    if "checks" in bare.faults:
        yield from (Step(at, "check", any_asset(), text=dice.choice(("fail", "error", "pass"))) for at in some(4))
        yield from (Step(at, "release", any_asset()) for at in some(3))
    if "crashes" in bare.faults:
        for at in some(4):
            yield Step(at, "crash", number=dice.randint(0, 20))
            yield Step(at + dice.choice((0, 1_000, 15 * MINUTE)), "restart")
    if "workers" in bare.faults:
        yield from _lost_workers(dice, list(some(4)))
    if "deploys" in bare.faults:
        declared = bare.manifest
        for at in sorted(some(4)):
            declared = changed(dice, declared)
            declared = rebuilt(dice, declared, bare.kind.rebuilds)
            if bare.kind.is_partitioned:
                declared = repartitioned(dice, declared) if dice.random() < 0.3 else declared
                declared = mended(dice, declared, instant(bare.start))
            yield Step(at, "deploy", manifest=declared)
            yield Step(at + dice.choice((0, 5_000, 60_000)), "upgrade")


def _lost_workers(dice: random.Random, times: list[int]) -> Iterator[Step]:
    for at in times:
        number = dice.randint(0, 2)
        if dice.random() < 0.5:
            yield Step(at, "die", number=number)
        else:
            yield Step(at, "silent", number=number)
            yield Step(at + dice.choice((5_000, 40_000, 200_000)), "heard", number=number)
