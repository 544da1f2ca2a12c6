"""The agent that never raises.

Faust acknowledges an event whose agent raised, one that it couldn't decode, and one whose agent was cancelled in its
midst, and then goes on with the next. So our agents take bytes, acknowledge by hand, in order, what was handled or is
safe among the dead letters; and where that can't be had they stand still and have the app stopped.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from streams.cloudevents import Envelope, decode
from streams.errors import BadEvent
from streams.io.entries import StoredEntry
from streams.ports import Entry

logger = logging.getLogger("everfresh.faust")

Handler = Callable[[Envelope, Entry], Awaitable[None]]
"""does the work of one event; raises BadEvent for one that can't ever be handled"""
Gone = Callable[[Entry], Awaitable[None]]
"""told of an entry without a value: on a compacted topic its key is gone"""
Letter = Callable[[Entry, str], Awaitable[object]]
"""puts an entry, and what was wrong with it, among the dead letters; returns once it is kept there"""
Stop = Callable[[str], None]
"""told why the app must stop"""


@dataclass(frozen=True, slots=True)
class Retries:
    """How often something is tried again, and how long after; the waits double."""

    times: int = 4
    first_seconds: float = 0.1
    most_seconds: float = 5.0

    def waits(self) -> list[float]:
        """The waits between the tries.

        >>> Retries(4, 0.1, 0.5).waits()
        [0.1, 0.2, 0.4, 0.5]
        """
        return [min(self.first_seconds * 2**number, self.most_seconds) for number in range(self.times)]


@dataclass(frozen=True, slots=True)
class _Guard:
    handler: Handler
    letter: Letter
    retries: Retries
    gone: Gone | None
    seen: dict[tuple[str, int], int] = field(default_factory=dict)  # the last offset of each partition

    def follows(self, message: Any) -> bool:
        """Whether the event that was fetched before this one has been seen, if one was (see `_fetch_records`)."""
        seen, self.seen[message.tp] = self.seen.get(message.tp, -1), message.offset
        return message.checksum is None or message.checksum <= seen

    async def see(self, entry: Entry) -> str:
        """Handle one event, or put it among the dead letters; returns why neither could be done, "" if one was."""
        try:
            work = self._work(entry)
        except BadEvent as error:
            return await self._given_up(entry, str(error))
        wrong = await self._tried(work, f"handling {_named(entry)}")
        return await self._given_up(entry, wrong) if wrong else ""

    def _work(self, entry: Entry) -> Callable[[], Awaitable[object]]:
        gone, handler = self.gone, self.handler
        if entry.value is None and gone is not None:
            return lambda: gone(entry)
        event = decode(entry.value, entry.headers)
        return lambda: handler(event, entry)

    async def _given_up(self, entry: Entry, wrong: str) -> str:
        logger.warning("%s becomes a dead letter: %s", _named(entry), wrong)
        failed = await self._tried(lambda: self.letter(entry, wrong), f"writing the dead letter of {_named(entry)}")
        if not failed:
            return ""
        return f"{_named(entry)} can't be handled ({wrong}) and its dead letter can't be written: {failed}"

    async def _tried(self, work: Callable[[], Awaitable[object]], what: str) -> str:
        """Try until it works or the tries are used up; returns what went wrong the last time, "" if it worked."""
        waits = iter(self.retries.waits())
        while True:
            try:
                await work()
                return ""
            except BadEvent as error:
                return str(error)
            except asyncio.CancelledError:
                if _cancelled():
                    raise
                wrong = "it was cancelled from within"
            except Exception as error:
                wrong = f"{type(error).__name__}: {error}"
            wait = next(waits, None)
            if wait is None:
                return wrong
            logger.warning("%s failed, trying again in %g s: %s", what, wait, wrong)
            await asyncio.sleep(wait)


def guarded(
    handler: Handler, letter: Letter, stop: Stop, retries: Retries | None = None, gone: Gone | None = None
) -> Callable[[Any], Awaitable[None]]:
    """An agent function for one topic of raw bytes: `app.agent(event_topic(app, name), name=…)(guarded(…))`.

    Each event is decoded and handed to `handler`, one after the other. What doesn't decode, raises BadEvent or raises
    again and again becomes a dead letter by `letter`. Only then is it acknowledged; where the dead letter can't be
    written, `stop` (the app's `give_up`) is told and nothing is acknowledged ever after, so that a restart sees the
    event again. An entry without a value is told to `gone`; without that it is a dead letter too.
    """
    guard = _Guard(handler, letter, retries or Retries(), gone)

    async def agent(stream: Any) -> None:
        app, stream.enable_acks = stream.app, False
        if not app.idle.is_set():  # Faust cancelled an agent before this one, and would go on behind the event it had
            await app.crash(RuntimeError("the agent was cancelled while it had an event"))
            return
        async for event in stream.events():
            message = event.message
            if not guard.follows(message):
                await app.crash(RuntimeError(f"Faust dropped what came before {message.tp} {message.offset}"))
                return
            app.idle.clear()
            failed = await guard.see(_entry(message))
            if failed:
                logger.error("%s; stopping", failed)
                stop(failed)
                await asyncio.Event().wait()
            app.handled += 1
            # One from before a rebalance comes again, and whose it is now isn't known: its offset may be another's.
            if message.generation_id == app.consumer_generation_id and app.consumer.settled:
                await stream.ack(event)
            app.idle.set()
        if not app.should_stop:  # Faust would let it live on without its agent
            await app.crash(RuntimeError("the agent's stream ended"))

    return agent


def _entry(message: Any) -> StoredEntry:
    place = (message.topic, message.partition, message.offset)
    timestamp = round(message.timestamp * 1_000)  # Faust made seconds of Kafka's milliseconds
    return StoredEntry(*place, timestamp, message.key, message.value, tuple(message.headers or ()))


def _named(entry: Entry) -> str:
    return f"{entry.topic}/{entry.partition}/{entry.offset}"


def _cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
