"""Functions that asked for it, each attempt in a thread of its own. Python can't stop a thread: a timeout gives up."""

import asyncio
import threading

from reactors.io.executors.attempt import perform
from reactors.io.executors.meter import of_the_clock, of_the_thread
from reactors.io.executors.telling import name_of
from reactors.ports import Done, Failed, Task
from reactors.recipes import Code, Program
from streams.units import readable


class ThreadExecutor:
    """See Executor; except that after a timeout or a cancel the function runs on, and what it does is dropped."""

    def __init__(self, code: Code) -> None:
        self._code = code

    async def start(self) -> None:
        """Nothing to make ready."""

    async def run(self, task: Task, timeout_ms: int) -> Done | Failed:
        """See Executor."""
        if isinstance(self._code.recipes[task.asset].made_by, Program):
            # It couldn't be killed from here; and with no app to load, no process of ours can run it.
            error = "a program runs only for an app that is loaded from `file.py` or `package.module`"
            return Failed(kind="raised", error=error)
        meter, loop = of_the_clock(), asyncio.get_running_loop()
        ended: asyncio.Future[Done | Failed] = loop.create_future()
        # Not asyncio.to_thread: a function that never ends would keep one of its few threads, and the process alive.
        threading.Thread(target=self._work, args=(task, loop, ended), name=name_of(task), daemon=True).start()
        try:
            return await asyncio.wait_for(ended, timeout_ms / 1_000)
        except TimeoutError:
            error = f"it ran for more than {readable(timeout_ms)}; a thread can't be stopped, so it may still run"
            return Failed(kind="timeout", error=error, costs=meter.costs())

    async def close(self) -> None:
        """Nothing to let go: the threads end with the process."""

    def _work(self, task: Task, loop: asyncio.AbstractEventLoop, ended: "asyncio.Future[Done | Failed]") -> None:
        result = perform(self._code, task, of_the_thread())
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, ended, result)


def _settle(ended: "asyncio.Future[Done | Failed]", result: Done | Failed) -> None:
    if not ended.done():
        ended.set_result(result)
