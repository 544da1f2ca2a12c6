"""Who reads whom among nodes: partition by partition, by a graph, as far as each can be had at a place of the journal.

A key is an asset and a partition. That of a source is a root: it can be had once it was published. That of a derived
asset can be had once it is there and each of its deps can be had.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.checker.graph import CODE, Graph, Node
from tests.checker.partitions import PICKY, read_by

FOREVER = 1 << 62


class Had:
    """When each key could be had."""

    def __init__(self) -> None:
        self._spans: dict[Node, list[list[int]]] = defaultdict(list)
        """[since, until): offsets"""

    def since(self, key: Node, at: int) -> int | None:
        """The place since which it could be had at another; None where it couldn't."""
        return next((since for since, until in self._spans.get(key, ()) if since <= at < until), None)

    def __call__(self, key: Node, at: int) -> bool:
        return self.since(key, at) is not None

    def at(self, at: int) -> list[Node]:
        """All that could be had at a place."""
        return [key for key in self._spans if self(key, at)]

    def of(self, asset: str) -> list[Node]:
        """Whatever could be had once of an asset."""
        return [key for key in self._spans if key[0] == asset]

    def gain(self, key: Node, at: int, since: int | None = None) -> bool:
        """It can be had from now on, or could be since an earlier place; whether that is new."""
        is_new = not self(key, at)
        if is_new:
            self._spans[key].append([at if since is None else since, FOREVER])
        return is_new

    def lose(self, key: Node, at: int) -> None:
        """It can't be had any more."""
        if self(key, at):
            self._spans[key][-1][1] = at


@dataclass(frozen=True, slots=True)
class View:
    """The links of a graph, at a place of the journal."""

    graph: Graph
    had: Had
    place: int

    def reads(self, node: Node, dep: str) -> list[Node]:
        """What a node reads of a dep."""
        asset, read = self.graph.assets[node[0]], self.graph.assets.get(dep)
        mapping = asset.mappings.get(dep)
        if mapping is None or read is None or read.parts is None:
            return [(dep, "")]
        if mapping["kind"] == "all":
            if self.graph.counts(dep):
                return [(dep, "")]
            found = [key for key in self.had.of(dep) if key[1]]  # as a whole it may have been had since, by a deploy
        else:
            found = [(dep, name) for name in read_by(mapping, (asset.parts, read.parts), node[1])]
        return found if mapping["kind"] in PICKY else [one for one in found if self.had(one, self.place)]

    def inputs(self, node: Node) -> list[Node]:
        """What a node reads, but for its code."""
        asset = self.graph.derived(node[0])
        return [] if asset is None else [one for dep in dict.fromkeys(asset.deps) for one in self.reads(node, dep)]

    def needs(self, node: Node) -> list[Node]:
        """Of what it reads, that which it can't do without."""
        mappings = self.graph.assets[node[0]].mappings
        picky = [dep for dep in self.graph.assets[node[0]].deps if mappings.get(dep, {"kind": "same"})["kind"] in PICKY]
        return [key for dep in picky for key in self.reads(node, dep)]

    def can_be_had(self, node: Node) -> bool:
        """Each of a node's deps has something to read, and all of that can be had."""
        read = [self.reads(node, dep) for dep in self.graph.assets[node[0]].deps]
        return all(keys and all(self.had(one, self.place) for one in keys) for keys in read)

    def lineage(self, node: Node) -> dict[Node, None]:
        """The node and all that its waves may run before it."""
        found, stack = {node: None}, [node]
        while stack:
            for one in self.inputs(stack.pop()):
                if one not in found and not self.graph.counted(one[0]):
                    found[one] = None
                    stack.append(one)
        return found

    def above(self, node: Node) -> set[Node]:
        """The roots that the node's cut goes by, but for code."""
        return {one for each in self.lineage(node) for one in self.inputs(each) if self.graph.counted(one[0])}

    def heeded(self, keys: Iterable[Node]) -> Iterator[Node]:
        """Those of the keys, and of what is above them, whose commits are counted: by ways that nobody ignores."""
        found, stack = set[Node](), list(keys)
        while stack:
            one = stack.pop()
            if one in found:
                continue
            found.add(one)
            if self.graph.counted(one[0]):
                yield one
                continue
            asset = self.graph.assets[one[0]]
            if CODE + one[0] not in asset.ignored:
                yield CODE + one[0], ""
            stack += [key for dep in asset.deps if dep not in asset.ignored for key in self.reads(one, dep)]

    def reached(self, node: Node) -> dict[Node, int]:
        """Whatever is above a node → the place from which on it was: on one way, all that lies on it could be had."""
        rank, found = self.graph.rank, {node: -1}
        for each in sorted(self.lineage(node), key=lambda one: -rank[one[0]]):
            needed = self.needs(each)
            for key in self.inputs(each):
                since = -1 if key in needed else self.had.since(key, self.place)
                way = max(found[each], -1 if since is None else since)
                found[key] = min(way, found.get(key, way))
        return found
