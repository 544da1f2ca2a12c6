"""Random partitions: of which assets, read by which mappings, kept sensible across deploys; and which one is meant."""

import random
from collections.abc import Iterator, Sequence

from streams.definitions import AssetDef, Dep, Manifest
from streams.partitions import (
    All,
    Dynamic,
    Last,
    Mapping,
    Matched,
    Overlapping,
    Partitions,
    Same,
    Static,
    Windows,
    default_mapping,
    wrong_mapping,
)
from streams.windows import Unit, following, preceding, window_at
from tests.core.simulation.modifiers import fitted

STARTS = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2025-10-25T23:30:00Z", "2026-03-29T00:30:00Z")
"""when plays begin: at a year's, and within the hour before clocks in Berlin are set"""

_UNITS: Sequence[tuple[Unit, ...]] = (("hour",), ("day",), ("hour", "day"), ("day", "month"), ("week", "day", "month"))
_LENGTHS = ("hour", "day", "week", "month")
_NAMES = ("eu", "us", "a b", "ü/1", "x")
_BACK = (0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 9, 25, -1)
"""how many windows before the one that goes on: mostly few, sometimes many, sometimes one that hasn't begun"""

_DAY_MS = 86_400_000
Known = dict[str, AssetDef]


def palette(dice: random.Random, start: int, days_of_hours: int) -> list[Partitions]:
    """What the assets of one graph may be partitioned by.

    A day has all its hours made, and hours of the next may read the last few: one change may go through all there are.
    """
    tz = dice.choice(("UTC", "UTC", "Europe/Berlin", "America/New_York"))
    found = list[Partitions]()
    units = dice.choice(_UNITS)
    for unit in units:
        days = dice.randint(1, 40)
        if unit == "hour" and len(units) > 1:
            days = min(days, days_of_hours)
        found.append(Windows(unit=unit, first=window_at(unit, tz, start - days * _DAY_MS), tz=tz))
    if dice.random() < 0.4:
        found.append(Static(names=tuple(dice.sample(_NAMES, dice.randint(1, 4)))))
    if dice.random() < 0.25:
        found.append(Dynamic())
    return found


def partitioned(dice: random.Random, declared: Manifest, start: int, days_of_hours: int) -> Manifest:
    """The manifest, with most of its assets partitioned."""
    choices = palette(dice, start, days_of_hours)
    known: Known = {}
    for one in declared.assets:
        if one.kind == "source":
            parts = dice.choice(choices) if dice.random() < 0.8 else None
            known[one.key] = one.model_copy(update={"partitions": parts})
        else:
            known[one.key] = _parted(dice, one, known, choices)
    return mended(dice, declared.model_copy(update={"assets": tuple(known.values())}), start, kept=0.5)


def _parted(dice: random.Random, one: AssetDef, known: Known, choices: Sequence[Partitions]) -> AssetDef:
    """A derived asset with partitions that fit what it reads, mostly those of an input."""
    read = [parts for dep in one.deps if (parts := known[dep.asset].partitions) is not None]
    wanted: list[Partitions | None] = [*read, *read, *read, dice.choice(choices), None] if read else [None] * 6
    if not read and dice.random() < 0.15:
        wanted = [dice.choice(choices)]
    parts = dice.choice(wanted)
    policy = one.policy
    if isinstance(parts, Windows) and policy.kind in ("within", "eager", "cron") and dice.random() < 0.2:
        policy = policy.model_copy(update={"newest": dice.choice((1, 2, 5))})
    return one.model_copy(update={"partitions": parts, "policy": policy})


