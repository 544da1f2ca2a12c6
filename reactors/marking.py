"""What a commit makes stale, and since when: by a node's cut, and by the cut it is planned at."""

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush

from reactors.domain import Domain
from reactors.durations import price
from reactors.freshness import block_below
from reactors.heeding import Oldest, ahead_below, heeds, oldest_after, owed_after, planned_at, plans_more_from_before
from reactors.state import Commit, Node, Root
from reactors.timers import arm
from streams.definitions import LOOK


def mark(domain: Domain, key: str) -> None:
    """Mark what is downstream of a commit, stopping where something has been stale for longer.

    The stop is sound: a reader's planned cut never passes its input's, so what makes the input stale makes it stale.
    Where a deploy had it read something else it may, and is told by itself. Only what was tried and failed has gone
    further; it is freed as soon as what it failed through is marked again.
    Not by a look, where it reads other domains: their deliveries don't agree for that, and each try is a look itself.
    """
    frees, abroad = not key.startswith(LOOK), domain.graph.abroad
    stack = domain.readers(key)
    if domain.graph.ignored:
        stack = [*ahead_below(domain, key), *stack]  # told last: a replica that finds more of them says the same
    if all(_is_marked(domain, node, key) for node in stack):
        return  # on most changes of a burst
    tried = list[Node]()
    while stack:
        node = stack.pop()
        if _is_marked(domain, node, key):
            continue
        mark_node(domain, node, heeds(domain, node, key))
        if node.tried_at >= 0 and (frees or not abroad(node.asset)):
            tried.append(node)
        if node.asset not in domain.graph.roots:
            stack.extend(domain.readers(node.key))
    for node in tried:
        free_below(domain, node)
    block_below(domain, key)
    domain.wake(key)


def _is_marked(domain: Domain, node: Node, key: str) -> bool:
    """A commit of that root tells the node nothing: there is an older one, and an older one that its promise heeds."""
    if node.asset in domain.graph.awaited or (key.startswith(LOOK) and node.asset in domain.graph.followers):
        return False  # who reads a follower may be told by a look to which that is deaf
    if node.since_at is None or (node.since is None and heeds(domain, node, key)):
        return False
    return not domain.graph.observed or key.startswith(LOOK) or plans_more_from_before(domain, node)


def mark_node(domain: Domain, node: Node, is_heeded: bool) -> None:
    """The entry being folded is past the node's planned cut, and nothing older is, or nothing older that it heeds."""
    state, key = domain.state, node.key
    if node.since_at is None:
        node.since_at = state.offset
    if node.stale_at is None:
        node.stale_at = state.offset
    if is_heeded and node.asset in domain.graph.joint:
        owed = owed_after(domain, node, planned_at(node))
        node.since = owed[1] if owed is not None else None
        if node.owed_at is None:
            _owe(node, owed_after(domain, node, node.cut_at))
    elif is_heeded:
        node.since = state.now if node.since is None else node.since
        if node.owed_at is None:
            _owe(node, (state.offset, state.now))
    arm(domain, node, key)
    domain.touched[key] = None


def _owe(node: Node, owed: Oldest | None) -> None:
    """Past its cut this is what its promise heeds first; until it has a version its inputs say since when."""
    node.owed_at = owed[0] if owed is not None else None
    if owed is not None and node.version is not None:
        node.stale_since = owed[1]


def first_version(domain: Domain, root: Root) -> None:
    """Whatever waited for this root's first version may be computable now."""
    reach(domain, [root.key])


def reach(domain: Domain, keys: Sequence[str]) -> None:
    """These can be had now: what is below has more to read, or may be computable for the first time."""
    tried = list[Node]()
    for node in _below_anew(domain, keys):
        before = node.since_at
        if not domain.graph.heeds_all:
            plan_again(domain, node)
            note_staleness(domain, node)
        elif before is None:
            mark_node(domain, node, is_heeded=True)
        if before is None and node.since_at is not None and node.tried_at >= 0:
            tried.append(node)
        hear_inputs(domain, node)
        arm(domain, node, node.key)
        domain.touched[node.key] = None
    for node in tried:
        free_below(domain, node)
    for key in keys:
        block_below(domain, key)
        domain.wake(key)


def _below_anew(domain: Domain, keys: Sequence[str]) -> Iterator[Node]:
    """Every node downstream, one of these below another too, inputs before readers, counted anew what it misses."""
    rank, heap, seen = domain.graph.rank, list[tuple[int, str]](), dict[str, None]()
    stack = list(keys)
    while stack or heap:
        for key in stack:
            for reader in domain.readers(key):
                if reader.key not in seen:
                    seen[reader.key] = None
                    heappush(heap, (rank[reader.asset], reader.key))
        stack = []
        if heap:
            node = domain.state.nodes[heappop(heap)[1]]
            if _is_through(domain, node):
                if node.version is None:
                    node.tried_at = -1
                    node.since_at = node.since = None  # its promise counts from now, not from the first of its roots
                else:
                    try_again(domain, node)
            yield node
            stack = [] if node.asset in domain.graph.roots else [node.key]


