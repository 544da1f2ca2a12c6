"""How long runs take, learned from reports, and the longest chains of them."""

from reactors.domain import Domain
from reactors.state import Node
from reactors.timers import arm

_WINDOW = 16
_STEP_PERCENT = 25
"""an estimate moves only by more than this: otherwise each report would move every due time downstream"""


def learn(domain: Domain, node: Node, duration_ms: int) -> None:
    """Take in one run's duration; where the estimate moves, so do the due times downstream."""
    node.durations.append(max(0, duration_ms))
    del node.durations[:-_WINDOW]
    estimate = expected(domain, node)
    if abs(estimate - node.takes) * 100 <= node.takes * _STEP_PERCENT:
        return
    node.takes = estimate
    for one in [node, *domain.below(node.asset)]:
        if price(domain, one) or one is node:
            arm(domain, one, one.asset)
            domain.touched[one.asset] = None


def expected(domain: Domain, node: Node) -> int:
    """A high quantile of the last runs; before the first, what `takes=` says.

    A fifth of them may take longer: otherwise one slow start would push every due time ahead for the whole window.
    """
    if not node.durations:
        return domain.definition(node).takes_ms
    return sorted(node.durations, reverse=True)[len(node.durations) // 5]


def price(domain: Domain, node: Node) -> bool:
    """Work out the node's path and longest run from its inputs'; tells whether they changed."""
    above = domain.derived_inputs(node)
    path = node.takes + max((one.path for one in above), default=0)
    longest = max(node.takes, *(one.longest for one in above)) if above else node.takes
    changed = (path, longest) != (node.path, node.longest)
    node.path, node.longest = path, longest
    return changed