def mended(dice: random.Random, declared: Manifest, start: int, kept: float = 1) -> Manifest:
    """The manifest, sensible again: each dep has a mapping that can be, and lookback counts windows.

    `kept` is the share of mappings that stay as they are where they can.
    """
    known: Known = {}
    read_by_some = {dep.asset for one in declared.assets for dep in one.deps}

    def mapped(reader: AssetDef, dep: Dep) -> Dep | None:
        read = known[dep.asset]
        if read.partitions is None:
            return dep.model_copy(update={"mapping": None})
        meant = dep.mapping if dep.mapping is not None else default_mapping(reader.partitions, read.partitions)
        may_widen = reader.key not in read_by_some
        if _can_be(meant, reader, read, may_widen) and dice.random() < kept:
            return dep
        some = _mappings(dice, reader.partitions, read.partitions, start)
        able = [one for one in some if _can_be(one, reader, read, may_widen)]
        return dep.model_copy(update={"mapping": dice.choice(able)}) if able else None

    for one in declared.assets:
        found = one
        if one.made_by is not None:  # its computation may have been given others
            found = one.model_copy(update={"partitions": known[one.made_by].partitions})
        if one.policy.newest is not None and not isinstance(found.partitions, Windows):
            found = found.model_copy(update={"policy": one.policy.model_copy(update={"newest": None})})
        if one.kind == "derived" and not one.observed and one.made_by is None:
            deps = [new for dep in one.deps if (new := mapped(found, dep)) is not None]
            if not deps:  # nothing that it reads can be read without partitions of its own
                found = found.model_copy(update={"partitions": known[one.deps[0].asset].partitions})
                deps = [one.deps[0].model_copy(update={"mapping": None})]
            found = fitted(found.model_copy(update={"deps": tuple(deps)}))
        known[one.key] = found
    return declared.model_copy(update={"assets": tuple(known.values())})


def _mappings(dice: random.Random, reader: Partitions | None, read: Partitions, start: int) -> Iterator[Mapping]:
    yield from (Same(), All(), Overlapping(), Last(dice.randint(1, 4)))
    if reader is not None and (dice.random() < 0.2 or type(reader) is not type(read)):
        ours, theirs = (list(dict.fromkeys(around(parts, start))) for parts in (reader, read))
        yield Matched({name: dice.sample(theirs, min(len(theirs), dice.randint(1, 2))) for name in ours})


def _can_be(mapping: Mapping, reader: AssetDef, read: AssetDef, may_widen: bool) -> bool:
    """It makes sense; `may_widen`: each change may run as many as a month has days, as long as nobody reads those."""
    if read.partitions is None or wrong_mapping(mapping, reader.partitions, read.partitions) is not None:
        return False
    if isinstance(mapping, Overlapping) and isinstance(reader.partitions, Windows):
        unit, over = reader.partitions.unit, read.partitions.unit  # type: ignore[union-attr]
        widens = _LENGTHS.index(over) > _LENGTHS.index(unit)
        if widens and (not may_widen or (unit == "hour" and over != "day")):
            return False
    is_made = read.kind == "derived" and read.policy.kind != "manual"
    return not isinstance(mapping, All) or not is_made or isinstance(read.partitions, Static)


def around(parts: Partitions, at: int) -> Iterator[str]:
    """The partitions that changes name at an instant, mostly."""
    if isinstance(parts, Windows):
        name = window_at(parts.unit, parts.tz, at)
        for _ in range(4):
            if parts.wrong(name) is None:
                yield name
            name = preceding(parts.unit, parts.tz, name)
    else:
        yield from parts.names if isinstance(parts, Static) else ("k0", "k1", "k2")


def picked(parts: Partitions | None, pick: int, at: int) -> str:
    """The partition that a number means at an instant; empty where the asset has none."""
    if parts is None:
        return ""
    if not isinstance(parts, Windows):
        names = list(around(parts, at))
        return names[pick % len(names)]
    back = _BACK[pick % len(_BACK)]
    name = window_at(parts.unit, parts.tz, at)
    if back < 0:
        return following(parts.unit, parts.tz, name)
    for _ in range(back):
        before = preceding(parts.unit, parts.tz, name)
        if parts.wrong(before) is not None:
            break
        name = before
    return name


def repartitioned(dice: random.Random, declared: Manifest) -> Manifest:
    """Another deploy: a name more or less, or windows that begin earlier or later, wherever these are declared."""
    before = list(dict.fromkeys(one.partitions for one in declared.assets if one.partitions is not None))
    if not before:
        return declared
    old = dice.choice(before)
    new: Partitions = old
    if isinstance(old, Static):
        new = Static(names=tuple(dice.sample(_NAMES, dice.randint(1, len(_NAMES)))))
    elif isinstance(old, Windows):
        move = dice.choice((preceding, following))
        first = old.first
        for _ in range(dice.randint(1, 40)):
            first = move(old.unit, old.tz, first)
        new = old.model_copy(update={"first": first})
    assets = [one.model_copy(update={"partitions": new}) if one.partitions == old else one for one in declared.assets]
    return declared.model_copy(update={"assets": tuple(assets)})
