"""The whole trace on one line, and what can be asked of it."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator

from tests.checker.commits import Commits, Version
from tests.checker.export import Export
from tests.checker.graph import CODE, LOOK, Graph, Node
from tests.checker.growth import Growth
from tests.checker.items import Committed, Cut, Deploy, Grant, Item, Named, Publication
from tests.checker.journal import Journal
from tests.checker.links import View
from tests.checker.outputs import Outputs


class Trace:
    """An export as a line of items in journal order; what the journal says comes before what it caused."""

    def __init__(self, export: Export) -> None:
        self.export = export
        self.journal = Journal(export.journal)
        self.outputs = Outputs(export, self.journal)
        self.commits: Commits = self.journal.commits
        self.line: list[Item] = sorted(
            [*self.journal.items, *self.outputs.items], key=lambda item: (item.offset, item.RANK)
        )
        self._deploys = [item for item in self.line if isinstance(item, Deploy)]
        self._deploy_offsets = [deploy.offset for deploy in self._deploys]
        self._right: dict[Node, dict[frozenset[tuple[str, int]], list[tuple[int, Version]]]] = defaultdict(dict)
        self._nows = dict(self.journal.nows)
        self._found: dict[str, list[int]] = defaultdict(list)
        self.growth = Growth()
        for item in self.line:
            self._take(item)

    def _take(self, item: Item) -> None:
        growth, place = self.growth, (item.offset, self.now(item.offset))
        if isinstance(item, Deploy):
            growth.deploy(item.graph, *place)
        elif isinstance(item, Committed):
            growth.commit(item.source, item.partition, *place)
        elif isinstance(item, Named):
            growth.name(item.node, *place)
        elif isinstance(item, Grant) and item.attempt == 1 and self.graph(item.offset).is_observed(item.node[0]):
            look = LOOK + item.node[0]
            self.commits.add(look, Version(item.run), item.offset)
            growth.commit(look, "", *place)
        elif isinstance(item, Publication) and item.kind != "quarantined":
            right = self._right[item.node].setdefault(frozenset(item.cut.items()), [])
            if item.consistent:
                right.append((item.offset, item.version))
            if item.kind != "verified":
                self._note_found(item)
                self.commits.add(item.node[0], item.version, item.offset, item.node[1])
                growth.publish(item.node, *place)

    def _note_found(self, new: Publication) -> None:
        look = LOOK + new.node[0]
        if look in new.cut:
            self._found[look].append(new.cut[look])

    def found(self, look: str, seq: int) -> int:
        """The look that found what stood at a later one, by which other domains know it."""
        return next((one for one in reversed(self._found[look]) if one <= seq), 0)

    def now(self, offset: int) -> int:
        """The journal's time at a place."""
        return self._nows.get(offset, 0)

    @property
    def end(self) -> int:
        """The last place in the journal."""
        return self.journal.nows[-1][0] if self.journal.nows else -1

    @property
    def last_now(self) -> int:
        """The journal's time there."""
        return self.now(self.end)

    def published(self) -> Iterator[Publication]:
        """What downstream may see: every publication but the quarantined."""
        return (item for item in self.line if isinstance(item, Publication) and item.kind != "quarantined")

    def grants(self) -> Iterator[Grant]:
        return (item for item in self.line if isinstance(item, Grant))

    def graph(self, offset: int | None = None) -> Graph:
        """The graph in force once the event at `offset` was in; the last one without it."""
        place = len(self._deploys) if offset is None else bisect_right(self._deploy_offsets, offset)
        return self._deploys[place - 1].graph if place else Graph({})

    def view(self, offset: int, place: int | None = None) -> View:
        """The links of the graph in force at `offset`, as far as things could be had then, or at an earlier place."""
        return View(self.graph(offset), self.growth.had, offset if place is None else place)

    def moves(self, deploy: Deploy, node: Node) -> bool:
        """Whether a deploy has a partition read others than before, or wait: its commits are others from then on."""
        before, now = self.view(deploy.offset - 1), self.view(deploy.offset)
        if not (before.graph.is_parted or now.graph.is_parted) or not now.graph.declares(node):
            return False
        return not now.had(node, deploy.offset) or before.above(node) != now.above(node)

    def seen(self, key: Node, cut: Cut, view: View) -> Cut:
        """The part of a reader's cut that an input is right at: of what touches it, the newest."""
        names = view.graph.view(key[0])
        if names == {key[0]}:
            return {key[0]: self.newest(key, cut[key[0]], view)}
        return self.own(key, cut, view, names)

    def own(self, node: Node, cut: Cut, view: View, names: frozenset[str]) -> Cut:
        """The same of a node's own sources; if it is the node's own cut, it is the same."""
        found = {name: cut[name] for name in names}
        above = view.above(node) if view.graph.is_parted else set()
        for name in names:
            keys = [key for key in above if key[0] == name]
            if keys and (name, "") not in keys:
                found[name] = max(self.newest(key, cut[name], view) for key in keys)
        return found

    def newest(self, key: Node, seq: int, view: View) -> int:
        """The newest commit up to `seq` that touched a root, since it could be had; 0: none did."""
        if not key[1]:
            return seq
        since = view.had.since(key, view.place)
        return 0 if since is None else self.commits.newest(key, seq, since)

    def right_at(self, node: Node, cut: Cut, offset: int) -> list[Version]:
        """The versions of an input that are right at exactly `cut`, as far as was known at `offset`.

        Code and sources have one version at each number, as Manual assets have.
        """
        name = node[0]
        if name.startswith(CODE) or self.graph(offset).counted(name):
            found = self.commits.nth(name, cut[name]) if cut[name] <= self.commits.count(name, offset) else None
            return [] if found is None else [found]
        return self.stood_at(node, cut, offset)

    def has_stood(self, node: Node, cut: Cut, offset: int) -> bool:
        """A version was published as right at the cut, or at one of which a deploy left less to read, by `offset`."""
        if self.stood_at(node, cut, offset):
            return True
        if not self.graph(offset).is_parted:
            return False
        before = (dict(stood) for stood, right in self._right[node].items() if right and right[0][0] <= offset)
        alike = (stood for stood in before if stood.keys() == cut.keys())
        return any(all(cut[key] <= seq for key, seq in stood.items()) for stood in alike)

    def stood_at(self, node: Node, cut: Cut, offset: int) -> list[Version]:
        """The versions of a node that were published as right at exactly `cut`, up to `offset`."""
        known = self._right[node].get(frozenset(cut.items()), [])
        return [version for since, version in known if since <= offset]
