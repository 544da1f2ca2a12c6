"""Reads topics to their ends again and again, without a group: for a view that each process keeps for itself."""

import asyncio
from collections.abc import AsyncIterator, Mapping

from streams.errors import Gap
from streams.ports import Entry, EventLog

_FETCH_MAX = 1_000


class Following:
    """`more` gives each entry once. A topic is read from its beginning, or from so many entries before its end."""

    def __init__(self, log: EventLog, look_back: Mapping[str, int | None]) -> None:
        self._log, self._look_back = log, look_back  # topic → entries of each partition; None: all of them
        self._next: dict[tuple[str, int], int] = {}

    async def more(self) -> AsyncIterator[Entry]:
        """Whatever came since the last call, up to where each topic ends now. Raises LogUnavailable, TopicMismatch."""
        for topic, look_back in self._look_back.items():
            for partition, (first, end) in (await self._log.bounds(topic)).items():
                place = (topic, partition)
                at = self._next.get(place, first if look_back is None else end - look_back)
                self._next[place] = first if at > end else max(at, first)  # cut short: the topic was made anew
                async for entry in self._rest(place, end):
                    yield entry

    async def _rest(self, place: tuple[str, int], end: int) -> AsyncIterator[Entry]:
        while (at := self._next[place]) < end:
            try:
                entries = await self._log.read(*place, at, min(_FETCH_MAX, end - at))
            except Gap:  # trimmed between the two calls; the next turn begins where the topic does
                return
            for entry in entries:
                yield entry
                self._next[place] = entry.offset + 1
            if not entries:  # what is left is no entry: a transaction's mark
                return
            await asyncio.sleep(0)  # a log on this machine answers at once, and others share this loop
