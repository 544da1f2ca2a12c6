"""Follows a journal from outside: what was granted and reported, as soon as it stands there."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from everfresh.site import Site
from streams.cloudevents import decode
from streams.errors import BadEvent, LogUnavailable
from streams.ports import Entry

ENDS = frozenset(("run.succeeded", "run.failed", "run.rejected", "run.lost", "run.cancelled"))


@dataclass(frozen=True, slots=True)
class Seen:
    """An event of the journal. `kind` is its type without what all share."""

    offset: int
    at: int
    kind: str
    sender: str
    data: dict[str, Any]

    @property
    def attempt(self) -> tuple[str, int]:
        return self.data.get("run", ""), self.data.get("attempt", 0)


class Tail:
    """`follow` in a task; `flying` is what was granted and hasn't ended, with its worker."""

    def __init__(self, site: Site, domain: str) -> None:
        self._site, self._topic = site, site.settings.topics.journal(domain).name
        self.seen: list[Seen] = []
        self.entries: list[Entry] = []
        self.flying: dict[tuple[str, int], str] = {}
        self._came = asyncio.Condition()

    async def follow(self) -> None:
        """Read on and on, through whatever happens to the broker."""
        offset = 0
        while True:
            try:
                entries = await self._site.log.log.read(self._topic, 0, offset, 500, 500)
            except LogUnavailable:
                await asyncio.sleep(0.2)
                continue
            for entry in entries:
                offset = entry.offset + 1
                self.entries.append(entry)
                try:
                    event = decode(entry.value, entry.headers)
                except BadEvent:
                    continue
                kind = event["type"].removeprefix("everfresh.").removesuffix(".v1")
                self._take(Seen(entry.offset, entry.timestamp, kind, event["source"], event.get("data") or {}))
            if entries:
                async with self._came:
                    self._came.notify_all()

    def _take(self, seen: Seen) -> None:
        self.seen.append(seen)
        if seen.kind == "run.granted":
            self.flying[seen.attempt] = seen.data["worker"]
        elif seen.kind in ENDS:
            self.flying.pop(seen.attempt, None)

    async def next(self, wanted: Callable[[Seen], bool], seconds: float = 90.0, since: int | None = None) -> Seen:
        """The first event from now on (or from offset `since` on) that is wanted."""
        at = len(self.seen)
        if since is not None:
            at = next((number for number, seen in enumerate(self.seen) if seen.offset >= since), at)
        async with asyncio.timeout(seconds), self._came:
            while True:
                for at in range(at, len(self.seen)):  # noqa: B020  goes on where it was
                    if wanted(self.seen[at]):
                        return self.seen[at]
                at = len(self.seen)
                await self._came.wait()

    def count(self, kind: str) -> int:
        return sum(seen.kind == kind for seen in self.seen)
