"""The bound that bench/economy divides by: it is one, and nothing of ours is in it."""

import ast
import random
from itertools import combinations
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bench import lower_bound
from bench.economy_plans import Row, as_promised, graph, played, trace
from bench.lower_bound import Promised, fewest_points, least_cost

INTERVALS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6)).map(lambda one: (one[0], sum(one))), max_size=6)


@given(INTERVALS)
def test_no_fewer_points_stab_all_intervals(intervals: list[tuple[int, int]]) -> None:
    ends = sorted({end for _, end in intervals})
    fewest = next(
        count
        for count in range(len(ends) + 1)
        for points in combinations(ends, count)
        if all(any(begin <= point <= end for point in points) for begin, end in intervals)
    )
    assert fewest_points(intervals) == fewest


def test_an_asset_has_the_time_that_the_tightest_promise_below_leaves_it() -> None:
    chain = Promised({"a": ("s",), "b": ("a",), "c": ("b",)}, {"a": 1, "b": 2, "c": 4}, {"b": 30, "c": 20})
    assert chain.paths() == {"a": 1, "b": 3, "c": 7}
    assert chain.slack() == {"a": 13, "b": 14, "c": 16}
    assert least_cost(chain, {"s": [0, 13, 14]}) == 1 * 2 + 2 * 1 + 4 * 1


def test_no_plan_costs_less_than_the_bound() -> None:
    row = Row("any", (0, 8), (3, 10))
    for seed in range(15):
        dice = random.Random(seed)
        promised = graph(dice, row)
        result = played(promised, trace(dice, promised), as_promised(promised), None)
        assert 1 <= result.economy < 4
        assert result.due > 0


def test_the_bound_knows_nothing_of_what_it_judges() -> None:
    tree = ast.parse(Path(lower_bound.__file__).read_text())
    found = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert found == {"collections.abc", "dataclasses"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
