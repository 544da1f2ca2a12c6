"""The commits of every source, numbered from 1, each with the offset since which it stands."""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from tests.checker.graph import Node


@dataclass(frozen=True, slots=True)
class Version:
    """What was published or committed: two are the same thing when neither is new against the other."""

    version: str | None
    fingerprint: str | None = None

    def new_against(self, old: "Version") -> bool:
        """Whether the fingerprint differs or, where one of them has none, the version."""
        if self.fingerprint is None or old.fingerprint is None:
            return self.version != old.version
        return self.fingerprint != old.fingerprint


class Commits:
    """Source → its versions. A Manual asset's publications and an asset's code are counted like a source's commits.

    A commit of a partition counts for its source, and touches the partition.
    """

    def __init__(self) -> None:
        self._versions: dict[str, list[Version]] = defaultdict(list)
        self._offsets: dict[str, list[int]] = defaultdict(list)
        self._touching: dict[Node, list[int]] = defaultdict(list)
        self._last: dict[Node, Version] = {}
        self._handed: dict[tuple[str, int], dict[str, int] | None] = {}

    def add(self, source: str, version: Version, offset: int, partition: str = "") -> None:
        """Count a commit, by its place: of what was computed before it was a source, publications are told later."""
        seq = bisect_right(self._offsets[source], offset) + 1
        self._versions[source].insert(seq - 1, version)
        self._offsets[source].insert(seq - 1, offset)
        if seq < len(self._offsets[source]):
            self._move_on(source, seq)
        self._last[source, partition] = version
        if partition:
            self._last.pop((source, ""), None)
            insort(self._touching[source, partition], seq)

    def _move_on(self, source: str, since: int) -> None:
        """Those of its partitions that come after have another number each."""
        for key, touching in self._touching.items():
            if key[0] == source:
                touching[:] = [one + (one >= since) for one in touching]

    def hand(self, asset: str, version: Version, offset: int, cut: dict[str, int] | None) -> None:
        """Another domain's publication, with the cut that it names; None: what it was made from didn't agree."""
        self.add(asset, version, offset)
        self._handed[asset, self.count(asset)] = cut

    def handed(self, asset: str, seq: int) -> dict[str, int] | None:
        """The cut that was delivered with a commit."""
        return self._handed[asset, seq]

    def partitions(self) -> list[Node]:
        """Those that were heard of."""
        return [key for key in self._last if key[1]]

    def forget(self, key: Node) -> None:
        """There is no such partition any more; if it comes back, whatever is said of it is new."""
        self._last.pop(key, None)

    def newest(self, key: Node, seq: int, since: int) -> int:
        """The number of the newest commit up to `seq` that touched a partition from the place `since` on; 0: none."""
        offsets = self._offsets[key[0]]
        found = (one for one in reversed(self._touching.get(key, ())) if one <= seq and offsets[one - 1] >= since)
        return next(found, 0)

    def count(self, source: str, until: int | None = None) -> int:
        """How many stood once the journal's event at `until` was in; all of them without it."""
        offsets = self._offsets.get(source, [])
        return len(offsets) if until is None else bisect_right(offsets, until)

    def nth(self, source: str, seq: int) -> Version | None:
        versions = self._versions.get(source, [])
        return versions[seq - 1] if 1 <= seq <= len(versions) else None

    def after(self, key: Node, seq: int) -> int | None:
        """Where the first commit past `seq` stands that touched a source, or one of its partitions."""
        offsets = self._offsets.get(key[0], [])
        touching = self._touching.get(key, ()) if key[1] else range(1, len(offsets) + 1)
        return next((offsets[one - 1] for one in touching if one > seq), None)

    def newest_of(self, cut: Mapping[str, int]) -> int:
        """Where the newest commit stands that a cut names; -1 where it names none."""
        named = [(self._offsets.get(name, []), seq) for name, seq in cut.items()]
        return max((offsets[seq - 1] for offsets, seq in named if 0 < seq <= len(offsets)), default=-1)

    def last(self, source: str, partition: str = "") -> Version | None:
        return self._last.get((source, partition))

    def has(self, source: str, version: str | None) -> bool:
        return any(one.version == version for one in self._versions.get(source, ()))
