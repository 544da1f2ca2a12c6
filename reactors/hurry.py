"""Where slots are few, a wave may have to begin before its own due moment: others' work stands before it."""

from collections.abc import Iterable
from typing import NamedTuple

from reactors.domain import Domain
from reactors.heeding import plans_only_a_look
from reactors.promises import is_infeasible, promised_by
from reactors.state import Node
from reactors.timers import rested, stale_from

AGAIN_PERCENT = 20
"""of a run that several targets need: it is shared where their waves take one cut, and made again where they don't"""

MOST = 1_000
"""assets with promises; among more than that each goes by its own due moment alone, or each turn would look at all"""


class Haste(NamedTuple):
    """The next target to start, and the latest moment for it that leaves time for all."""

    at: int
    key: str


def haste(domain: Domain) -> Haste | None:
    """By when the most urgent target that hasn't begun must begin, so that each can be done by its promise's end.

    Work is done in the order of deadlines: what is promised by some moment waits for all that is promised by then, and
    somebody must begin while that still fits. Sources are looked at with rests between, and never for what can't be
    done in time anyway. None where slots aren't few, or nothing is to begin.
    """
    if not domain.is_scarce or len(domain.graph.promised) > MOST:
        return None
    first: tuple[Node, int, int] | None = None
    latest, work, longest = 0, 0, 0
    seen: dict[str, None] = {}
    for by, key, since in sorted(_waiting(domain)):
        node = domain.state.nodes[key]
        for one in _left(domain, node):
            takes = domain.state.nodes[one].takes
            work += takes * AGAIN_PERCENT // 100 if one in seen else takes
            seen[one] = None
        longest = max(longest, node.longest)
        at = by - max(work // domain.state.slots, node.path) - longest - domain.state.moment
        if first is not None:
            latest = min(latest, at)
        elif node.wave is None:
            first, latest = (node, since, by), at
    if first is None:
        return None
    node, since, by = first
    return Haste(rested(domain, node, latest, since, by), node.key)


def _waiting(domain: Domain) -> Iterable[tuple[int, str, int]]:
    """(end of its promise, target, since when it is stale) of all that is stale and can be helped."""
    for asset in domain.graph.promised:
        for key in domain.links.members(asset):
            node = domain.state.nodes[key]
            since = stale_from(domain, node) if node.wave is None else node.stale_since
            if since is None or node.missing or node.paused is not None or node.hold is not None:
                continue
            if node.wave is None and node.blocked_by is not None:  # no hurry helps it: what failed rests before it
                continue
            by = promised_by(domain, node, since)
            if by is not None and not (is_infeasible(domain, node) and plans_only_a_look(domain, node)):
                yield by, key, since


def _left(domain: Domain, node: Node) -> Iterable[str]:
    """What its wave has yet to run, or might have to."""
    wave = domain.state.waves.get(node.wave) if node.wave is not None else None
    return (node.key, *domain.made_before(node)) if wave is None or wave.at is None else wave.left
