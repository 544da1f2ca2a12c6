"""A worker's way into the journal: in order, at least once, and nothing dropped in silence."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from reactors.io.clock import JournalClock
from reactors.io.fitting import fitted
from reactors.ports import Clock
from streams.cloudevents import HEADERS, encode, envelope, event_id
from streams.errors import LogUnavailable
from streams.events import Attempt, Event
from streams.ports import Record, Stamp

logger = logging.getLogger("everfresh.worker")

BATCH = 200
"""reports appended in one go"""

_DELAY_MS, _DELAY_MAX_MS = 100, 5_000


@dataclass(frozen=True, slots=True)
class Address:
    """Where reports go, and whose they are."""

    topic: str  # the domain's journal
    worker: str


class Outbox:
    """Reports wait here until the journal has them. `run` appends them; `say` only lays them down.

    A report that finds no log is tried again, for as long as this runs: the reactor waits out a gap of the log before
    it takes anything for lost, and a report that comes too late changes nothing.
    """

    def __init__(
        self, address: Address, append: Callable[[Sequence[Record]], Awaitable[list[Stamp]]], clock: Clock
    ) -> None:
        self._address, self._append, self._clock = address, append, clock
        self._waiting: deque[tuple[str, Record]] = deque()  # what it is, for people; and as it is appended
        self._woken = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()
        self.journal = JournalClock(clock)
        """the journal's time, as the last acknowledgement told it"""

    @property
    def waiting(self) -> int:
        """How many reports the journal doesn't have yet."""
        return len(self._waiting)

    def has(self, event_type: str) -> bool:
        """Whether a report of this type waits."""
        return any(what.startswith(f"{event_type} ") for what, _ in self._waiting)

    def say(self, event: Event, *cause: object) -> None:
        """Lay down a report; its id is made from `cause`, so that one sent twice has one name."""
        subject = event.asset if isinstance(event, Attempt) else self._address.worker
        record = self._record(fitted(event), subject, event_id(*cause, event.TYPE))
        self._waiting.append((f"{event.TYPE} of {' '.join(map(str, cause))}", record))
        self._emptied.clear()
        self._woken.set()

    async def run(self) -> None:
        """Append what is laid down, in order, until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._waiting:
                await self.turn()
            self._emptied.set()

    async def turn(self) -> None:
        """Append one batch, however often that takes."""
        batch = [record for _, record in islice(self._waiting, BATCH)]
        stamps = await self._appended(batch)
        for _ in batch:
            self._waiting.popleft()
        self.journal.see(stamps[-1].timestamp)

    async def _appended(self, batch: Sequence[Record]) -> list[Stamp]:
        delay_ms = _DELAY_MS
        while True:
            try:
                return await self._append(batch)
            except LogUnavailable as error:
                logger.warning("%d reports wait for the log: %s", len(self._waiting), error)
            await self._clock.sleep(round(delay_ms * random.uniform(0.5, 1)))  # noqa: S311  jitter, no secret
            delay_ms = min(2 * delay_ms, _DELAY_MAX_MS)

    async def emptied(self) -> None:
        """Return once the journal has all that was said."""
        await self._emptied.wait()

    def give_up(self) -> None:
        """Say aloud what the journal will never have from here; for the very end only."""
        for what, _ in self._waiting:
            logger.error("gave up on a report that found no log: %s", what)

    def _record(self, event: Event, subject: str, name: str) -> Record:
        wrapped = envelope(event, name, f"everfresh/worker/{self._address.worker}", subject, self._clock.now_ms())
        return Record(self._address.topic, encode(wrapped), None, HEADERS, partition=0)
