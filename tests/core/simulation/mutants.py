"""The planner with one of its rules (semantics.md, Planner) taken out: which seed first tells?

    python -m tests.core.simulation.mutants [--seeds A:B]

A rule that can be taken out without anybody noticing is one that nothing proves. Without rule 7, riding along, no play
is wrong, only dearer: thrift.py tells.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple
from unittest import mock

from reactors import commits, freshness, granting, growth, links, requests, results, runs, timers, waves
from reactors.domain import Domain
from reactors.state import Node, Request, Wave
from streams.policies import Cron
from tests.core.simulation.campaign import seeds_of
from tests.core.simulation.play import broken
from tests.core.simulation.thrift import dear


class Mutant(NamedTuple):
    """A rule's number, what is left of it, and the functions that say so."""

    rule: int
    name: str
    patches: tuple[tuple[Any, str, Callable[..., Any]], ...]
    judge: Callable[[int], list[str]] = broken


_due, _ask_upward, _ask = timers.due, waves._ask_upward, requests.ask


def _target_alone(domain: Domain, wave: Wave, target: Node, at: int) -> list[Node]:
    """A wave that requests its target, and nothing above it."""
    with mock.patch.object(Domain, "derived_inputs", return_value=[]):
        return _ask_upward(domain, wave, target, at)


def _whatever_is_newest(domain: Domain, node: Node, wave: Wave, at: int) -> Request:
    """A request that reads its inputs as they stand, and waits for none of them."""
    request = _ask(domain, node, wave, at)
    for key in list(request.waiting):
        del request.waiting[key]
        request.pins[key] = requests.pin_node(domain.state.nodes[key])
    return request


def _not_for_others(domain: Domain, wave: Wave, target: Node, at: int) -> list[Node]:
    """A wave that passes over the promised ones above its target: they have their own times."""
    spared = [one for one in _ask_upward(domain, wave, target, at) if one is not target]
    for node in spared:
        if domain.definition(node).policy.kind in ("eager", "cron") and node.requests:
            requests.drop_out(domain, node, wave)
            node.requests.pop()
    return [one for one in [*spared, target] if one.requests]


def _never_at_a_tick(domain: Domain, node: Node) -> int | None:
    at = _due(domain, node)
    return None if isinstance(domain.definition(node).policy, Cron) and node.asked_at is None else at


def _stays(domain: Domain, node: Node, request: Request, parked: bool = True) -> None:
    """What failed for good stays in its waves."""


def _any_number(turn: granting.Round, worker: str, node: Node) -> None:
    """A grant that takes no slot."""
    turn._taken[node.asset] = None


def _is_declared(known: links.Links, key: str, at: int | None = None) -> bool:
    """A root or a node by that name, whether it can be had or not."""
    return key in (known._state.roots if known.is_root(key) else known._state.nodes)


MUTANTS = (
    Mutant(1, "a commit marks nothing", ((commits, "mark", lambda *_: None),)),
    Mutant(1, "no partition comes to be", ((commits, "grow", lambda *_: None),)),
    Mutant(1, "what comes to be reaches nobody", ((growth, "reach", lambda *_: None),)),
    Mutant(1, "a window's newcomers were always there", ((links.Links, "since", lambda *_: {}),)),
    Mutant(1, "windows wait for what can't be had", ((links.Links, "_is_there", _is_declared),)),
    Mutant(2, "nothing falls due", ((timers, "due", lambda *_: None),)),
    Mutant(2, "due without a margin", ((timers, "margin", lambda *_: -60_000),)),
    Mutant(3, "a wave requests its target alone", ((waves, "_ask_upward", _target_alone),)),
    Mutant(4, "inputs as they stand, not at the cut", ((waves, "ask", _whatever_is_newest),)),
    Mutant(5, "every request runs, new inputs or none", ((requests, "may_move", lambda *_: False),)),
    Mutant(5, "no request runs", ((requests, "may_move", lambda node, _: node.version is not None),)),
    Mutant(6, "several runs of a node at once", ((requests, "is_busy", lambda _: False),)),
    Mutant(7, "nobody rides along", ((waves, "may_ride", lambda *_: False),), dear),
    Mutant(8, "consumers don't run promised ancestors", ((waves, "_ask_upward", _not_for_others),)),
    Mutant(9, "ticks pass", ((timers, "due", _never_at_a_tick),)),
    Mutant(10, "a failure stays in its waves", ((runs, "leave", _stays), (results, "leave", _stays))),
    Mutant(11, "slots and pools are no limit", ((granting.Round, "_spend", _any_number),)),
    Mutant(12, "nothing is infeasible", ((freshness, "is_infeasible", lambda *_: False),)),
)


def first_told(mutant: Mutant, seeds: Iterable[int]) -> tuple[int, str] | None:
    """The first seed whose play breaks without the rule, and what it breaks."""
    with ExitStack() as patched:
        for place, name, other in mutant.patches:
            patched.enter_context(mock.patch.object(place, name, other))
        for seed in seeds:
            if found := mutant.judge(seed):
                return seed, found[0]
    return None


def told(seeds: range) -> Iterator[tuple[Mutant, tuple[int, str] | None]]:
    """Every mutant, and what told of it."""
    for mutant in MUTANTS:
        yield mutant, first_told(mutant, seeds if mutant.judge is broken else range(len(seeds)))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.core.simulation.mutants")
    parser.add_argument("--seeds", type=seeds_of, default="100000:101000", help="from A to before B")
    seeds = parser.parse_args().seeds
    missed = 0
    for mutant, found in told(seeds):
        missed += found is None
        what = f"not told within {len(seeds)} seeds" if found is None else f"seed {found[0]}: {found[1]}"
        print(f"rule {mutant.rule:>2}, {mutant.name}: {what}"[:220], flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
