"""Which commits make a node stale: all above it, but for what its policy, or one above it, ignores.

To be right a node takes in all of them; its promise counts from those it heeds.
"""

from collections.abc import Collection, Iterable

from reactors.domain import Domain
from reactors.links import ALWAYS, Ignored
from reactors.state import Commit, Node, Root
from streams.definitions import CODE, LOOK
from streams.keys import asset_of

Oldest = tuple[int, int]
"""offset and time of a commit"""


def heeds(domain: Domain, node: Node, key: str) -> bool:
    """A commit of that root counts for the node's promise."""
    return _heeds_all(domain, node) or key in _heeded(domain, node)


def heeded_roots(domain: Domain, node: Node) -> list[Root]:
    """The ancestor roots whose commits count for its promise."""
    if _heeds_all(domain, node):
        return domain.roots_above(node)
    return [domain.state.roots[key] for key in sorted(_heeded(domain, node))]


def _is_deaf(domain: Domain, node: Node) -> bool:
    """To an Eager asset a look alone is no change."""
    return node.asset in domain.graph.followers


def owes_only_a_look(domain: Domain, node: Node) -> bool:
    """All that is past its cut is that an observed source may have changed since it was looked at."""
    if node.owed_at is None or node.version is None or not domain.graph.observed:
        return False
    return _told_after(domain, node, node.cut_at) is None


def plans_only_a_look(domain: Domain, node: Node) -> bool:
    """The same of what is past the cut that it is planned at."""
    return bool(domain.graph.observed) and _told_after(domain, node, planned_at(node)) is None


def plans_more_from_before(domain: Domain, node: Node) -> bool:
    """Past the cut that it is planned at it owes more than a look, and not only since the entry being folded."""
    told = _told_after(domain, node, planned_at(node))
    return told is not None and told[0] < domain.state.offset


def wanted_at(node: Node) -> int:
    """The offset of the newest cut that it has or is wanted at: in flight or requested, else its own."""
    return max(node.cut_at, node.requests[-1].at if node.requests else -1)


def planned_at(node: Node) -> int:
    """The offset of the cut that it is planned at: that, or the one that it was tried at in vain since."""
    return max(wanted_at(node), node.tried_at)


def ahead_below(domain: Domain, key: str) -> list[Node]:
    """Whoever heeds that root, owes nothing, and is ahead of what it reads since a deploy: its new code isn't heeded.

    Its inputs may be stale since before its own cut, and then they don't tell it of a commit that is new to it.
    """
    nodes = domain.state.nodes
    if domain.ahead is None:
        careless = [asset for asset, ignored in domain.graph.ignored.items() if CODE + asset in ignored]
        domain.ahead = dict.fromkeys(one for asset in careless for one in domain.links.members(asset))
    domain.ahead = {one: None for one in domain.ahead if one in nodes and _is_ahead(domain, nodes[one])}
    found = [nodes[one] for one in domain.ahead]
    return [node for node in found if node.since is None and heeds(domain, node, key) and _is_missed(domain, node)]


def _is_ahead(domain: Domain, node: Node) -> bool:
    return any(_is_past(node, above.stale_at) for above in domain.derived_inputs(node))


def _is_missed(domain: Domain, node: Node) -> bool:
    """What it is ahead of has something planned no more than it was, so that another commit ends there."""
    return any(_is_past(node, above.since_at) for above in domain.derived_inputs(node))


def _is_past(node: Node, since: int | None) -> bool:
    """What it has or is wanted at takes that in: only a deploy leaves an input stale since before.

    The cut that it was tried at in vain may take in more than its inputs have, with no deploy.
    """
    return since is not None and since <= wanted_at(node)


def _told_after(domain: Domain, node: Node, at: int) -> Oldest | None:
    """The oldest commit past a cut that it heeds and that is no look."""
    told = [root for root in heeded_roots(domain, node) if not root.key.startswith(LOOK)]
    return oldest_of(told, at)


