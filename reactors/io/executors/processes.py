"""Ordinary functions and programs, each attempt in a warm process: a timeout can kill it, and its cost is its own."""

import asyncio

from reactors.io.executors.warm import Launch, WarmProcess
from reactors.ports import Done, Failed, Task

DEAD_AT_ONCE_MAX = 5
"""how many processes that died while they were idle an attempt passes over"""


class ProcessExecutor:
    """See Executor; over `slots` warm processes, started ahead by `start` or else when they are first needed."""

    def __init__(self, launch: Launch, slots: int) -> None:
        self._launch = launch
        self._slots = asyncio.Semaphore(slots)
        self._count = slots
        self._idle: list[WarmProcess] = []
        self._all: set[WarmProcess] = set()  # all that aren't known to be gone
        self._burials: set[asyncio.Future[None]] = set()
        self._closed = False

    async def start(self) -> None:
        """Start a process for every slot, without waiting for the app to load there."""
        while len(self._idle) < self._count:
            self._idle.append(self._fresh())

    async def run(self, task: Task, timeout_ms: int) -> Done | Failed:
        """See Executor; the timeout begins once a process is there that has the app loaded."""
        async with self._slots:
            result: Done | Failed | None = None
            for _ in range(DEAD_AT_ONCE_MAX):
                warm = self._taken()
                try:
                    result = await warm.run(task, timeout_ms)
                finally:
                    self._give_back(warm)
                if result is not None or self._closed:
                    break
        return result or Failed(kind="died", error="its process dies each time it has loaded the app")

    async def close(self) -> None:
        """Kill all processes, and return once they are gone."""
        self._closed = True
        for warm in self._all:
            warm.kill()
        while self._all:
            await self._bury(next(iter(self._all)))
        self._idle.clear()

    def _taken(self) -> WarmProcess:
        """An idle process that lives; the one used last, for its memory is warm."""
        while self._idle:
            warm = self._idle.pop()
            if not warm.dead:
                return warm
            self._forget(warm)
        return self._fresh()

    def _give_back(self, warm: WarmProcess) -> None:
        """Keep it for the next attempt; in place of a dead one another gets warm."""
        if warm.dead:
            self._forget(warm)
            if self._closed:
                return
            warm = self._fresh()
        self._idle.append(warm)

    def _fresh(self) -> WarmProcess:
        warm = WarmProcess(self._launch)
        self._all.add(warm)
        return warm

    def _forget(self, warm: WarmProcess) -> None:
        warm.kill()
        burial = asyncio.ensure_future(self._bury(warm))
        self._burials.add(burial)
        burial.add_done_callback(self._burials.discard)

    async def _bury(self, warm: WarmProcess) -> None:
        await warm.ended()
        self._all.discard(warm)
