"""The loop of one destination: its own group, its own task, so that a slow one holds nobody up.

At least once: an entry's position moves after it was delivered or is in the dead letters. A crash in between repeats it
with the same id. Entries of one key keep their order; those of other keys go on while one is being retried.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Literal

from sinks.io.attempts import Attempts, Manner, Observe
from sinks.io.lanes import Lanes, Room
from sinks.letters import Missed, dead_letter, delivery_failed, missed_letter, origin_of
from sinks.ports import Destination
from streams.cloudevents import Envelope, decode
from streams.errors import EverfreshError, Gap, LogUnavailable, TopicMismatch
from streams.io.clock import wall_clock_ms
from streams.io.gaps import missed
from streams.ports import Entry, EventLog, Record, Subscription
from streams.topics import Topics

logger = logging.getLogger("everfresh.sinks")

FETCH_MAX = 500
"""entries of one turn"""

GRACE_SECONDS = 10.0
"""how long calls that are out may take when this stops"""

_IDLE_MS, _BUSY_MS = 1_000, 200
_PRESENT_SECONDS = 5.0  # a member that never fetches is taken for dead
_AGAIN_SECONDS = 0.5
_LETTER_WAITS = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class DeliveryStopped(EverfreshError):
    """A destination's loop can't go on without losing something; its position stands before that."""


@dataclass(frozen=True, slots=True)
class Route:
    """What goes to a destination, from where on if it is new, and how it is treated."""

    sink: str  # its name: names the group, the metrics' label, and the source of its letters
    topics: tuple[str, ...]
    start: Literal["earliest", "latest"] = "earliest"
    manner: Manner = field(default_factory=Manner)
    room: Room = field(default_factory=Room)


def unobserved(_sink: str, _outcome: str) -> None:
    """Nobody counts."""


class Delivery:
    """Carries a route's events to its destination. `ready` is set once it has joined its group."""

    def __init__(
        self, route: Route, destination: Destination, log: EventLog, topics: Topics, observe: Observe = unobserved
    ) -> None:
        self.route = route
        self.ready = asyncio.Event()
        self._trouble: str | None = "it hasn't joined its group yet"
        self._destination, self._log = destination, log
        self._topics, self._observe = topics, observe
        self._attempts: Attempts | None = None
        self.group = topics.group(f"sink-{route.sink}")

    def trouble(self) -> str | None:
        """Why nothing moves; None while all is well. For a health page."""
        return self._trouble

    def failing(self) -> str | None:
        """Why the destination takes nothing now; None while it does, or nothing was to be delivered."""
        return self._attempts.failing if self._attempts is not None else None

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set; an unreachable log is waited for. Raises DeliveryStopped, TopicMismatch."""
        try:
            while not stop.is_set():
                try:
                    await self._join(stop)
                except LogUnavailable as error:
                    self._trouble = str(error)
                    logger.warning("sink %s: %s; trying again", self.route.sink, error)
                    await asyncio.sleep(_AGAIN_SECONDS)
        except Exception as error:
            self._trouble = f"stopped: {error}"
            logger.error("sink %s stopped: %s", self.route.sink, error)
            raise
        finally:
            await self._destination.close()

    async def _join(self, stop: asyncio.Event) -> None:
        route = self.route
        attempts = self._attempts = Attempts(route.sink, self._destination, route.manner, self._observe)
        lanes = Lanes(lambda entry: self._settle(entry, attempts), route.room)
        subscription = await self._log.subscribe(self.group, route.topics, route.start)
        self._trouble = None
        self.ready.set()
        try:
            while not stop.is_set():
                await self.turn(subscription, lanes)
            attempts.leave()
            await lanes.end(GRACE_SECONDS)
            await _commit(subscription, lanes)
            lanes.check()
        finally:
            await lanes.end(0)
            await subscription.close()

    async def turn(self, subscription: Subscription, lanes: Lanes) -> None:
        """Fetch as much as there is room for, and move the position past what is settled."""
        await lanes.roomy(_PRESENT_SECONDS)
        limit = min(max(1, lanes.room), FETCH_MAX)
        try:
            batches = await subscription.fetch(limit, _BUSY_MS if lanes.busy else _IDLE_MS)
        except Gap as error:
            logger.error("sink %s: %s", self.route.sink, error)
            await self._announce(subscription)
            return
        lanes.keep(subscription.owned())
        for entries in batches.values():
            for entry in entries:
                lanes.put(entry)
        await _commit(subscription, lanes)
        lanes.check()

    async def _settle(self, entry: Entry, attempts: Attempts) -> None:
        """Deliver one entry, or put it into the dead letters."""
        if entry.value is None and entry.key is not None:
            return  # a tombstone: the event that it follows from was delivered from its own topic
        wrapped: Envelope | None = None
        try:
            wrapped = decode(entry.value, entry.headers)
        except Exception as error:  # whatever the bytes are, they mustn't stop the loop
            why: str | None = str(error)
        else:
            why = await attempts.deliver(wrapped)
        if why is not None:
            await self._give_up(entry, wrapped, why)

    async def _give_up(self, entry: Entry, wrapped: Envelope | None, why: str) -> None:
        sink = self.route.sink
        logger.error("sink %s: %s of %s", sink, why, origin_of(entry))
        self._observe(sink, "dead")
        if entry.topic == self._topics.dead_letters.name:
            return  # it is in there already; a letter about a letter would be followed by another
        await self._write(dead_letter(self._topics, sink, entry, why))
        told = delivery_failed(self._topics, sink, entry, wrapped, why)
        if told is not None:
            try:
                await self._write(told)
            except TopicMismatch as error:
                logger.warning("sink %s: nobody is told of %s: %s", sink, origin_of(entry), error)

    async def _announce(self, subscription: Subscription) -> None:
        """Say what was trimmed away unread, and go on behind it; a topic that was made anew stops this."""
        try:
            gaps = await missed(self._log, subscription, self.group)
        except Gap as error:
            raise DeliveryStopped(str(error)) from error
        for gap in gaps:
            await self._write(missed_letter(self._topics, self.route.sink, Missed(*gap, wall_clock_ms())))
            self._observe(self.route.sink, "missed")
            await subscription.commit({(gap.topic, gap.partition): gap.last + 1})

    async def _write(self, record: Record) -> None:
        """Append, patiently. Raises DeliveryStopped where it can't be done: then the position must not move."""
        for wait in (*_LETTER_WAITS, None):
            try:
                await self._log.append([record])
                return
            except LogUnavailable as error:
                if wait is None:
                    raise DeliveryStopped(f"{record.topic} can't be written: {error}") from error
                await asyncio.sleep(wait)
            except TopicMismatch as error:
                if record.topic == self._topics.dead_letters.name:
                    raise DeliveryStopped(f"the dead letters can't be written: {error}") from error
                raise


async def _commit(subscription: Subscription, lanes: Lanes) -> None:
    moved = lanes.moved()
    if moved:
        await subscription.commit(moved)
