"""Tries to deliver one event until its destination has it, or it is given up."""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Literal, NamedTuple

from sinks.pacing import Pacing
from sinks.ports import Destination, Refused, Retry
from sinks.retries import Retries, Tried, gave_up
from streams.cloudevents import Envelope

logger = logging.getLogger("everfresh.sinks")

Observe = Callable[[str, str], None]
"""told (sink, outcome) of each attempt: delivered, retried, dead, missed"""


class Leaving(Exception):
    """This process leaves; what isn't delivered stays where it is, for the next one."""


class Manner(NamedTuple):
    """How a destination is treated."""

    retries: Retries = Retries()
    at_once: int = 8
    """calls that it gets at the same time, each about another key"""
    try_ms: int = 30_000
    """how long one call may take"""
    per_minute: float = 0
    """calls in a minute, at most; 0 is as many as there are"""


class Failure(NamedTuple):
    """Why a call failed. `whose` fault it is decides how long it is tried again."""

    why: str
    whose: Literal["event", "destination", "unknown"]
    asked_ms: int = 0


class Attempts:
    """All that goes to one destination passes here: so many calls at once, and none before it wants one again."""

    def __init__(self, sink: str, destination: Destination, manner: Manner, observe: Observe) -> None:
        self._sink, self._destination = sink, destination
        self._manner, self._observe = manner, observe
        self._slots = asyncio.Semaphore(manner.at_once)
        self._leaving = asyncio.Event()
        self._pacing = Pacing(manner.per_minute)
        self._closed_until = 0.0  # by the loop's clock
        self._taken = 0

    def leave(self) -> None:
        """Finish the calls that are out, and wait for nothing any more."""
        self._leaving.set()

    async def deliver(self, wrapped: Envelope) -> str | None:
        """None once the destination has it; else why it was given up. Raises Leaving if neither is so when told to."""
        failures = own = began = taken_before = 0
        while (failure := await self._try(wrapped)) is not None:
            if failure.whose == "event":
                return f"refused: {failure.why}"
            if not failures:
                began, taken_before = _now_ms(), self._taken
            failures += 1
            own += failure.whose == "unknown"
            blamed = own if self._taken > taken_before else 0
            tried = Tried(failures, blamed, _now_ms() - began, failure.asked_ms)
            wait_ms = self._manner.retries.wait_ms(tried, random.random())  # noqa: S311  # jitter is no secret
            if wait_ms is None:
                return gave_up(tried, failure.why)
            # Without the time, so that an outage of a destination with many events reads the same: it is said seldom.
            logger.warning("sink %s: %s; trying again", self._sink, failure.why)
            self._observe(self._sink, "retried")
            await self._wait(wait_ms / 1_000)
        return None

    async def _try(self, wrapped: Envelope) -> Failure | None:
        async with self._slots:
            if (wait_ms := self._pacing.wait_ms(_now_ms())) > 0:
                await self._wait(wait_ms / 1_000)
            while (ahead := self._closed_until - asyncio.get_running_loop().time()) > 0:
                await self._wait(ahead)
            if self._leaving.is_set():
                raise Leaving
            failure = await self._call(wrapped)
        if failure is None:
            self._taken += 1
            self._observe(self._sink, "delivered")
        elif failure.asked_ms:
            self._closed_until = asyncio.get_running_loop().time() + failure.asked_ms / 1_000
        return failure

    async def _call(self, wrapped: Envelope) -> Failure | None:
        limit = asyncio.timeout(self._manner.try_ms / 1_000)
        try:
            async with limit:
                await self._destination.deliver(wrapped)
        except Refused as error:
            return Failure(str(error), "event")
        except Retry as error:
            return Failure(str(error), "destination", error.after_ms)
        except Exception as error:
            late = isinstance(error, TimeoutError) and limit.expired()
            why = f"no answer within {self._manner.try_ms} ms" if late else f"{type(error).__name__}: {error}"
            return Failure(why, "unknown")
        return None

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._leaving.wait()
        except TimeoutError:
            return
        raise Leaving


def _now_ms() -> int:
    return round(asyncio.get_running_loop().time() * 1_000)
