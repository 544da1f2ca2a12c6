"""No rule of the planner can be taken out unnoticed: a play breaks without it, or costs too much."""

import pytest

from tests.core.simulation.mutants import MUTANTS, Mutant, first_told
from tests.core.simulation.thrift import dear

TOLD_BY = {
    "nothing falls due": 100_000,
    "due without a margin": 100_029,
    "ticks pass": 100_012,
    "slots and pools are no limit": 100_002,
    "nothing is infeasible": 100_002,
    "no partition comes to be": 200_000,
    "what comes to be reaches nobody": 200_036,
    "a window's newcomers were always there": 200_040,
    "nobody rides along": 108,
    "windows wait for what can't be had": 200_003,
}
"""name → a seed that tells; of the others nearly any does"""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: f"rule {one.rule}, {one.name}")
def test_a_play_tells_that_the_rule_is_gone(mutant: Mutant) -> None:
    seed = TOLD_BY.get(mutant.name, 100_001)
    assert mutant.judge(seed) == []
    assert first_told(mutant, [seed]) is not None


def test_every_rule_has_its_mutant() -> None:
    assert {mutant.rule for mutant in MUTANTS} == {*range(1, 13)}


@pytest.mark.parametrize("seed", range(24))
def test_no_plan_costs_more_than_it_may(seed: int) -> None:
    assert dear(seed) == []
