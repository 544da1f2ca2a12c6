"""Which commits make a node stale: all above it, but for what its policy, or one above it, ignores.

To be right a node takes in all of them; its promise counts from those it heeds.
"""

from collections.abc import Collection, Iterable

from reactors.domain import Domain
from reactors.links import ALWAYS
from reactors.state import Commit, Node, Root
from streams.definitions import CODE, LOOK
from streams.keys import asset_of, node_key

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


def owes_only_a_look(domain: Domain, node: Node) -> bool:
    """All that is past its cut is that an observed source may have changed since it was looked at."""
    if node.owed_at is None or node.version is None or not domain.graph.observed:
        return False
    others = [root for root in heeded_roots(domain, node) if not root.key.startswith(LOOK)]
    return oldest_of(others, node.cut_at) is None


def _heeds_all(domain: Domain, node: Node) -> bool:
    return not domain.graph.ignored and node.asset not in domain.graph.followers


def _heeded(domain: Domain, node: Node) -> Collection[str]:
    partitioned = domain.graph.partitioned
    found = domain.links.heeded(node.asset, node.partition) if partitioned else domain.graph.heeded(node.asset)
    if node.asset in domain.graph.followers:
        return [key for key in found if not key.startswith(LOOK)]
    return found


def owed_after(domain: Domain, node: Node, at: int) -> Oldest | None:
    """The commit that a version right at the cut `at` owes longest; None where it owes none.

    Nothing computed or tried yet: what counts is when the last of its roots got its first version.
    """
    if at < 0:
        return _born(domain, node)
    if node.asset in domain.graph.joint:
        return _jointly(domain, node, at)
    return _oldest(domain, node, at, is_heeding=True)


def _born(domain: Domain, node: Node) -> Oldest | None:
    born = [(root.born_at, root.born) for root in domain.roots_above(node)]
    return max([*born, (node.born_at, node.born)] if node.born_at >= 0 else born, default=None)


def oldest_after(domain: Domain, node: Node, at: int) -> Oldest | None:
    """The oldest commit above the node that a cut at `at` leaves out, heeded or not."""
    return _born(domain, node) if at < 0 else _oldest(domain, node, at, is_heeding=False)


def _oldest(domain: Domain, node: Node, at: int, is_heeding: bool) -> Oldest | None:
    """The oldest commit past the cut; or, of partitions, what came to be past it: then there is more to read."""
    roots = heeded_roots(domain, node) if is_heeding else domain.roots_above(node)
    if not domain.graph.partitioned:
        return oldest_of(roots, at)
    since = domain.links.since(node.asset, node.partition, domain.graph.ignored if is_heeding else {})
    found = [born for born in since.values() if born[0] > at]
    commit = oldest_of((root for root in roots if since.get(root.key, ALWAYS)[0] <= at), at)
    return min([*found, commit] if commit is not None else found, default=None)


def _jointly(domain: Domain, node: Node, at: int) -> Oldest | None:
    """New code is owed by itself; what is new of its inputs, from when each has some. An output's are its run's."""
    code: list[Root] = []
    inputs: dict[str, list[Oldest | None]] = {}
    made_by = domain.graph.made_by.get(node.asset)
    runs = node if made_by is None else domain.state.nodes[node_key(made_by, node.partition)]
    ignored = domain.graph.ignored.get(runs.asset, ())
    for key in dict.fromkeys((*domain.inputs(runs), CODE + node.asset)):
        asset = asset_of(key)
        if asset in ignored:
            continue
        if asset.startswith(CODE):
            code.append(domain.state.roots[key])
            continue
        inputs.setdefault(asset, []).append(_oldest_of_input(domain, key, at))
    new = [min((one for one in each if one is not None), default=None) for each in inputs.values()]
    known = [one for one in new if one is not None]
    all_new = max(known) if known and len(known) == len(new) else None
    return min((one for one in (oldest_of(code, at), all_new) if one is not None), default=None)


def _oldest_of_input(domain: Domain, key: str, at: int) -> Oldest | None:
    born = domain.links.born(key) if domain.graph.partitioned else ALWAYS
    if born[0] > at:
        return born
    if domain.is_root(key):
        return oldest_of([domain.state.roots[key]], at)
    return _oldest(domain, domain.state.nodes[key], at, is_heeding=True)


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
