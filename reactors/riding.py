"""Which assets join a wave that isn't theirs: those for whom running now costs less than running later would.

An asset below what a wave runs may run with it, ahead of its own due time, and bring along what else it lacks. It loses
the part of its span between runs that it gives away; it may save the wave's runs above it, which its own would make
again. docs/decisions/0019 and 0026 have the figures.
"""

from reactors.crossing import agrees
from reactors.domain import Domain
from reactors.promises import may_begin
from reactors.requests import has_code_since, is_held, lacks
from reactors.state import Node
from reactors.timers import stale_from
from streams.policies import Within

ODDS = 4
"""what may be saved must be so many times what is lost: not every run above would have to be made again"""


def may_ride(domain: Domain, node: Node, at: int, asked: list[Node]) -> bool:
    """It pays that the node joins a wave of the cut `at` that runs these. Only a Within has slack to give."""
    since, wake = stale_from(node), node.wake_at
    if node.wave is not None or node.requests or not lacks(domain, node, at) or _is_out(domain, node, at):
        return False
    if not isinstance(domain.definition(node).policy, Within) or since is None or wake is None:
        return False
    passed, slack = domain.state.now - since, wake - since
    if slack <= 0:
        return False
    if not may_begin(domain, node, domain.state.now) or not agrees(domain, node, at):
        return False  # the wave would wait for it
    more = _lacking(domain, node, at)
    if more is None:
        return False
    above = dict.fromkeys(domain.made_before(node))
    saved = sum(_cost(one) for one in asked if one.key in above)
    lost = (_cost(node) + sum(map(_cost, more))) * (slack - passed)
    return saved * passed >= ODDS * lost


def may_follow(domain: Domain, node: Node, at: int) -> bool:
    """An Eager asset goes along when a source above it is looked at: if that finds nothing, it needs no run."""
    if node.asset not in domain.graph.followers or node.wave is not None or node.requests:
        return False
    if not lacks(domain, node, at) or _is_out(domain, node, at) or not agrees(domain, node, at):
        return False
    return may_begin(domain, node, domain.state.now) and _lacking(domain, node, at) is not None


def _lacking(domain: Domain, node: Node, at: int) -> list[Node] | None:
    """What would have to run for it besides what the wave runs; None where some of that can't, or is on another way."""
    found: dict[str, Node] = {}
    stack = [node]
    while stack:
        for one in domain.derived_inputs(stack.pop()):
            if one.key not in found and lacks(domain, one, at):
                if one.requests or _is_out(domain, one, at) or not may_begin(domain, one, domain.state.now):
                    return None
                found[one.key] = one
                stack.append(one)
    return list(found.values())


def _is_out(domain: Domain, node: Node, at: int) -> bool:
    return is_held(node) or has_code_since(domain, node, at)


def _cost(node: Node) -> int:
    return max(1, node.takes)
