"""How far reactors are behind their journals: asked of the log, so that it shows whoever is dead."""

import asyncio
import logging
from collections.abc import Iterable

from sinks.series import Family
from streams.errors import EverfreshError
from streams.ports import EventLog, TopicAdmin
from streams.topics import Topics

logger = logging.getLogger("everfresh.sinks")

LOOK_SECONDS = 5.0

_ABOUT = {
    "everfresh_journal_lag_events": "Entries of the journal that no reactor has folded.",
    "everfresh_journal_lag_seconds": "For how long the oldest of them has stood there; 0 where there is none.",
}


class JournalLag:
    """Looks now and then; ages are worked out at the scrape. While the log is away, what was seen last grows older."""

    def __init__(self, log: EventLog, admin: TopicAdmin, topics: Topics, group: str) -> None:
        self._log, self._admin, self._group = log, admin, group
        self._prefix = topics.journal("").name
        self._waiting: dict[str, tuple[int, int | None]] = {}  # domain → entries, and when the oldest was written

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop`."""
        while not stop.is_set():
            try:
                await self.look()
            except EverfreshError as error:
                logger.warning("metrics: how far reactors are isn't known: %s", error)
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await stop.wait()
            except TimeoutError:
                pass

    async def look(self) -> None:
        """Ask the log. Raises LogUnavailable, TopicMismatch."""
        names = await self._admin.names(self._prefix)
        self._waiting = {name.removeprefix(self._prefix): await self._behind(name) for name in names}

    def families(self, now_ms: int) -> Iterable[Family]:
        """The two gauges, by domain."""
        events = [((domain,), float(count)) for domain, (count, _) in self._waiting.items()]
        ages = [((domain,), _age(oldest, now_ms)) for domain, (_, oldest) in self._waiting.items()]
        for (name, about), rows in zip(_ABOUT.items(), (events, ages), strict=True):
            yield Family(name, "gauge", about, ("domain",), rows)

    async def _behind(self, journal: str) -> tuple[int, int | None]:
        first, end = (await self._log.bounds(journal))[0]
        at = max(first, (await self._admin.positions(self._group, journal)).get(0, first))
        if at >= end:
            return 0, None
        entries = await self._log.read(journal, 0, at, 1)
        return end - at, entries[0].timestamp if entries else None


def _age(oldest: int | None, now_ms: int) -> float:
    return 0.0 if oldest is None else max(0, now_ms - oldest) / 1_000
