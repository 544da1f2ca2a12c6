"""Tries to deliver one event until its destination has it, or it is given up."""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from typing import Any, Literal, NamedTuple, TypeVar

from sinks.pacing import Pacing
from sinks.ports import Choosing, Destination, Refused, Retry
from sinks.retries import Retries, Tried, gave_up
from streams.cloudevents import Envelope

logger = logging.getLogger("everfresh.sinks")

Found = TypeVar("Found")

Observe = Callable[[str, str], None]
"""told (sink, outcome) of each attempt: delivered, passed, retried, dead, missed; and resent of what is told again"""


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
        self._took = asyncio.Event()
        self.failing: str | None = None
        """why the last call failed; None once the destination takes something"""

    def leave(self) -> None:
        """Finish the calls that are out, and wait for nothing any more."""
        self._leaving.set()
        self._took.set()

    async def deliver(self, wrapped: Envelope) -> str | None:
        """None once the destination has it; else why it was given up. Raises Leaving if neither is so when told to.

        While the destination has taken nothing since the first failure it may be down: that is nobody's fault, and as
        soon as it takes anything this is tried again too.
        """
        failures = own = began = taken_before = 0
        while (failure := await self._try(wrapped)) is not None:
            if failure.whose == "event":
                return f"refused: {failure.why}"
            if not failures:
                began, taken_before = _now_ms(), self._taken
            failures += 1
            is_up = self._taken > taken_before
            own += is_up and failure.whose == "unknown"
            tried = Tried(failures, own, _now_ms() - began, failure.asked_ms)
            wait_ms = self._manner.retries.wait_ms(tried, random.random())  # noqa: S311  # jitter is no secret
            if wait_ms is None:
                return gave_up(tried, failure.why)
            # Without the time, so that an outage of a destination with many events reads the same: it is said seldom.
            logger.warning("sink %s: %s; trying again", self._sink, failure.why)
            self._observe(self._sink, "retried")
            await self._rest(wait_ms / 1_000, is_up or bool(failure.asked_ms))
        return None

    async def _try(self, wrapped: Envelope) -> Failure | None:
        passes = await self._call(self._lets_pass, wrapped)
        if passes is True:
            self._observe(self._sink, "passed")
            return None
        failure = passes if isinstance(passes, Failure) else await self._in_turn(wrapped)
        self.failing = failure.why if failure is not None else None
        if failure is None:
            self._taken += 1
            self._took.set()
            self._observe(self._sink, "delivered")
        return failure

    async def _in_turn(self, wrapped: Envelope) -> Failure | None:
        async with self._slots:
            if (wait_ms := self._pacing.wait_ms(_now_ms())) > 0:
                await self._rest(wait_ms / 1_000)
            while (ahead := self._closed_until - asyncio.get_running_loop().time()) > 0:
                await self._rest(ahead)
            if self._leaving.is_set():
                raise Leaving
            failure = await self._call(self._destination.deliver, wrapped)
        if failure is not None and failure.asked_ms:
            self._closed_until = asyncio.get_running_loop().time() + failure.asked_ms / 1_000
        return failure

    async def _lets_pass(self, wrapped: Envelope) -> bool:
        return isinstance(self._destination, Choosing) and await self._destination.lets_pass(wrapped)

    async def _call(self, call: Callable[[Envelope], Coroutine[Any, Any, Found]], wrapped: Envelope) -> Found | Failure:
        limit = asyncio.timeout(self._manner.try_ms / 1_000)
        try:
            async with limit:
                return await call(wrapped)
        except Refused as error:
            return Failure(str(error), "event")
        except Retry as error:
            return Failure(str(error), "destination", error.after_ms)
        except Exception as error:
            late = isinstance(error, TimeoutError) and limit.expired()
            why = f"no answer within {self._manner.try_ms} ms" if late else f"{type(error).__name__}: {error}"
            return Failure(why, "unknown")

    async def _rest(self, seconds: float, whatever: bool = True) -> None:
        """Wait so long; unless that is to be `whatever` happens, only until the destination takes something."""
        ends = self._leaving if whatever else self._took
        if not self._leaving.is_set():
            ends.clear()
        try:
            async with asyncio.timeout(seconds):
                await ends.wait()
        except TimeoutError:
            pass
        if self._leaving.is_set():
            raise Leaving


def _now_ms() -> int:
    return round(asyncio.get_running_loop().time() * 1_000)
