"""Who reads whom, partition by partition: what the compiled graph says of assets, told of their nodes.

A key names an asset's only node, or `asset[partition]`. The same goes for roots: `source` counts the changes of all its
partitions, `source[partition]` those that touched that one. Nodes and roots come to be once something touches them.
Windows, and whoever reads all partitions of a computed asset, read what can be had: sources that were published, nodes
that miss nothing. What a partition can't do without, its own name's partition of an input, it reads and waits for.
"""

from collections.abc import Iterable, Iterator

from reactors.graph import Graph
from reactors.state import Node, State
from streams.grids import Spans, looks_back, read_along, readers_along, takes_what_is_there, window_in, windows_of
from streams.keys import asset_of, node_key, partition_of
from streams.partitions import SEPARATOR, All, Along, Grid, Mapping, crossed, read_by, readers_of

Ignored = dict[str, frozenset[str]]
_NOTHING: Ignored = {}

ALWAYS = (-1, 0)
"""(offset, time) of what was there from the start"""


class Links:
    """The links between the nodes of a state, on a graph that has partitions."""

    def __init__(self, graph: Graph, state: State) -> None:
        self._graph, self._state = graph, state
        self._members: dict[str, dict[str, None]] = {}
        self._rows: dict[tuple[str, int, str], dict[str, None]] = {}  # (asset of a Grid, dimension, name) → nodes
        self._read: dict[tuple[str, str, str], list[str]] = {}  # (reader, its partition, input) → what it reads of it
        self._readers: dict[tuple[str, str], list[str]] = {}  # (reader, root or node) → its partitions that read that
        for key, node in state.nodes.items():
            self.note(key, node)

    def note(self, key: str, node: Node) -> None:
        """The node is there."""
        self._members.setdefault(node.asset, {})[key] = None
        for row in self._rows_of(node):
            self._rows.setdefault(row, {})[key] = None

    def forget(self, key: str, node: Node) -> None:
        """The node isn't there any more."""
        self._members[node.asset].pop(key, None)
        for row in self._rows_of(node):
            self._rows[row].pop(key, None)

    def _rows_of(self, node: Node) -> list[tuple[str, int, str]]:
        if not isinstance(self._graph.partitioned.get(node.asset), Grid):
            return []
        return [(node.asset, place, name) for place, name in enumerate(node.partition.split(SEPARATOR))]

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
            mapping = self._graph.mappings.get((asset, dep))
            if mapping is None or not takes_what_is_there(mapping):
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
            parts, read = graph.partitioned[asset], graph.partitioned[dep]
            if isinstance(mapping, Along):
                names = read_along(mapping, parts, read, partition)
            else:
                names = read_by(mapping, parts, read, partition)
            keys = self._read[asset, partition, dep] = [node_key(dep, name) for name in names]
        return [one for one in keys if self._is_there(one, at)] if takes_what_is_there(mapping) else keys

    def _is_there(self, key: str, at: int | None = None) -> bool:
        """It can be had: now, or at the cut `at`."""
        root, node = self._state.roots.get(key), self._state.nodes.get(key)
        if self.is_root(key):
            return root is not None and root.exists and (at is None or root.born_at <= at)
        return node is not None and not node.missing and (at is None or node.born_at <= at)

    def readers(self, key: str) -> list[str]:
        """The nodes that read this root or node."""
        nodes = self._state.nodes
        found = [one for keys in self._by_reader(key) for one in keys if one in nodes]
        if self.is_root(key) or self._is_there(key):
            return found
        return [one for one in found if key in self.inputs(nodes[one].asset, nodes[one].partition)]

    def readers_to_be(self, key: str) -> list[str]:
        """These, and those that would, were they there; where several would, those that lack nothing else.

        One alone waits for what it lacks. Of many most may lack it for ever, and what reads all that are there would
        wait with them.
        """
        nodes, found = self._state.nodes, []
        for keys in self._by_reader(key):
            found += keys if len(keys) == 1 else [one for one in keys if one in nodes or not self._lacks(one)]
        return found

    def _by_reader(self, key: str) -> Iterator[list[str]]:
        """What reads this root or node, there or not, of each asset."""
        graph, (asset, partition) = self._graph, (asset_of(key), partition_of(key))
        for reader in graph.readers.get(asset, ()):
            mapping = graph.mappings.get((reader, asset))
            if mapping is None or (isinstance(mapping, All) and (not partition or asset not in graph.roots)):
                yield self.members(reader)
            elif partition and not isinstance(mapping, All):
                yield self._reading(reader, key, mapping)

    def _lacks(self, key: str) -> bool:
        """A partition that it can't do without was never published."""
        seen, stack = {key: None}, [key]
        while stack:
            one = stack.pop()
            for above in self.required(asset_of(one), partition_of(one)):
                if not partition_of(above) or above in seen or self._is_there(above):
                    continue
                if self.is_root(above):
                    return True
                seen[above] = None
                stack.append(above)
        return False

    def _reading(self, reader: str, key: str, mapping: Mapping) -> list[str]:
        """The partitions of a reader that read this one; of windows that look back, those that have begun."""
        parts, read = self._graph.partitioned[reader], self._graph.partitioned[asset_of(key)]
        keys = self._readers.get((reader, key))
        if keys is None and isinstance(mapping, Along):
            keys = self._crossing(reader, key, readers_along(mapping, parts, read, partition_of(key)))
        elif keys is None:
            names = readers_of(mapping, parts, read, partition_of(key))
            keys = self._readers[reader, key] = [node_key(reader, one) for one in names]
        windows = windows_of(parts)
        if windows is not None and looks_back(mapping):
            nodes, now = self._state.nodes, self._state.now
            return [one for one in keys if one in nodes or windows.start(window_in(parts, partition_of(one))) <= now]
        return keys

    def _crossing(self, reader: str, key: str, spans: Spans) -> list[str]:
        """A reader's partitions by their names along each dimension; where one has none, those that are there."""
        named = [names for names in spans if names is not None]
        if len(named) == len(spans):
            keys = self._readers[reader, key] = [node_key(reader, one) for one in crossed(named)]
            return keys
        place = 1 - spans.index(None)
        return [one for name in named[0] for one in self._rows.get((reader, place, name), ())]

    def above(self, name: str, part: str, at: int | None = None) -> tuple[list[str], int]:
        """The ancestor roots of a node, there or not, sorted; and how many deps on the way have nothing to read."""
        lineage = list(self._lineage(name, part, at))
        roots = {key: None for one in lineage for key in self.inputs(*one, at) if self.is_root(key)}
        return sorted(roots), sum(self.empty(*one) for one in lineage)

    def heeded(self, name: str, part: str) -> dict[str, None]:
        """Those ancestor roots of a node whose commits make it stale: not through an ignored input alone."""
        ignored = self._graph.ignored
        lineage = self._lineage(name, part, ignored=ignored)
        return {key: None for one in lineage for key in self._without(ignored, *one) if self.is_root(key)}

    def _without(self, ignored: Ignored, asset: str, partition: str, at: int | None = None) -> Iterator[str]:
        skipped = ignored.get(asset, ())
        return (key for key in self.inputs(asset, partition, at) if not skipped or asset_of(key) not in skipped)

    def since(self, name: str, part: str, ignored: Ignored = _NOTHING) -> dict[str, tuple[int, int]]:
        """Whatever is above a node, and itself → (offset, time) from which on it is: what is older counts from then.

        It is as soon as one way there is, and a way is as soon as all that lies on it can be had. Ways through an
        `ignored` input are none.
        """
        found = {node_key(name, part): ALWAYS}
        lineage = list(self._lineage(name, part, ignored=ignored))
        for asset, partition in sorted(lineage, key=lambda one: -self._graph.rank[one[0]]):
            reader, picky = found[node_key(asset, partition)], dict.fromkeys(self.required(asset, partition))
            for key in self._without(ignored, asset, partition):
                since = reader if key in picky else max(reader, self.born(key))
                found[key] = min(since, found.get(key, since))
        return found

    def born(self, key: str) -> tuple[int, int]:
        """(offset, time) from which on a root or node can be had."""
        root, node = self._state.roots.get(key), self._state.nodes.get(key)
        if not self.is_root(key):
            return (node.born_at, node.born) if node is not None else ALWAYS
        return (root.born_at, root.born) if root is not None and partition_of(key) else ALWAYS

    def made_before(self, node: Node) -> Iterator[str]:
        """Every node above this one, in no particular order."""
        lineage = self._lineage(node.asset, node.partition)
        next(lineage)
        return (node_key(*one) for one in lineage)

    def _lineage(
        self, asset: str, partition: str, at: int | None = None, ignored: Ignored = _NOTHING
    ) -> Iterator[tuple[str, str]]:
        seen = {(asset, partition): None}
        stack = [(asset, partition)]
        while stack:
            one = stack.pop()
            yield one
            for key in self._without(ignored, *one, at):
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
