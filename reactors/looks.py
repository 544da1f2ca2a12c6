"""By which number other domains know a look at an observed source: by the look that found what stands.

Each look is a commit in its own domain, for the source may have changed since. To other domains it is one if it found
something new: told of each, they would move with it, and a join of what comes back could never agree with a source that
is looked at again whenever anything is to run below it.
"""

from bisect import bisect_right
from collections.abc import Iterator

from reactors.domain import Domain
from reactors.state import Node
from streams.definitions import LOOK
from streams.events import Cut

FOUND_MAX = 64
"""looks that are remembered before it is asked which of them still matter"""


def as_named(domain: Domain, key: str, seq: int) -> int:
    """By which number others know a root's commit `seq`; 0: what was found before any look was counted."""
    if not key.startswith(LOOK):
        return seq
    found = domain.state.found.get(key.removeprefix(LOOK), ())
    return next((look for look in reversed(found) if look <= seq), 0)


def note_found(domain: Domain, node: Node) -> None:
    """A look found something new, or it was let through only now."""
    key = LOOK + node.asset
    look = node.cut.get(key)
    if look is None:
        return  # it was computed, until a deploy in the middle of that run
    found = domain.state.found.setdefault(node.asset, [])
    found.append(look)
    if len(found) > FOUND_MAX:
        oldest = min((cut[key] for cut in _cuts(domain, node) if key in cut), default=look)
        found[:] = found[max(0, bisect_right(found, oldest) - 1) :]


def _cuts(domain: Domain, node: Node) -> Iterator[Cut]:
    """All that may be named yet: where what is below stands, and what is wanted or held there."""
    for one in domain.below(node.key):
        yield one.cut
        yield from (request.cut for request in one.requests)
        if one.quarantine is not None:
            yield one.quarantine.cut
