"""The worker's end of one warm process: started ahead, app loaded once, one attempt at a time."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from reactors.io.executors.frames import framed, receive
from reactors.io.executors.meter import Meter, cpu_seconds_of, peak_bytes_of
from reactors.ports import Done, Failed, Task
from streams.units import readable

Launch = Callable[[int, int], Sequence[str]]
"""(descriptor of the channel, descriptor of the deadman's pipe) → the process's command line"""

START_MS = 120_000
"""how long an app may take to load"""


@dataclass(frozen=True, slots=True)
class Live:
    """A process that has the app loaded, and the channel to it."""

    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class WarmProcess:
    """A process in a session of its own, so that killing it kills all that its function started."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._lifeline: int | None = None  # while this is open, the process may live
        self._killed = False
        self._starting = asyncio.ensure_future(self._start())

    @property
    def dead(self) -> bool:
        """It is over: killed, or ended by itself."""
        # Its end of the channel says so before whoever waits for processes hears of it.
        return self._killed or (self._reader is not None and self._reader.at_eof())

    async def run(self, task: Task, timeout_ms: int) -> Done | Failed | None:
        """See Executor. After anything but an answer the process is dead and has to be replaced.

        None if it had died before it took the task: nothing of the attempt was done, so another process can do it.
        """
        try:
            live = await asyncio.shield(self._starting)
            if isinstance(live, Failed):
                self.kill()
                return live
            return await self._ask(live, task, timeout_ms)
        except asyncio.CancelledError:
            self.kill()
            raise

    def kill(self) -> None:
        """Kill the process and its whole group, now; idempotent."""
        self._killed = True
        lifeline, self._lifeline = self._lifeline, None
        if lifeline is not None:
            os.close(lifeline)  # the kernel kills the group for it, even one that is only about to be
        if self._process is not None:
            with suppress(ProcessLookupError):  # all of it is gone already
                os.killpg(self._process.pid, signal.SIGKILL)
        if self._writer is not None:
            self._writer.close()

    async def ended(self) -> None:
        """Return once a killed process is gone; one that was just being started is started, killed and gone."""
        await self._starting
        if self._process is not None:
            await self._process.wait()

    async def _start(self) -> Live | Failed:
        """Start it and wait until the app is loaded."""
        ours, theirs = socket.socketpair()
        watched, self._lifeline = os.pipe()
        with theirs:
            try:
                ours.setblocking(False)
                self._reader, self._writer = await asyncio.open_connection(sock=ours)
                self._process = await asyncio.create_subprocess_exec(
                    *self._launch(theirs.fileno(), watched),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=2,  # what a function prints is for people, beside the log
                    pass_fds=(theirs.fileno(), watched),
                    start_new_session=True,
                )
            except OSError as error:
                return Failed(kind="died", error=f"no process could be started: {error}")
            finally:
                os.close(watched)
        if self._killed:
            self.kill()
        live = Live(self._process, self._reader, self._writer)
        try:
            async with asyncio.timeout(START_MS / 1_000):
                hello = await receive(live.reader)
        except TimeoutError:
            return Failed(kind="timeout", error=f"the app took more than {readable(START_MS)} to load in its process")
        if hello is None:
            return Failed(kind="died", error=f"{await _ending(live.process)} while it loaded the app")
        return live if "ready" in hello else Failed(kind="raised", error=hello["broken"])

    async def _ask(self, live: Live, task: Task, timeout_ms: int) -> Done | Failed | None:
        pid = live.process.pid
        begun = cpu_seconds_of(pid) or 0.0
        meter = Meter(lambda: cpu_seconds_of(pid) or begun, lambda: peak_bytes_of(pid))
        live.writer.write(framed({"task": task.model_dump(mode="json")}))
        try:
            async with asyncio.timeout(timeout_ms / 1_000):
                if await receive(live.reader) is None:
                    self.kill()
                    return None
                answer = await receive(live.reader)
        except TimeoutError:
            costs = meter.costs()
            self.kill()
            error = f"it ran for more than {readable(timeout_ms)} and was killed"
            return Failed(kind="timeout", error=error, costs=costs)
        if answer is None:
            error = f"{await _ending(live.process)} in the middle of it"
            self.kill()  # what its function started may be alive
            return Failed(kind="died", error=error, costs=meter.costs()[:1])
        return Done.model_validate(answer["done"]) if "done" in answer else Failed.model_validate(answer["failed"])


async def _ending(process: asyncio.subprocess.Process) -> str:
    """How a process ended, as the beginning of a sentence."""
    code = await process.wait()
    if code >= 0:
        return f"its process ended with exit code {code}"
    name = signal.Signals(-code).name
    why = " (killed by somebody, or for want of memory)" if name == "SIGKILL" else ""
    return f"its process died of {name}{why}"
