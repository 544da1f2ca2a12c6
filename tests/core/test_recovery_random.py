"""Restored at any entry of a random story, a domain goes on as the one that stayed; plays crash but once or twice."""

import random

import pytest

from reactors.apply import apply
from reactors.domain import Domain
from reactors.snapshots import restore
from tests.core.simulation.play import played
from tests.core.simulation.scripts import script

PLAYED = (
    range(603_000, 603_020),
    range(700_000, 700_010),  # dense ones
    range(900_000, 900_005),  # rebuilt ones
    range(1_000_000, 1_000_005),  # upturned ones
    range(200_000, 200_002),  # with partitions
    range(646_343, 646_344),
)
RESTORED_TIMES = 25
FOLLOWED = (5, 30, 30, 100)
"""how many entries a restored domain is followed for, drawn from these"""


@pytest.mark.parametrize("seed", [seed for some in PLAYED for seed in some])
def test_restored_anywhere_a_domain_goes_on_as_the_one_that_stayed(seed: int) -> None:
    journal, dice = played(script(seed)).journal, random.Random(seed)
    stayed, followed = Domain(), list[tuple[int, int, Domain]]()
    for offset, (time, wrapped) in enumerate(journal):
        said = apply(stayed, offset, time, wrapped)
        for since, _, restored in followed:
            assert apply(restored, offset, time, wrapped) == said, f"restored after {since}, at {offset}"
        for since, _, restored in [one for one in followed if one[1] <= offset]:
            assert restored.digest() == stayed.digest(), f"restored after {since}, by {offset}"
        followed = [one for one in followed if one[1] > offset]
        if dice.random() * len(journal) < RESTORED_TIMES:
            back = restore(stayed.dump())
            assert back is not None
            followed.append((offset, offset + dice.choice(FOLLOWED), back))
