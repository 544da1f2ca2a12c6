"""What is new of a run's inputs since the run before: for functions that need only look at that."""

from collections.abc import Mapping

from reactors.domain import Domain
from reactors.state import Commit, Node, Root
from streams.definitions import PSEUDO
from streams.events import Covered, InputNews, Pin
from streams.keys import partition_of

CHANGES_MAX = 100
"""commits of one input that a grant tells; of more it says nothing, and the whole is read"""

PARTITION = "partition"
"""what a source's commit keeps beside its address: the partition that it touched"""


def news_of(domain: Domain, node: Node, at: int, pins: Mapping[str, Pin]) -> dict[str, InputNews]:
    """What a run at the cut `at` has new to read, input by input. Of a run that reads the whole nothing is said.

    That is a first one, or one from whose inputs a deploy took a partition that the version before was computed from.
    """
    if node.version is None or not node.consistent or gone(node, pins):
        return {}
    found = {}
    for key in pins:
        before = node.consumed.get(key)
        if before is not None and not key.startswith(PSEUDO):
            root = domain.state.roots[key] if domain.is_root(key) else None
            changes = _changes(root, node.cut_at, at) if root is not None else None
            found[key] = InputNews(previous=before.version, changes=changes)
    return found


def gone(node: Node, pins: Mapping[str, Pin]) -> bool:
    """The version was computed from a partition that is read no more, for a deploy took it away."""
    return any(key not in pins and not key.startswith(PSEUDO) for key in node.consumed)


def _changes(root: Root, after: int, until: int) -> tuple[Covered, ...] | None:
    """The commits past one offset, up to another; None where some were thinned out, or they are too many."""
    if after < root.dense_from:
        return None
    commits = [one for one in root.commits if after < one.offset <= until]
    return tuple(_told(one, root) for one in commits) if len(commits) <= CHANGES_MAX else None


def _told(commit: Commit, root: Root) -> Covered:
    extra = commit.extra or {}
    return Covered(
        version=commit.version,
        partition=extra.get(PARTITION) or partition_of(root.key),
        data_time=extra.get("data_time"),
        uri=extra.get("uri"),
        metadata=extra.get("metadata") or {},
    )
