"""Readers that sleep until something is appended."""

import asyncio
from collections.abc import Callable, Collection, Sized
from typing import TypeVar

Found = TypeVar("Found", bound=Sized)


class Wakeups:
    """Sleepers by what they wait for (a topic, or a group of readers).

    Nothing is bound to an event loop before somebody sleeps, and no reader is missed: whoever looks, finds nothing and
    sleeps does so without giving way in between. `on_sleep` is called each time somebody lies down.
    """

    def __init__(self, on_sleep: Callable[[], None] = lambda: None) -> None:
        self._sleepers: dict[str, set[asyncio.Future[bool]]] = {}
        self._on_sleep = on_sleep

    def __bool__(self) -> bool:
        """Whether anybody sleeps."""
        return bool(self._sleepers)

    def wake(self, names: Collection[str] | None = None) -> None:
        """Wake those who wait for one of `names`; everybody if not said."""
        for name in list(self._sleepers) if names is None else names:
            for sleeper in self._sleepers.get(name, ()):
                _rouse(sleeper, True)

    async def sleep(self, names: Collection[str], seconds: float) -> bool:
        """Sleep until one of `names` is woken (True) or the time is up (False)."""
        loop = asyncio.get_running_loop()
        sleeper: asyncio.Future[bool] = loop.create_future()
        for name in names:
            self._sleepers.setdefault(name, set()).add(sleeper)
        self._on_sleep()
        timer = loop.call_later(seconds, _rouse, sleeper, False)
        try:
            return await sleeper
        finally:
            timer.cancel()
            for name in names:
                self._rise(name, sleeper)

    def _rise(self, name: str, sleeper: asyncio.Future[bool]) -> None:
        sleepers = self._sleepers[name]
        sleepers.discard(sleeper)
        if not sleepers:
            del self._sleepers[name]

    async def until(self, find: Callable[[], Found], names: Collection[str], wait_ms: int) -> Found:
        """What `find` finds, looking again whenever one of `names` is woken, for up to `wait_ms`."""
        found = find()
        if found or wait_ms <= 0:
            if not found:
                await asyncio.sleep(0)  # or a loop around this would let nobody else append anything
            return found
        loop = asyncio.get_running_loop()
        deadline, woken = loop.time() + wait_ms / 1_000, True
        while not found and woken:
            # The clock isn't asked: a timer may ring with a rounding's rest left, and would be set again and again.
            woken = await self.sleep(names, max(0.0, deadline - loop.time()))
            found = find()
        return found


def _rouse(sleeper: asyncio.Future[bool], woken: bool) -> None:
    if not sleeper.done():
        sleeper.set_result(woken)
