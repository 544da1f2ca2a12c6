"""Keeps a board from the topics: a view, so every process that shows one reads everything itself.

Freshness and alerts are read from the beginning of their compacted topics. Counters count what comes from now on: read
again from the earliest entry they would start a little lower after each restart, as old entries are trimmed, and
Prometheus would take the whole count for an increase. Entries shortly before are read too, for when an asset last
succeeded. What can't be read is counted and left out; the dead letters are for the sinks that deliver.
"""

import asyncio
import logging
import os
from collections.abc import Iterable, Mapping, Sequence

from sinks.metrics import Board
from sinks.series import Family
from streams.cloudevents import decode
from streams.errors import EverfreshError, Gap, LogUnavailable
from streams.io.clock import wall_clock_ms
from streams.ports import Entry, EventLog, Subscription
from streams.topics import Topics

logger = logging.getLogger("everfresh.sinks")

LOOK_BACK = 20_000
"""entries of each partition of materializations.v1 that are read at the start"""

_FETCH_MAX = 2_000
_IDLE_MS = 1_000
_AGAIN_SECONDS = 0.5

Ends = Mapping[tuple[str, int], int]
"""partition → its end when the reading began"""


class NotYet(EverfreshError):
    """What a scrape would show isn't whole yet."""


class BoardFeed:
    """Reads into `board`. `ready` is set once every state was read."""

    def __init__(self, board: Board, log: EventLog, topics: Topics, look_back: int = LOOK_BACK) -> None:
        self.board = board
        self.ready = asyncio.Event()
        self._log, self._topics, self._look_back = log, topics, look_back
        self._states = (topics.freshness.name, topics.alert_state.name)
        self._counted = (topics.materializations.name, topics.checks.name, topics.costs.name)
        self._trouble: str | None = "the topics are still being read"
        self._whole = False
        self._read_at_ms = 0

    def trouble(self) -> str | None:
        """Why the board isn't whole or doesn't move; None while all is well. For a health page."""
        return self._trouble

    def families(self, now_ms: int) -> list[Family]:
        """For a scrape: the board's metrics. Raises NotYet before every state was read once."""
        if not self._whole:
            raise NotYet(self._trouble or "the topics are still being read")
        about = "When the topics that these metrics come from were last read."
        rows = [((), self._read_at_ms / 1_000)]
        return [
            *self.board.families(now_ms),
            Family("everfresh_metrics_read_timestamp_seconds", "gauge", about, (), rows),
        ]

    async def run(self, stop: asyncio.Event) -> None:
        """Read until `stop` is set; an unreachable log is waited for. Raises TopicMismatch for a topic that is missing.

        The groups are of this process alone: nobody shares a view.
        """
        name = _group_name(self._topics)
        while not stop.is_set():
            try:
                await self._follow(name, stop)
            except LogUnavailable as error:
                self._pause(str(error))
                await asyncio.sleep(_AGAIN_SECONDS)
            except Gap as error:
                self._pause(f"{error}; the counters leave that out")
                name = _group_name(self._topics)
            except Exception as error:
                self._pause(f"stopped: {error}")
                raise

    def _pause(self, why: str) -> None:
        logger.warning("metrics: %s", why)
        self._trouble = why

    async def _follow(self, name: str, stop: asyncio.Event) -> None:
        ends = {(topic, at): end for topic in self._states for at, (_, end) in (await self._log.bounds(topic)).items()}
        counted = await self._log.subscribe(f"{name}-counts", self._counted, "latest")
        try:
            states = await self._log.subscribe(f"{name}-states", self._states, "earliest")
            try:
                await self._look_back_from(counted)
                self._whole = False  # what was resolved while nobody read may be gone from the topic
                self.board.forget_states()
                while not stop.is_set():
                    await self._turn(states, counted, ends)
            finally:
                await states.close()
        finally:
            await counted.close()

    async def _turn(self, states: Subscription, counted: Subscription, ends: Ends) -> None:
        batches = await counted.fetch(_FETCH_MAX, 0)
        self._take(batches.values())
        if batches:
            await counted.commit({place: entries[-1].offset + 1 for place, entries in batches.items()})
        found = await states.fetch(_FETCH_MAX, 0 if batches else _IDLE_MS)
        self._take(found.values())
        self._whole = self._whole or await _is_read(states, ends, bool(found))
        self._read_at_ms = wall_clock_ms()
        await asyncio.sleep(0)  # as above
        if self._whole:
            self._trouble = None
            self.ready.set()

    async def _look_back_from(self, counted: Subscription) -> None:
        """Read the newest entries before those that will be counted."""
        topic = self._topics.materializations.name
        firsts = {partition: first for partition, (first, _) in (await self._log.bounds(topic)).items()}
        for partition in [one for name, one in sorted(counted.owned()) if name == topic]:
            end = await counted.position(topic, partition)
            at = max(firsts[partition], end - self._look_back)
            while at < end and (entries := await self._log.read(topic, partition, at, min(_FETCH_MAX, end - at))):
                self._take([entries], count=False)
                at = entries[-1].offset + 1
                await asyncio.sleep(0)  # a log on this machine answers at once, and others share this loop

    def _take(self, batches: Iterable[Sequence[Entry]], count: bool = True) -> None:
        for entries in batches:
            for entry in entries:
                self._take_one(entry, count)

    def _take_one(self, entry: Entry, count: bool) -> None:
        if entry.value is None and entry.key is not None:
            key = entry.key.decode("utf-8", "replace")
            forget = (
                self.board.forget_alert if entry.topic == self._topics.alert_state.name else self.board.forget_asset
            )
            forget(key)
            return
        try:
            self.board.take(decode(entry.value, entry.headers), count)
        except Exception as error:  # whatever the bytes are, they mustn't stop the metrics
            self.board.unreadable()
            logger.warning("metrics: %s/%d/%d: %s", entry.topic, entry.partition, entry.offset, error)


async def _is_read(states: Subscription, ends: Ends, found: bool) -> bool:
    """Every partition was read to where it ended at the beginning, or there is nothing left to read."""
    if not ends.keys() <= states.owned():
        return False
    if not found and not any(states.behind(*place) for place in ends):
        return True
    return all([await states.position(*place) >= end for place, end in ends.items()])


def _group_name(topics: Topics) -> str:
    return topics.group(f"sink-prometheus-{os.urandom(4).hex()}")
