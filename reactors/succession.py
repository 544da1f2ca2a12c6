"""Whether definitions can go on with what was published under those before them."""

from reactors.domain import Domain
from reactors.graph import Graph
from reactors.news import PARTITION
from streams.errors import DefinitionError


def check_succession(domain: Domain, graph: Graph) -> None:
    """Raises DefinitionError where what a domain published makes no sense under the graph that is to come."""
    for key in sorted(graph.roots - graph.partitioned.keys()):
        root = domain.state.roots.get(key)
        if root is not None and root.commits and PARTITION in (root.commits[-1].extra or {}):
            raise DefinitionError(
                f"{key!r} has no partitions any more, but what was published of it is one of them, never the whole; "
                "keep them, or declare it without them under another name"
            )