def _is_through(domain: Domain, node: Node) -> bool:
    """The last that the node missed is there."""
    if not domain.graph.partitioned:
        node.missing -= 1
        return node.missing == 0
    through = count(domain, node)
    price(domain, node)
    return through


def count(domain: Domain, node: Node) -> bool:
    """Count what the node misses; tells whether that is nothing any more. Others may read it from then on."""
    before, node.missing = node.missing, domain.missing(node)
    if not before or node.missing:
        return False
    if domain.graph.partitioned:
        node.born_at, node.born = domain.state.offset, domain.state.now
    return True


def hear_inputs(domain: Domain, node: Node) -> None:
    """Until each of its inputs has a version a node is unknown; from then on its staleness counts."""
    if node.owed_at is not None and node.stale_since is None and not lacks_input(domain, node):
        node.stale_since = domain.state.now
        domain.touched[node.key] = None


def lacks_input(domain: Domain, node: Node) -> bool:
    """One of its inputs has no version yet, so the node can't run, and nothing is promised of it.

    A window that had a version may have more to read now: that is only something new.
    """
    if node.missing > 0:
        return True
    if node.version is None or not domain.graph.partitioned:
        return any(one.version is None for one in domain.derived_inputs(node))
    nodes = domain.state.nodes
    waits_for = domain.links.required(node.asset, node.partition)
    return any(nodes[key].version is None for key in waits_for if not domain.links.is_root(key))


def _is_unknown(node: Node) -> bool:
    """Nothing can be said of it: it has no version, and, be it by a deploy since its run began, lacks an input."""
    return node.missing > 0 and node.version is None


def note_staleness(domain: Domain, node: Node) -> None:
    """Work out anew since when the node is stale, now that its cut moved."""
    oldest = None if _is_unknown(node) else oldest_after(domain, node, node.cut_at)
    node.stale_at = oldest[0] if oldest is not None else None
    owed = oldest if oldest is None or domain.graph.heeds_all else owed_after(domain, node, node.cut_at)
    node.owed_at, node.stale_since = owed if owed is not None else (None, None)
    if owed is not None and lacks_input(domain, node):
        node.stale_since = None


def note_deploy(domain: Domain, node: Node) -> None:
    """Work out anew whether the node is stale, on another graph: nothing new above it counts from before the deploy."""
    before = node.stale_since
    note_staleness(domain, node)
    if node.stale_since is not None:
        earliest = node.stale_since if node.version is not None else 0
        node.stale_since = domain.state.now if before is None else max(before, earliest)


def plan_again(domain: Domain, node: Node) -> None:
    """Work out anew what lies past the planned cut, which has changed."""
    planned = planned_at(node)
    oldest = None if _is_unknown(node) else oldest_after(domain, node, planned)
    owed = oldest if oldest is None or domain.graph.heeds_all else owed_after(domain, node, planned)
    node.since_at = oldest[0] if oldest is not None else None
    node.since = owed[1] if owed is not None else None
    _note_queue(domain, node)
    arm(domain, node, node.key)
    domain.touched[node.key] = None


def try_again(domain: Domain, node: Node) -> None:
    """It was tried, and failed: it may be tried again at the same cut too."""
    if node.tried_at >= 0:
        node.tried_at = -1
        plan_again(domain, node)


def _note_queue(domain: Domain, node: Node) -> None:
    """Requests of a node came or went: whatever is below has that many runs ahead of its own on the way."""
    stack = [node]
    while stack:
        one = stack.pop()
        waits = bool(one.requests) and domain.definition(one).policy.every_ms is not None  # for the span since the last
        most = max([len(one.requests) + waits, *(above.queued for above in domain.derived_inputs(one))])
        queued = most if most > 1 else 0
        if queued != one.queued:
            one.queued = queued
            arm(domain, one, one.key)
            domain.touched[one.key] = None
            if one.asset not in domain.graph.roots:
                stack += domain.readers(one.key)


def free_below(domain: Domain, node: Node) -> None:
    """The node recovered, or something new reached it: it and what was parked below it may be tried again."""
    for one in [node, *domain.below(node.key)]:
        if one.tried_at > one.cut_at:
            one.tried_at = -1
            plan_again(domain, one)
        else:
            one.tried_at = -1


def last_by(root: Root, at: int) -> Commit | None:
    """The newest commit at or before an offset; None where there was none yet. Exact from `dense_from` on."""
    return next((one for one in reversed(root.commits) if one.offset <= at), None)
