"""The whole trace on one line, and what can be asked of it."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator

from tests.checker.commits import Commits, Version
from tests.checker.export import Export
from tests.checker.graph import CODE, Graph
from tests.checker.items import Cut, Deploy, Grant, Item, Node, Publication
from tests.checker.journal import Journal
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
        for one in self.published():
            self._right[one.node].setdefault(frozenset(one.cut.items()), []).append((one.offset, one.version))
            if one.kind != "verified" and not one.node[1]:
                self.commits.add(one.node[0], one.version, one.offset)

    def published(self) -> Iterator[Publication]:
        """What downstream may see: every publication but the quarantined."""
        return (item for item in self.line if isinstance(item, Publication) and item.kind != "quarantined")

    def grants(self) -> Iterator[Grant]:
        return (item for item in self.line if isinstance(item, Grant))

    def graph(self, offset: int | None = None) -> Graph:
        """The graph in force once the event at `offset` was in; the last one without it."""
        place = len(self._deploys) if offset is None else bisect_right(self._deploy_offsets, offset)
        return self._deploys[place - 1].graph if place else Graph({})

    def right_at(self, node: Node, cut: Cut, offset: int) -> list[Version]:
        """The versions of an input that are right at exactly `cut`, as far as was known at `offset`.

        `node` is the input and the reader's partition; `cut` is the reader's, restricted to what the input is seen
        through. Code and sources have one version at each number, as Manual assets have.
        """
        name = node[0]
        if name.startswith(CODE) or self.graph(offset).counted(name):
            found = self.commits.nth(name, cut[name]) if cut[name] <= self.commits.count(name, offset) else None
            return [] if found is None else [found]
        known = self._right[node].get(frozenset(cut.items()), [])
        return [version for since, version in known if since <= offset]
