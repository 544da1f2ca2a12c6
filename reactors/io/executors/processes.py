"""Ordinary functions and programs, each attempt in a warm process: a timeout can kill it, and its cost is its own."""

import asyncio

from reactors.io.executors.warm import Launch, WarmProcess
from reactors.ports import Done, Failed, Task

DEAD_AT_ONCE_MAX = 5
"""how many processes that died while they were idle an attempt passes over"""

REST_S = 60.0
"""how long a process may idle beside another one before it is let go: each holds tens of MiB for nothing"""


class ProcessExecutor:
    """See Executor; over `slots` warm processes, started ahead by `start` or else when they are first needed.

    What idles for `rest_s` seconds is let go, but for one, so that a quiet worker costs little and the next attempt
    still finds a warm process.
    """

    def __init__(self, launch: Launch, slots: int, rest_s: float = REST_S) -> None:
        self._launch = launch
        self._slots = asyncio.Semaphore(slots)
        self._count = slots
        self._idle: list[WarmProcess] = []
        self._all: set[WarmProcess] = set()  # all that aren't known to be gone
        self._burials: set[asyncio.Future[None]] = set()
        self._closed = False
        self._rest_s = rest_s
        self._idle_since: dict[WarmProcess, float] = {}
        self._look: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Start a process for every slot, without waiting for the app to load there."""
        while len(self._idle) < self._count:
            self._lay_by(self._fresh())

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
        if self._look is not None:
            self._look.cancel()
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
        self._lay_by(warm)

    def _lay_by(self, warm: WarmProcess) -> None:
        self._idle.append(warm)
        self._idle_since[warm] = asyncio.get_running_loop().time()
        self._look_later()

    def _look_later(self) -> None:
        """Look again when the one that idles longest may be let go; the one used last stays."""
        if self._look is None and len(self._idle) > 1 and not self._closed:
            oldest = self._idle_since[self._idle[0]]
            self._look = asyncio.get_running_loop().call_at(oldest + self._rest_s, self._let_go)

    def _let_go(self) -> None:
        self._look = None
        now = asyncio.get_running_loop().time()
        while len(self._idle) > 1 and self._idle_since[self._idle[0]] + self._rest_s <= now:
            self._forget(self._idle.pop(0))
        self._look_later()

    def _fresh(self) -> WarmProcess:
        warm = WarmProcess(self._launch)
        self._all.add(warm)
        return warm

    def _forget(self, warm: WarmProcess) -> None:
        self._idle_since.pop(warm, None)
        warm.kill()
        burial = asyncio.ensure_future(self._bury(warm))
        self._burials.add(burial)
        burial.add_done_callback(self._burials.discard)

    async def _bury(self, warm: WarmProcess) -> None:
        await warm.ended()
        self._all.discard(warm)
