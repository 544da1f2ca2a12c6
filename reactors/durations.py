"""How long runs take, learned from reports, and the longest chains of them."""

from reactors.domain import Domain
from reactors.state import Node
from reactors.timers import arm

_WINDOW = 16
_RISE_PERCENT, _FALL_PERCENT = 5, 25
"""an estimate moves only by more than this, or each report would move every due time downstream; too short a one breaks
promises, too long a one only makes runs earlier"""


def learn(domain: Domain, node: Node, duration_ms: int) -> None:
    """Take in how long a run took, from grant to report; where the estimate moves, so do the due times downstream."""
    learned = _learned(domain, node)
    learned.append(max(0, duration_ms))
    del learned[:-_WINDOW]
    estimate = expected(domain, node)
    step = node.takes * (_RISE_PERCENT if estimate > node.takes else _FALL_PERCENT)
    if abs(estimate - node.takes) * 100 <= step:
        return
    more = estimate - node.takes
    # A new partition takes what others did.
    same = [domain.state.nodes[key] for key in domain.links.members(node.asset)]
    for one in same:
        one.takes = estimate
    keys = [] if node.asset in domain.graph.roots else domain.graph.below([node.asset])  # no wave runs what is Manual
    below = [domain.state.nodes[key] for asset in keys for key in domain.links.members(asset)]
    for one in [*same, *below]:
        if one.key in domain.works:
            domain.works[one.key] += more
        # What is remembered of works mustn't decide: replicas remember other sums.
        if price(domain, one) or one.asset == node.asset or domain.is_scarce:
            arm(domain, one, one.key)
            domain.touched[one.key] = None


def _learned(domain: Domain, node: Node) -> list[int]:
    """Where the durations of its runs are kept: a partitioned asset's together."""
    return domain.state.learned.setdefault(node.asset, []) if node.partition else node.durations


def expected(domain: Domain, node: Node) -> int:
    """A high quantile of the last runs; before the first, what `takes=` says.

    A fifth of them may take longer: otherwise one slow start would push every due time ahead for the whole window.
    """
    durations = domain.state.learned.get(node.asset, ()) if node.partition else node.durations
    if not durations:
        return domain.definition(node).takes_ms
    return sorted(durations, reverse=True)[len(durations) // 5]


def price(domain: Domain, node: Node) -> bool:
    """Work out the node's path and longest run from its inputs'; tells whether they changed.

    What runs at most every so often keeps its readers waiting as one run in flight of that length would.
    """
    above = domain.derived_inputs(node)
    path = node.takes + max((one.path for one in above), default=0)
    longest = max([node.takes, *(max(one.longest, domain.definition(one).policy.every_ms or 0) for one in above)])
    changed = (path, longest) != (node.path, node.longest)
    node.path, node.longest = path, longest
    return changed
