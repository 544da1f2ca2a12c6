"""What a seed's play has in it, and how large it is.

The hundred thousands came one after the other, each with what was new; seeds of before stay as they were, for some of
them are named in tests. From `MIXED_FROM` on each seed draws what it has, and plays are of a size of which a hundred
thousand can be played; from `DENSE_FROM` on they are made to find what breaks, from `REBUILT_FROM` on by deploys, too,
from `UPTURNED_FROM` on by more of them, with partitions and modifiers at once.
"""

import random
from typing import NamedTuple

LARGE_FROM = 100_000
MODIFIED_FROM = 150_000
SEVERAL_FROM = 160_000
OBSERVED_FROM = 180_000
PARTITIONED_FROM = 200_000
MIXED_FROM = 300_000
LARGER_FROM = 320_000
EVEN_FROM = 400_000
BRIEF_FROM = 500_000
DENSE_FROM = 700_000
REBUILT_FROM = 900_000
UPTURNED_FROM = 1_000_000

WORK_MAX = 1_000
"""assets times changes, about: one play in ten took as long as all the others together"""


class Kind(NamedTuple):
    """What may be in a play."""

    is_modified: bool = False  # something is said after policies of when anything is stale
    makes_several: bool = False  # computations make several assets
    is_observed: bool = False  # sources are looked at
    is_partitioned: bool = False
    size: float = 1  # how much larger it is; where assets have partitions, each is several nodes already
    changes: int = 1  # how many times as many a source's are
    glances: float = 0.2  # how often a look is taken where the reactor has come to rest
    work: int | None = None  # the most that assets times changes may be
    stretch: int = 1  # how much longer it lasts
    glanced: int | None = None  # of so many nodes it is looked at as often as that, of more ever more seldom
    spans: tuple[int, ...] = (5, 30, 120)  # one of these long, in minutes
    calm: float = 0.2  # how many have no faults
    faulty: float = 0.35  # how likely the others have each of them
    troubles: float = 1  # how many times as many commands and failures
    days_of_hours: int = 40  # so long ago windows of an hour begin at most, where others are longer
    rebuilds: int = 0  # so much a deploy may change at most of what is made of what, and by whom


def kind_of(seed: int) -> Kind:
    """What the seed's play has in it."""
    if seed >= DENSE_FROM:
        return _small(seed, random.Random(seed - MIXED_FROM))
    if seed >= BRIEF_FROM:
        return _shortened(_drawn(random.Random(seed - MIXED_FROM), True))
    if seed >= EVEN_FROM:
        return _evened(_drawn(random.Random(seed - MIXED_FROM), True))
    if seed >= MIXED_FROM:
        return _drawn(random.Random(seed - MIXED_FROM), seed >= LARGER_FROM)
    if seed >= PARTITIONED_FROM:
        return Kind(is_partitioned=True, size=0.7, changes=3)
    if seed < LARGE_FROM:
        return Kind()
    is_observed = seed >= OBSERVED_FROM
    stretch = 10 if is_observed else 1
    return Kind(seed >= MODIFIED_FROM, seed >= SEVERAL_FROM, is_observed, size=1.5, changes=3, stretch=stretch)


def _drawn(dice: random.Random, is_larger: bool) -> Kind:
    said = dice.choices(("partitioned", "observed", "several", ""), (3, 2, 5, 10))[0]
    if said == "partitioned":
        return Kind(is_partitioned=True, size=0.7 if is_larger else 0.6, changes=3, glances=0.04)
    size = dice.choice((1.1, 1.3, 1.5) if is_larger else (1, 1.2, 1.5))
    several, looked_at = said == "several", said == "observed"
    modified, stretch = dice.random() < 0.4, 10 if looked_at else 1
    return Kind(modified, several, looked_at, size=size, changes=3, glances=0.04, stretch=stretch)


def _evened(kind: Kind) -> Kind:
    if kind.is_partitioned:
        return kind._replace(size=0.6, work=WORK_MAX // 4, glanced=30)
    return kind._replace(changes=4, work=WORK_MAX, glanced=30, stretch=3 if kind.is_observed else 1)


def _shortened(kind: Kind) -> Kind:
    """Looks, and assets by the dozen, made a few plays long; their changes didn't."""
    if kind.is_partitioned:
        return kind._replace(size=0.5, work=120, glances=0.03, glanced=20, days_of_hours=3)
    if kind.is_observed:
        return kind._replace(changes=4, size=0.8, work=400, glances=0.03, glanced=20, stretch=1)
    return kind._replace(
        changes=4, size=1.3 if kind.makes_several else kind.size + 0.1, work=800, glances=0.03, glanced=20
    )


def _dense(dice: random.Random) -> Kind:
    """Much goes wrong at once in what is small, and is looked at often: eight finds in the first ten thousand."""
    is_partitioned = dice.random() < 0.3
    kind = Kind(
        is_partitioned=is_partitioned,
        size=0.5,
        changes=2,
        work=60 if is_partitioned else 120,
        glances=0.3,
        glanced=40,
        spans=(2, 5, 30),
        calm=0.1,
        faulty=0.5,
        troubles=5 / 3,
    )
    if is_partitioned:
        return kind
    modified, several, looked_at = dice.random() < 0.5, dice.random() < 0.4, dice.random() < 0.35
    size = dice.choice((0.5, 0.8))
    return kind._replace(is_modified=modified, makes_several=several, is_observed=looked_at, size=size)


def _small(seed: int, dice: random.Random) -> Kind:
    if seed >= UPTURNED_FROM:
        return _upturned(dice)
    kind = _dense(dice)
    return kind._replace(calm=0, faulty=0.6, rebuilds=2) if seed >= REBUILT_FROM else kind


def _upturned(dice: random.Random) -> Kind:
    """Deploys above all: two finds in the first three hundred, where the rebuilt ones had one in five hundred."""
    kind = _dense(dice)._replace(calm=0, faulty=dice.choice((0.2, 0.6)), rebuilds=4)
    return kind._replace(is_modified=dice.random() < 0.3) if kind.is_partitioned else kind
