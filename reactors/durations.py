"""How long runs take, learned from reports, and the longest chains of them."""

from collections.abc import Sequence

from reactors.domain import Domain
from reactors.state import Node
from reactors.timers import arm

_WINDOW = 16
_GUESSES = 5
"""as many runs `takes=` stands for until they were seen: by a first one alone, slow work looks like a slow start"""
_RISE_PERCENT, _FALL_PERCENT = 5, 25
"""an estimate moves only by more than this, or each report would move every due time downstream; too short a one breaks
promises, too long a one only makes runs earlier"""


def learn(domain: Domain, node: Node, duration_ms: int) -> None:
    """Take in how long a run took, from grant to report; where the estimate moves, so do the due times downstream."""
    learned = _learned(domain, node)
    learned.append(max(0, duration_ms))
    del learned[:-_WINDOW]
    estimate, most = expected(domain, node), longest_lately(domain, node)
    if _is_near(estimate, node.takes) and _is_near(most, node.most) and len(learned) != _GUESSES:
        return
    more = estimate - node.takes
    # A new partition takes what others did.
    same = [domain.state.nodes[key] for key in domain.links.members(node.asset)]
    for one in same:
        one.takes, one.most = estimate, most
    keys = [] if node.asset in domain.graph.roots else domain.graph.below([node.asset])  # no wave runs what is Manual
    below = [domain.state.nodes[key] for asset in keys for key in domain.links.members(asset)]
    for one in [*same, *below]:
        if one.key in domain.works:
            domain.works[one.key] += more
        # What is remembered of works mustn't decide: replicas remember other sums.
        if price(domain, one) or one.asset == node.asset or domain.is_scarce:
            arm(domain, one, one.key)
            domain.touched[one.key] = None


def _is_near(new: int, old: int) -> bool:
    return abs(new - old) * 100 <= old * (_RISE_PERCENT if new > old else _FALL_PERCENT)


def _learned(domain: Domain, node: Node) -> list[int]:
    """Where the durations of its runs are kept: a partitioned asset's together."""
    return domain.state.learned.setdefault(node.asset, []) if node.partition else node.durations


def expected(domain: Domain, node: Node) -> int:
    """A high quantile of the last runs, and of what `takes=` says while they are few.

    A fifth of them may take longer: otherwise one slow start would push every due time ahead for the whole window.
    """
    durations = _seen(domain, node)
    guess = domain.definition(node).takes_ms
    known = [*durations, *[guess] * (_GUESSES - len(durations))] if guess or not durations else durations
    return sorted(known, reverse=True)[len(known) // 5]


def longest_lately(domain: Domain, node: Node) -> int:
    """The longest of the last runs, or of what `takes=` says: twice that before the first, a fifth less with each."""
    durations = _seen(domain, node)
    doubted = 2 * _GUESSES - len(durations) if len(durations) < _GUESSES else 0
    return max(*durations, 0, domain.definition(node).takes_ms * doubted // _GUESSES)


def _seen(domain: Domain, node: Node) -> Sequence[int]:
    return domain.state.learned.get(node.asset, ()) if node.partition else node.durations


def price(domain: Domain, node: Node) -> bool:
    """Work out the node's paths and longest run from its inputs'; tells whether they changed.

    What runs at most every so often keeps its readers waiting as one run in flight of that length would. What was seen
    too seldom to know better may take as long again as it once did: that is doubted.
    """
    above = domain.derived_inputs(node)
    path = node.takes + max((one.path for one in above), default=0)
    longest = max([node.takes, *(max(one.longest, domain.definition(one).policy.every_ms or 0) for one in above)])
    slow = node.most + max((one.slow for one in above), default=0)
    doubt = node.most - node.takes if len(_seen(domain, node)) < _GUESSES else 0
    doubt = max([doubt, *(one.doubt for one in above)])
    rest = max((max(one.rest, domain.definition(one).policy.every_ms or 0) for one in above), default=0)
    before = node.path, node.longest, node.slow, node.rest, node.doubt
    node.path, node.longest, node.slow, node.rest, node.doubt = path, longest, slow, rest, doubt
    return before != (path, longest, slow, rest, doubt)
