"""What a commit makes stale, and since when: by a node's cut, and by the cut it is planned at."""

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush

from reactors.domain import Domain
from reactors.durations import price
from reactors.freshness import block_below
from reactors.links import ALWAYS
from reactors.state import Commit, Node, Root
from reactors.timers import arm


def mark(domain: Domain, key: str) -> None:
    """Mark what is downstream of a commit, stopping where something has been stale for longer.

    The stop is sound: a reader's planned cut never passes its input's, so what makes the input stale makes it stale.
    Only what was tried and failed has gone further; it is freed as soon as what it failed through is marked again.
    """
    stack = domain.readers(key)
    if all(node.since_at is not None for node in stack):
        return  # on most changes of a burst
    tried = list[Node]()
    while stack:
        node = stack.pop()
        if node.since_at is not None:
            continue
        mark_node(domain, node, node.key)
        if node.tried_at >= 0:
            tried.append(node)
        if node.asset not in domain.graph.roots:
            stack.extend(domain.readers(node.key))
    for node in tried:
        free_below(domain, node)
    block_below(domain, key)
    domain.wake(key)


def mark_node(domain: Domain, node: Node, key: str) -> None:
    """The entry being folded is the oldest past the node's planned cut."""
    state = domain.state
    node.since_at, node.since = state.offset, state.now
    if node.stale_at is None:
        node.stale_at = state.offset
        if node.version is not None:
            node.stale_since = state.now
    arm(domain, node, key)
    domain.touched[key] = None


def first_version(domain: Domain, root: Root) -> None:
    """Whatever waited for this root's first version may be computable now."""
    reach(domain, [root.key])


def reach(domain: Domain, keys: Sequence[str]) -> None:
    """These can be had now: what is below has more to read, or may be computable for the first time."""
    tried = list[Node]()
    for node in _below_anew(domain, keys):
        if node.since_at is None:
            mark_node(domain, node, node.key)
            if node.tried_at >= 0:
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
    """Every node downstream, inputs before readers, once it was counted anew what it misses."""
    rank, heap, seen = domain.graph.rank, list[tuple[int, str]](), dict.fromkeys(keys)
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
                node.tried_at = -1
                if node.version is None:
                    node.since_at = None  # its promise counts from now, not from the first of its roots
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
    if node.stale_at is not None and node.stale_since is None and not lacks_input(domain, node):
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


def note_staleness(domain: Domain, node: Node) -> None:
    """Work out anew since when the node is stale, now that its cut moved."""
    oldest = None if node.missing and node.version is None else oldest_after(domain, node, node.cut_at)
    node.stale_at, node.stale_since = oldest if oldest is not None else (None, None)
    if oldest is not None and lacks_input(domain, node):
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
    planned = max(node.cut_at, node.tried_at, node.requests[-1].at if node.requests else -1)
    oldest = None if node.missing and planned < 0 else oldest_after(domain, node, planned)
    node.since_at, node.since = oldest if oldest is not None else (None, None)
    _note_queue(domain, node)
    arm(domain, node, node.key)
    domain.touched[node.key] = None


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


def oldest_after(domain: Domain, node: Node, at: int) -> tuple[int, int] | None:
    """(offset, time) of the oldest commit above the node that a cut at `at` leaves out."""
    roots = domain.roots_above(node)
    if at < 0:  # nothing computed or tried yet: what counts is when the last of its roots got its first version
        born = [(root.born_at, root.born) for root in roots]
        return max([*born, (node.born_at, node.born)] if node.born_at >= 0 else born, default=None)
    since = domain.links.since(node.asset, node.partition) if domain.graph.partitioned else {}
    found = min((born for born in since.values() if born[0] > at), default=None)  # there is more to read
    for root in roots:
        if root.commits and root.commits[-1].offset > at and since.get(root.key, ALWAYS)[0] <= at:
            first = first_after(root, at)
            if found is None or first.offset < found[0]:
                found = (first.offset, first.time)
    return found


def first_after(root: Root, at: int) -> Commit:
    """The first commit past an offset; there must be one. Thinning keeps those that follow a live cut."""
    commits = root.commits
    low, high = 0, len(commits) - 1
    while low < high:
        middle = (low + high) // 2
        if commits[middle].offset > at:
            high = middle
        else:
            low = middle + 1
    return commits[low]


def last_by(root: Root, at: int) -> Commit | None:
    """The newest commit at or before an offset; None where there was none yet. Exact from `dense_from` on."""
    return next((one for one in reversed(root.commits) if one.offset <= at), None)
