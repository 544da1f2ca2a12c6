"""Reads the journal: its order is the truth about commits, deploys, commands and reports."""

from collections import defaultdict
from graphlib import CycleError

from tests.checker.commits import Commits, Version
from tests.checker.export import Entry, Json
from tests.checker.graph import CODE, Graph
from tests.checker.items import Asked, Committed, Deploy, Ended, Item, Named, Told, node_of

DAY_MS = 86_400_000

CHANGED = "everfresh.asset.changed.v1"
REPORTED = ("everfresh.run.reported.v1", "everfresh.cost.reported.v1")
DELIVERED = "everfresh.domain.delivered.v1"
DECLARED = "everfresh.definitions.declared.v1"
GRANTED = "everfresh.run.granted.v1"
MATERIALIZE = "everfresh.command.materialize.v1"
BACKFILL = "everfresh.command.backfill.v1"
COMMANDS = [MATERIALIZE, *(f"everfresh.command.{name}.v1" for name in ("pause", "resume", "release", "cancel"))]
REPORTS = {f"everfresh.run.{outcome}.v1": outcome for outcome in ("succeeded", "failed", "rejected")}
LOST = "everfresh.run.lost.v1"


class Journal:
    """What the journal says, without any judgement about which facts were accepted."""

    def __init__(self, entries: list[Entry]) -> None:
        self.items: list[Item] = []
        self.commits = Commits()
        self.changes: set[tuple[str, str, str]] = set()
        """(source, id, asset) of every event that a publisher said"""
        self.grants: dict[tuple[str, int], list[tuple[int, Json]]] = defaultdict(list)
        """(run, attempt) → the facts that grant it, with their offsets"""
        self.events = len(entries)
        self.source_commits = 0
        self._graph = Graph({})
        self._deploy = -1
        self._lost: set[tuple[int, str, int]] = set()
        self._seen: dict[tuple[str, str], int] = {}
        self._delivered: dict[str, tuple[str, int]] = {}
        self._handed: dict[str, Json] = {}
        self.unreadable = 0
        self.nows = [(entry.offset, entry.now) for entry in entries]
        for entry in entries:
            try:
                self._read(entry)
            except (KeyError, TypeError):  # whoever reads the journal has to live with what stands there
                self.unreadable += 1

    def says_lost(self, end: Ended) -> bool:
        """Whether the fact that an attempt was lost stands where its end says it was caused."""
        return (end.offset, end.run, end.attempt) in self._lost

    def _read(self, entry: Entry) -> None:
        kind, body, offset = entry.event["type"], entry.event.get("data", {}), entry.offset
        if kind == CHANGED:
            self._change(entry, body)
        elif kind in REPORTED:
            self._hear(entry)
        elif kind == DELIVERED:
            self._deliver(offset, body)
        elif kind == DECLARED:
            self._declare(offset, body)
        elif kind == GRANTED:
            self.grants[body["run"], body["attempt"]].append((offset, body))
        elif kind in REPORTS:
            self.items.append(Told(offset, node_of(body), body["run"], body["attempt"], REPORTS[kind]))
        elif kind == LOST:
            self._lost.add((offset, body["run"], body["attempt"]))
        elif kind == BACKFILL:
            for name in self._filled(body):
                self.items.append(Asked(offset, (body["asset"], name), body.get("force", False)))
        elif kind in COMMANDS:
            self.items.append(Named(offset, node_of(body)))
            if kind == MATERIALIZE:
                self.items.append(Asked(offset, node_of(body)))

    def _change(self, entry: Entry, body: Json) -> None:
        name, subject = entry.event["id"], entry.event.get("subject", "")
        key = subject, body.get("partition") or ""
        asset = self._graph.assets.get(subject)
        if asset is None or not asset.source or not self._graph.declares(key):
            self._note(entry)
            return  # it can't count, so it doesn't: not as something heard either, should it be said again
        if not self._hear(entry):
            return
        version = Version(body.get("version", name), body.get("fingerprint"))
        if self.commits.last(*key) != version:
            self.commits.add(subject, version, entry.offset, key[1])
            self.items.append(Committed(entry.offset, *key))
            self.source_commits += 1

    def _filled(self, body: Json) -> list[str]:
        """The partitions that a backfill is of; none where it makes no sense."""
        asset = self._graph.assets.get(body["asset"])
        if asset is None or asset.parts is None:
            return []
        first, last = body.get("first", ""), body.get("last", "")
        return [*asset.parts.range(first, last or first), *body.get("partitions", ())]

    def _hear(self, entry: Entry) -> bool:
        """Whether what a publisher said is new: one name counts once in a day, whatever it says."""
        sender, name = self._note(entry)
        if entry.now - self._seen.get((sender, name), entry.now - DAY_MS - 1) <= DAY_MS:
            return False
        self._seen[sender, name] = entry.now
        return True

    def _note(self, entry: Entry) -> tuple[str, str]:
        """It was said, whether it counts or not."""
        sender, name = entry.event["source"], entry.event["id"]
        self.changes.add((sender, name, entry.event.get("subject", "")))
        return sender, name

    def _deliver(self, offset: int, body: Json) -> None:
        """Another domain's publication is a commit where it is read; its place in its own journal tells a repeat."""
        asset, place = body["asset"], (body["incarnation"], body["offset"])
        known = self._delivered.get(asset)
        if asset not in self._graph.foreign or (known and known[0] == place[0] and place[1] <= known[1]):
            return
        self._delivered[asset] = place
        told = {name: one for name, one in body.items() if name not in ("to", "incarnation", "offset")}
        if self._handed.get(asset) == told:
            return  # whatever came to it since, it is what it was
        self._handed[asset] = told
        cut = dict(body["cut"]) if body.get("consistent", True) else None
        self.commits.hand(asset, Version(body.get("version"), body.get("fingerprint")), offset, cut)
        self.items.append(Committed(offset, asset, ""))
        self.source_commits += 1

    def _declare(self, offset: int, body: Json) -> None:
        if body["deploy"] <= self._deploy:
            return
        try:
            before, self._graph = self._graph, Graph.of(body)
        except CycleError:
            return
        for heard in self.commits.partitions():
            if not self._graph.declares(heard):
                self.commits.forget(heard)
        self._deploy = body["deploy"]
        self.items.append(Deploy(offset, self._graph))
        for key in self._graph.ancestors:
            code = Version(*self._graph.assets[key].code)
            looked_through = before.counts(key) and not self._graph.counts(key)
            if looked_through or self.commits.last(CODE + key) != code:
                self.commits.add(CODE + key, code, offset)
