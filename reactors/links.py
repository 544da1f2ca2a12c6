"""Who reads whom, partition by partition: what the compiled graph says of assets, told of their nodes.

A key names an asset's only node, or `asset[partition]`. The same goes for roots: `source` counts the changes of all its
partitions, `source[partition]` those that touched that one. Nodes and roots come to be once something touches them.
Windows, and whoever reads all partitions of a computed asset, read what can be had: sources that were published, nodes
that miss nothing. What a partition can't do without, its own name's partition of an input, it reads and waits for.
"""

from collections.abc import Iterable, Iterator

from reactors.graph import Graph
from reactors.state import Node, State
from streams.keys import asset_of, node_key, partition_of
from streams.partitions import All, Last, Mapping, Overlapping, Windows, read_by, readers_of

ALWAYS = (-1, 0)
"""(offset, time) of what was there from the start"""


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

    def inputs(self, asset: str, partition: str, at: int | None = None) -> tuple[str, ...]:
        """Keys of the roots and nodes that a node reads now, or at the cut `at`."""
        return tuple(one for dep in self._graph.inputs[asset] for one in self._of(asset, partition, dep, at))

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

    def _of(self, asset: str, partition: str, dep: str, at: int | None = None) -> list[str]:
        mapping, graph = self._graph.mappings.get((asset, dep)), self._graph
        if mapping is None or (isinstance(mapping, All) and dep in graph.roots):
            return [dep]
        if isinstance(mapping, All):
            keys: list[str] | None = self.members(dep)
        else:
            keys = self._read.get((asset, partition, dep))
        if keys is None:
            names = read_by(mapping, graph.partitioned[asset], graph.partitioned[dep], partition)
            keys = self._read[asset, partition, dep] = [node_key(dep, name) for name in names]
        picky = not isinstance(mapping, All | Last | Overlapping)
        return keys if picky else [one for one in keys if self._is_there(one, at)]

    def _is_there(self, key: str, at: int | None = None) -> bool:
        """It can be had: now, or at the cut `at`."""
        root, node = self._state.roots.get(key), self._state.nodes.get(key)
        if self.is_root(key):
            return root is not None and root.exists and (at is None or root.born_at <= at)
        return node is not None and not node.missing and (at is None or node.born_at <= at)

    def readers(self, key: str) -> list[str]:
        """The nodes that read this root or node."""
        nodes = self._state.nodes
        found = [one for one in self.readers_to_be(key) if one in nodes]
        if self.is_root(key) or self._is_there(key):
            return found
        return [one for one in found if key in self.inputs(nodes[one].asset, nodes[one].partition)]

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

    def _reading(self, reader: str, key: str, mapping: Mapping) -> list[str]:
        """The partitions of a reader that read this one; of windows that look back, those that have begun."""
        parts = self._graph.partitioned[reader]
        keys = self._readers.get((reader, key))
        if keys is None:
            names = readers_of(mapping, parts, self._graph.partitioned[asset_of(key)], partition_of(key))
            keys = self._readers[reader, key] = [node_key(reader, one) for one in names]
        if isinstance(mapping, Last) and isinstance(parts, Windows):
            nodes, now = self._state.nodes, self._state.now
            return [one for one in keys if one in nodes or parts.start(partition_of(one)) <= now]
        return keys

    def above(self, name: str, part: str, at: int | None = None) -> tuple[list[str], int]:
        """The ancestor roots of a node, there or not, sorted; and how many deps on the way have nothing to read."""
        roots: dict[str, None] = {}
        missing = 0
        for asset, partition in self._lineage(name, part, at):
            missing += self.empty(asset, partition)
            for one in self.inputs(asset, partition, at):
                if self.is_root(one):
                    roots[one] = None
        return sorted(roots), missing

    def since(self, name: str, part: str) -> dict[str, tuple[int, int]]:
        """Whatever is above a node, and itself → (offset, time) from which on it is: what is older counts from then.

        It is as soon as one way there is, and a way is as soon as all that lies on it can be had.
        """
        found = {node_key(name, part): ALWAYS}
        lineage = list(self._lineage(name, part))
        for asset, partition in sorted(lineage, key=lambda one: -self._graph.rank[one[0]]):
            reader, picky = found[node_key(asset, partition)], dict.fromkeys(self.required(asset, partition))
            for key in self.inputs(asset, partition):
                since = reader if key in picky else max(reader, self._born(key))
                found[key] = min(since, found.get(key, since))
        return found

    def _born(self, key: str) -> tuple[int, int]:
        root, node = self._state.roots.get(key), self._state.nodes.get(key)
        if not self.is_root(key):
            return (node.born_at, node.born) if node is not None else ALWAYS
        return (root.born_at, root.born) if root is not None and partition_of(key) else ALWAYS

    def made_before(self, node: Node) -> Iterator[str]:
        """Every node above this one, in no particular order."""
        lineage = self._lineage(node.asset, node.partition)
        next(lineage)
        return (node_key(*one) for one in lineage)

    def _lineage(self, asset: str, partition: str, at: int | None = None) -> Iterator[tuple[str, str]]:
        seen = {(asset, partition): None}
        stack = [(asset, partition)]
        while stack:
            one = stack.pop()
            yield one
            for key in self.inputs(*one, at):
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
