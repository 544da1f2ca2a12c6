"""What a budget that is used up asks of the assets it is about, until its period ends."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from reactors.graph import Graph
from reactors.state import Spending
from streams.budgets import Budget

SHARES = 24
"""throttled, an asset that is promised no age runs at most so many times in a period, evenly"""


class Limit(NamedTuple):
    """What holds for an asset until an instant (ms)."""

    by: str  # the budget
    until: int
    pauses: bool
    every_ms: int  # from one run's start to the next, at least, where no age is promised
    stretch: int  # promised ages are so many times as long


def limits_of(budgets: Mapping[str, Budget], spendings: Mapping[str, Spending], graph: Graph) -> dict[str, Limit]:
    """Asset → the hardest of what acting budgets ask of it."""
    found: dict[str, Limit] = {}
    for name, spending in spendings.items():
        budget = budgets.get(name)
        if budget is None or not spending.acts or budget.on_breach == "notify":
            continue
        every = (spending.ends_at - spending.began_at) // SHARES
        limit = Limit(name, spending.ends_at, budget.on_breach == "pause", every, budget.stretch)
        for key in run_by(budget, graph):
            if key not in found or (limit.pauses, limit.until) > (found[key].pauses, found[key].until):
                found[key] = limit
    return found


def run_by(budget: Budget, graph: Graph) -> Iterator[str]:
    """The assets whose runs the budget is about: an output's are its computation's."""
    return (key for key in graph.inputs if is_of(budget, graph, key))


def is_of(budget: Budget, graph: Graph, key: str) -> bool:
    """Whether the budget is about what the asset, or what its runs make, uses."""
    made = (key, *graph.assets[key].outputs) if key in graph.assets else (key,)
    if budget.assets:
        return any(one in budget.assets for one in made)
    if budget.owner is not None:
        return any(one in graph.assets and graph.assets[one].owner == budget.owner for one in made)
    return True
