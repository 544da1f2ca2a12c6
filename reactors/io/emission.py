"""Appends a domain's outputs beside its turns, where a log can't do both in one transaction."""

import asyncio
from collections.abc import Callable, Sequence

from reactors.domain import Output
from streams.events import FOR_WORKERS
from streams.ports import EventLog, Record

ROOM = 2_000
"""outputs that may wait before the next turn does"""

AT_ONCE = 500
"""outputs of one append, so that what is urgent never waits long"""


class Emission:
    """One lane, in order; but what workers wait for overtakes what only describes.

    `encoded` makes the records of outputs; it is asked when it is their turn, for nobody waits for that either.
    A failure is raised by whatever is called next, and nothing is sent after it.
    """

    def __init__(self, log: EventLog, encoded: Callable[[Sequence[Output]], list[Record]], offset: int = 0) -> None:
        self.out = offset  # everything that follows from before it is appended and acknowledged
        self._log, self._encoded = log, encoded
        self._urgent: list[Output] = []
        self._others: list[Output] = []
        self._upto = offset
        self._sending: asyncio.Task[None] | None = None

    async def add(self, outputs: Sequence[Output], upto: int) -> None:
        """Send these, the last of what follows from before `upto`. Waits only while too much is on its way."""
        self._check()
        while len(self._others) > ROOM:
            await self._sent()
        self._urgent += [one for one in outputs if one.model in FOR_WORKERS]
        self._others += [one for one in outputs if one.model not in FOR_WORKERS]
        self._upto = upto
        if self._sending is None:
            if self._urgent or self._others:
                self._sending = asyncio.create_task(self._send(), name="everfresh-reactor-emission")
            else:
                self.out = upto

    async def emptied(self) -> None:
        """Return once all is out."""
        self._check()
        while self._sending is not None:
            await self._sent()

    async def close(self) -> None:
        """Send nothing more; idempotent."""
        sending, self._sending = self._sending, None
        if sending is not None:
            sending.cancel()
            await asyncio.wait([sending])
            if not sending.cancelled():
                sending.exception()  # nobody's news any more: whoever comes next repeats it

    async def _sent(self) -> None:
        if self._sending is not None:
            await asyncio.wait([self._sending])
        self._check()

    def _check(self) -> None:
        if self._sending is not None and self._sending.done():
            sending, self._sending = self._sending, None
            sending.result()

    async def _send(self) -> None:
        while self._urgent or self._others:
            while self._urgent:
                outputs, self._urgent = self._urgent, []
                await self._append(outputs)
            outputs, self._others = self._others[:AT_ONCE], self._others[AT_ONCE:]
            upto = self._others[0].offset if self._others else self._upto
            await self._append(outputs)
            self.out = upto
        self.out = self._upto

    async def _append(self, outputs: Sequence[Output]) -> None:
        if records := self._encoded(outputs):
            await self._log.append(records)
