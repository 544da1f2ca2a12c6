"""Who reads whom, partition by partition: what the compiled graph says of assets, told of their nodes.

A key names an asset's only node, or `asset[partition]`. The same goes for roots: `source` counts the changes of all its
partitions, `source[partition]` those that touched that one. Nodes and roots are there once something touched them, and
only what is there is linked, except what a partition can't do without: its own name's partition of an input.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

from reactors.graph import Graph
from reactors.state import Node, State
from streams.keys import asset_of, node_key, partition_of
from streams.partitions import All, Last, Overlapping, Windows, read_by, readers_of
from streams.partitions import Mapping as PartitionMapping

_NOTHING: Mapping[str, Collection[str]] = {}


class Links:
    """The links between the nodes of a state, on a graph that has partitions."""

    def __init__(self, graph: Graph, state: State) -> None:
        self._graph, self._state = graph, state
        self._members: dict[str, dict[str, None]] = {}
        self._read: dict[tuple[str, str, str], list[str]] = {}  # (reader, its partition, input) → what it reads of it
        self._readers: dict[tuple[str, str], list[str]] = {}  # (reader, root or node) → its partitions that read that
        for key, node in state.nodes.items():
            self.note(key, node)

    def note(self, key: str, node: Node) -> None:
        """The node is there."""
        self._members.setdefault(node.asset, {})[key] = None

    def forget(self, key: str, node: Node) -> None:
        """The node isn't there any more."""
        self._members[node.asset].pop(key, None)

    def members(self, asset: str) -> list[str]:
        """The nodes of a derived asset, oldest first."""
        return list(self._members.get(asset, ()))

    def is_root(self, key: str) -> bool:
        """No run here produces it for its readers."""
        return asset_of(key) in self._graph.roots

    def inputs(self, asset: str, partition: str) -> tuple[str, ...]:
        """Keys of the roots and nodes that a node reads."""
        return tuple(one for dep in self._graph.inputs[asset] for one in self._of(asset, partition, dep))

    def required(self, asset: str, partition: str) -> list[str]:
        """Those that it can't do without: they have to be there as it is."""
        found = []
        for dep in self._graph.inputs[asset]:
            if not isinstance(self._graph.mappings.get((asset, dep)), All | Last | Overlapping):
                found += self._of(asset, partition, dep)
        return found

    def empty(self, asset: str, partition: str) -> int:
        """How many of its deps have no partition yet that it could read."""
        return sum(not self._of(asset, partition, dep) for dep in self._graph.inputs[asset])

    def _of(self, asset: str, partition: str, dep: str) -> list[str]:
        mapping, graph = self._graph.mappings.get((asset, dep)), self._graph
        if mapping is None:
            return [dep]
        if isinstance(mapping, All):
            return [dep] if dep in graph.roots else self.members(dep)
        keys = self._read.get((asset, partition, dep))
        if keys is None:
            names = read_by(mapping, graph.partitioned[asset], graph.partitioned[dep], partition)
            keys = self._read[asset, partition, dep] = [node_key(dep, name) for name in names]
        return [key for key in keys if self._is_there(key)] if isinstance(mapping, Last | Overlapping) else keys

    def _is_there(self, key: str) -> bool:
        root = self._state.roots.get(key)
        return key in self._state.nodes if root is None else root.exists or key in self._state.nodes

    def readers(self, key: str) -> list[str]:
        """The nodes that read this root or node."""
        nodes = self._state.nodes
        return [one for one in self.readers_to_be(key) if one in nodes]

    def readers_to_be(self, key: str) -> list[str]:
        """These, and those that would, were they there."""
        graph, (asset, partition) = self._graph, (asset_of(key), partition_of(key))
        found: list[str] = []
        for reader in graph.readers.get(asset, ()):
            mapping = graph.mappings.get((reader, asset))
            if mapping is None or (isinstance(mapping, All) and (not partition or asset not in graph.roots)):
                found += self.members(reader)
            elif partition and not isinstance(mapping, All):
                found += self._reading(reader, key, mapping)
        return found

    def _reading(self, reader: str, key: str, mapping: PartitionMapping) -> list[str]:
        """The partitions of a reader that read this one; of windows that look back, those that have begun."""
        parts = self._graph.partitioned[reader]
        keys = self._readers.get((reader, key))
        if keys is None:
            names = readers_of(mapping, parts, self._graph.partitioned[asset_of(key)], partition_of(key))
            keys = self._readers[reader, key] = [node_key(reader, one) for one in names]
        if isinstance(mapping, Last) and isinstance(parts, Windows):
            return [one for one in keys if parts.start(partition_of(one)) <= self._state.now]
        return keys

    def above(self, name: str, part: str) -> tuple[list[str], int]:
        """The ancestor roots of a node, there or not, sorted; and how many deps on the way have nothing to read."""
        lineage = list(self._lineage(name, part))
        roots = {key: None for one in lineage for key in self.inputs(*one) if self.is_root(key)}
        return sorted(roots), sum(self.empty(*one) for one in lineage)

    def heeded(self, name: str, part: str) -> dict[str, None]:
        """Those ancestor roots of a node whose commits make it stale: not through an ignored input alone."""
        ignored = self._graph.ignored
        lineage = self._lineage(name, part, ignored)
        return {key: None for one in lineage for key in self._without(ignored, *one) if self.is_root(key)}

    def _without(self, ignored: Mapping[str, Collection[str]], asset: str, partition: str) -> Iterator[str]:
        skipped = ignored.get(asset, ())
        return (key for key in self.inputs(asset, partition) if not skipped or asset_of(key) not in skipped)

    def made_before(self, node: Node) -> Iterator[str]:
        """Every node above this one, in no particular order."""
        lineage = self._lineage(node.asset, node.partition)
        next(lineage)
        return (node_key(*one) for one in lineage)

    def _lineage(
        self, asset: str, partition: str, ignored: Mapping[str, Collection[str]] = _NOTHING
    ) -> Iterator[tuple[str, str]]:
        seen = {(asset, partition): None}
        stack = [(asset, partition)]
        while stack:
            one = stack.pop()
            yield one
            for key in self._without(ignored, *one):
                above = (asset_of(key), partition_of(key))
                if above not in seen and not self.is_root(key):
                    seen[above] = None
                    stack.append(above)

    def below(self, keys: Iterable[str]) -> list[str]:
        """Every node downstream of these, inputs before readers."""
        found: dict[str, None] = {}
        stack = list(keys)
        while stack:
            for reader in self.readers(stack.pop()):
                if reader not in found:
                    found[reader] = None
                    if not self.is_root(reader):
                        stack.append(reader)
        return sorted(found, key=lambda key: self._graph.rank[asset_of(key)])
