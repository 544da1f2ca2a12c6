"""The commits of every source, numbered from 1, each with the offset since which it stands."""

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass


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
    """Source → its versions. A Manual asset's publications and an asset's code are counted like a source's commits."""

    def __init__(self) -> None:
        self._versions: dict[str, list[Version]] = defaultdict(list)
        self._offsets: dict[str, list[int]] = defaultdict(list)

    def add(self, source: str, version: Version, offset: int) -> None:
        self._versions[source].append(version)
        self._offsets[source].append(offset)

    def count(self, source: str, until: int | None = None) -> int:
        """How many stood once the journal's event at `until` was in; all of them without it."""
        offsets = self._offsets.get(source, [])
        return len(offsets) if until is None else bisect_right(offsets, until)

    def nth(self, source: str, seq: int) -> Version | None:
        versions = self._versions.get(source, [])
        return versions[seq - 1] if 1 <= seq <= len(versions) else None

    def last(self, source: str) -> Version | None:
        return self.nth(source, self.count(source))

    def has(self, source: str, version: str | None) -> bool:
        return any(one.version == version for one in self._versions.get(source, ()))
