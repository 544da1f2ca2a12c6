"""A history in a database: each event's rows once, many events in one transaction.

Events come one by one, those of different keys side by side. Whatever waits when a transaction ends goes into the next
one, so that a slow database gets few large transactions, and a quick one no delay.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from sinks.history import KEPT, Row, rows_of
from sinks.io.attempts import Manner
from sinks.io.delivery import Route
from sinks.ports import Refused, Retry
from sinks.retries import Retries
from streams.cloudevents import Envelope
from streams.errors import BadEvent, EverfreshError
from streams.topics import Topics

BATCH_MAX = 500
"""events in one transaction"""

RETRIES = Retries(patience_ms=7 * 86_400_000, longest_ms=60_000)
"""a database that is down for a week loses nothing"""


class Unfit(EverfreshError):
    """The database can't hold one of these rows, now or ever."""


class Database(Protocol):
    """Where rows are kept. tests/conformance/test_history.py is its contract."""

    async def write(self, rows: Sequence[Row]) -> None:
        """Keep all in one transaction, or none; a row whose event is there already changes nothing.

        Tables are made and brought up to date first. Raises Unfit, or Retry where it can't be done now.
        """

    async def close(self) -> None:
        """Let go; idempotent."""


class _Waiting(NamedTuple):
    rows: list[Row]
    done: asyncio.Future[None]


class History:
    """Writes what a history keeps; other events are let pass."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None

    async def deliver(self, envelope: Envelope) -> None:
        try:
            rows = rows_of(envelope)
        except (BadEvent, ValueError, OverflowError) as error:
            raise Refused(str(error)) from None
        if not rows:
            return
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(rows, done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all(), name="everfresh-history")
        await done

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        await self._database.close()

    async def _write_all(self) -> None:
        await asyncio.sleep(0)  # whoever is about to deliver in this very moment joins
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
                await self._write([one for one in batch if not one.done.done()])
        finally:
            self._writer = None

    async def _write(self, batch: list[_Waiting]) -> None:
        """Write a batch; where something in it doesn't fit, its halves, until that is alone."""
        if not batch:
            return
        try:
            await self._database.write([row for one in batch for row in one.rows])
        except Unfit as error:
            if len(batch) == 1:
                _settle(batch, Refused(str(error)))
                return
            middle = len(batch) // 2
            await self._write(batch[:middle])
            await self._write(batch[middle:])
        except Exception as error:  # whatever it is, nobody may wait for ever
            _settle(batch, error if isinstance(error, Retry) else Retry(f"{type(error).__name__}: {error}"))
        else:
            _settle(batch, None)


def _settle(batch: list[_Waiting], error: Exception | None) -> None:
    for one in batch:
        if one.done.done():
            continue  # it waited for too long
        if error is None:
            one.done.set_result(None)
        else:
            one.done.set_exception(error)


def history_route(name: str, topics: Topics) -> Route:
    """All that the topics still hold, from the oldest on."""
    names = tuple(sorted({topics.output(kind).name for kind in KEPT}))
    return Route(f"history-{name}", names, manner=Manner(RETRIES, at_once=BATCH_MAX, try_ms=60_000))
