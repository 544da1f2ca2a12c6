"""Whether definitions can go on with what was published under those before them."""

from reactors.domain import Domain
from reactors.graph import Graph, compile_graph
from reactors.news import PARTITION
from streams.definitions import Manifest
from streams.errors import DefinitionError


def successor(domain: Domain, manifest: Manifest) -> Graph:
    """The manifest's graph. Raises DefinitionError where it makes no sense, by itself or after what was published."""
    graph = compile_graph(manifest)
    for key in sorted(graph.roots - graph.partitioned.keys()):
        root = domain.state.roots.get(key)
        if root is not None and root.commits and PARTITION in (root.commits[-1].extra or {}):
            raise DefinitionError(
                f"{key!r} has no partitions any more, but what was published of it is one of them, never the whole; "
                "keep them, or declare it without them under another name"
            )
    return graph
