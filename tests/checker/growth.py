"""Which nodes are there, and what can be had of them: told of commits, deploys and what was named, in their order."""

from collections.abc import Iterable, Iterator

from tests.checker.graph import Graph, Node
from tests.checker.links import Had, View
from tests.checker.partitions import PICKY, readers_of


class Growth:
    """The nodes of derived assets. A partition is there once something touches it, or needs it."""

    def __init__(self) -> None:
        self.graph = Graph({})
        self.nodes: dict[Node, None] = {}
        self.ever: dict[Node, None] = {}
        """these, and those that were there once"""
        self.had = Had()
        self._published: dict[Node, int] = {}
        """node → where its first version since it was declared was published"""
        self._heard: dict[Node, int | None] = {}
        """what was a source once → since when, for it is there as before should it be counted again"""

    def deploy(self, graph: Graph, at: int, now: int) -> None:
        """Nodes and roots that aren't declared any more go; what those need that stay comes."""
        before, self.graph = self.graph, graph
        for key in [*self.had.at(at), *self.nodes]:
            self._take_away(key, before, at)
        for asset in graph.ancestors:
            if graph.assets[asset].parts is None:
                self.nodes[asset, ""] = self.ever[asset, ""] = None
        for asset in graph.assets:
            if graph.exists(asset):
                self.had.gain((asset, ""), at)
        for key, since in self._heard.items():
            if graph.counts(key[0]):
                self.had.gain(key, at, since)
        for key, since in self._published.items():
            if graph.counts(key[0]) and self._is_left(key):
                self.had.gain(key, at, since)  # it is Manual now, or a source: what was made here before counts
        self._published = {key: one for key, one in self._published.items() if graph.derived(key[0]) is not None}
        for node in list(self.nodes):
            self._grow(self._need(node, at), at, now)
        self._grow([*self.had.at(at), *self.nodes], at, now)
        self._settle(at)

    def _is_left(self, key: Node) -> bool:
        """What was made of it is declared still: of the whole, one of its partitions."""
        asset = self.graph.assets.get(key[0])
        is_whole = asset is not None and asset.parts is not None and not key[1]
        return not is_whole or any(name == key[0] and part for name, part in self._published)

    def _take_away(self, key: Node, before: Graph, at: int) -> None:
        """Whatever isn't declared any more, or is counted otherwise than before a deploy."""
        if not self.graph.declares(key):
            was_made = self.nodes.pop(key, self) is None and not before.counts(key[0])
            if key[1] or was_made:  # what was heard of a whole root is kept
                self.had.lose(key, at)
                self._published.pop(key, None)
        elif self.graph.counts(key[0]) != before.counts(key[0]):
            if not key[1] and before.derived(key[0]) is None:
                self._heard[key] = self.had.since(key, at)
            self.had.lose(key, at)
        if self.graph.derived(key[0]) is None:
            self.nodes.pop(key, None)

    def commit(self, source: str, partition: str, at: int, now: int) -> None:
        """A source, or a Manual asset, has a version more."""
        gained = [self.had.gain(key, at) for key in ((source, ""), (source, partition))]
        if self._grow([(source, partition)], at, now) or any(gained):
            self._settle(at)

    def publish(self, node: Node, at: int, now: int) -> None:
        """A node has a version more."""
        for key in (node, (node[0], "")):
            self._published.setdefault(key, at)
        if self.graph.counts(node[0]):
            self.commit(*node, at, now)

    def name(self, node: Node, at: int, now: int) -> None:
        """Somebody spoke of a node, so it is there."""
        if node not in self.nodes and self.graph.derived(node[0]) is not None and self.graph.declares(node):
            self._grow(self._make(node, at), at, now)
            self._settle(at)

    def _need(self, node: Node, at: int) -> list[Node]:
        """Make what a node can't do without. A partition of a source that exists is there by that."""
        made: list[Node] = []
        view = View(self.graph, self.had, at)
        for dep, mapping in self.graph.assets[node[0]].mappings.items():
            for key in view.reads(node, dep) if mapping["kind"] in PICKY else ():
                if not self.graph.counts(dep):
                    made += self._make(key, at)
                elif self.graph.exists(dep):
                    self.had.gain(key, at)
        return made

    def _make(self, node: Node, at: int) -> list[Node]:
        if node in self.nodes:
            return []
        self.nodes[node] = self.ever[node] = None
        return [node, *self._need(node, at)]

    def _grow(self, keys: Iterable[Node], at: int, now: int) -> bool:
        """Whoever reads one of these partitions is there, and whoever reads that; whether any of that is new."""
        stack, before = list(keys), len(self.nodes)
        while stack:
            for reader in list(self._readers(stack.pop(), at, now)):
                stack += self._make(reader, at)
        return len(self.nodes) > before

    def _readers(self, key: Node, at: int, now: int) -> Iterator[Node]:
        read = self.graph.assets.get(key[0])
        for asset in self.graph.readers.get(key[0], ()) if key[1] and read is not None else ():
            reader = self.graph.assets[asset]
            mapping = reader.mappings.get(key[0])
            if mapping is None or mapping["kind"] == "all" or reader.parts is None or read is None:
                continue
            nodes = [(asset, name) for name in readers_of(mapping, (reader.parts, read.parts), key[1])]
            if mapping["kind"] == "last":
                nodes = [node for node in nodes if node in self.nodes or (reader.parts.start(node[1]) or 0) <= now]
            # Of several those come to be that lack nothing; one alone waits for what it lacks.
            yield from (one for one in nodes if len(nodes) == 1 or one in self.nodes or not self._lacks(one, at))

    def _lacks(self, node: Node, at: int) -> bool:
        """A partition of a source that it can't do without was never published."""
        view, stack, seen = View(self.graph, self.had, at), [node], {node}
        while stack:
            one = stack.pop()
            for dep, mapping in self.graph.assets[one[0]].mappings.items():
                for key in view.reads(one, dep) if mapping["kind"] in PICKY else ():
                    if not key[1] or key in seen or self.had(key, at):
                        continue
                    if self.graph.counts(dep):
                        return True
                    seen.add(key)
                    stack.append(key)
        return False

    def _settle(self, at: int) -> None:
        """Work out what can be had, inputs before readers."""
        view = View(self.graph, self.had, at)
        for node in sorted(self.nodes, key=lambda node: self.graph.rank[node[0]]):
            if self.graph.counts(node[0]):
                continue
            if view.can_be_had(node):
                self.had.gain(node, at)
            else:
                self.had.lose(node, at)