def _heeds_all(domain: Domain, node: Node) -> bool:
    return not domain.graph.ignored and not _is_deaf(domain, node)


def _heeded(domain: Domain, node: Node) -> Collection[str]:
    found = _heeded_by_readers(domain, node)
    return [key for key in found if not key.startswith(LOOK)] if _is_deaf(domain, node) else found


def _heeded_by_readers(domain: Domain, node: Node) -> Collection[str]:
    if domain.graph.partitioned:
        return domain.links.heeded(node.asset, node.partition)
    return domain.graph.heeded(node.asset)


def owed_after(domain: Domain, node: Node, at: int) -> Oldest | None:
    """The commit that a version right at the cut `at` owes longest; None where it owes none.

    Nothing computed or tried yet: what counts is when the last of its roots got its first version.
    """
    if at < 0:
        return _born(domain, node)
    if node.asset in domain.graph.joint:
        return _jointly(domain, node, at)
    return _oldest(domain, node, at, heeded_roots(domain, node), domain.graph.ignored)


def _born(domain: Domain, node: Node) -> Oldest | None:
    born = [(root.born_at, root.born) for root in domain.roots_above(node)]
    return max([*born, (node.born_at, node.born)] if node.born_at >= 0 else born, default=None)


def oldest_after(domain: Domain, node: Node, at: int) -> Oldest | None:
    """The oldest commit above the node that a cut at `at` leaves out, heeded or not."""
    return _born(domain, node) if at < 0 else _oldest(domain, node, at, domain.roots_above(node), {})


def _oldest(domain: Domain, node: Node, at: int, roots: Iterable[Root], ignored: Ignored) -> Oldest | None:
    """The oldest commit of these past the cut; or, of partitions, what came to be past it: there is more to read."""
    if not domain.graph.partitioned:
        return oldest_of(roots, at)
    since = domain.links.since(node.asset, node.partition, ignored)
    found = [born for born in since.values() if born[0] > at]
    commit = oldest_of((root for root in roots if since.get(root.key, ALWAYS)[0] <= at), at)
    return min([*found, commit] if commit is not None else found, default=None)


def _jointly(domain: Domain, node: Node, at: int) -> Oldest | None:
    """New code is owed by itself; what is new of its inputs, from when each has some. An output's are its run's."""
    code: list[Root] = []
    inputs: dict[str, list[Oldest | None]] = {}
    runs = domain.run_by(node)
    ignored = domain.graph.ignored.get(runs.asset, ())
    for key in dict.fromkeys((*domain.inputs(runs), CODE + node.asset)):
        asset = asset_of(key)
        if asset in ignored:
            continue
        if asset.startswith(CODE):
            code.append(domain.state.roots[key])
            continue
        inputs.setdefault(asset, []).append(_oldest_of_input(domain, key, at, _is_deaf(domain, node)))
    new = [min((one for one in each if one is not None), default=None) for each in inputs.values()]
    known = [one for one in new if one is not None]
    all_new = max(known) if known and len(known) == len(new) else None
    return min((one for one in (oldest_of(code, at), all_new) if one is not None), default=None)


def _oldest_of_input(domain: Domain, key: str, at: int, is_deaf: bool) -> Oldest | None:
    born = domain.links.born(key) if domain.graph.partitioned else ALWAYS
    if born[0] > at:
        return born
    if domain.is_root(key):
        return oldest_of([domain.state.roots[key]], at)
    above = domain.state.nodes[key]
    keys = sorted(one for one in _heeded_by_readers(domain, above) if not (is_deaf and one.startswith(LOOK)))
    return _oldest(domain, above, at, [domain.state.roots[one] for one in keys], domain.graph.ignored)


def oldest_of(roots: Iterable[Root], at: int) -> Oldest | None:
    """The oldest commit of these that a cut at `at` leaves out."""
    found: Oldest | None = None
    for root in roots:
        if root.commits and root.commits[-1].offset > at:
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
