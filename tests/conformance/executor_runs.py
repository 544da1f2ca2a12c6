"""Executors of the three places over executor_app.py, and what tests ask of processes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from everfresh.child import launch
from everfresh.loading import load_app
from reactors.io.executors.loops import LoopExecutor
from reactors.io.executors.processes import ProcessExecutor
from reactors.io.executors.threads import ThreadExecutor
from reactors.ports import Done, Executor, Failed, Task
from reactors.recipes import Code
from streams.events import Pin
from tests.patience import PATIENCE_SECONDS

APP = Path(__file__).with_name("executor_app.py")
LONG_MS = 60_000


class Runs:
    """Runs assets of the app of one place."""

    def __init__(self, place: str, code: Code, executor: Executor) -> None:
        self.place, self.code, self.executor = place, code, executor

    def task(self, name: str, inputs: dict[str, Pin] | None = None, **fields: Any) -> Task:
        asset = f"{self.place}/{name}"
        pins = {f"{self.place}/{key}": pin for key, pin in (inputs or {}).items()}
        return Task(**{"run": "7-a", "asset": asset, "attempt": 1, "code_version": "1", "inputs": pins, **fields})

    async def done(self, name: str, inputs: dict[str, Pin] | None = None, **fields: Any) -> Done:
        result = await self.executor.run(self.task(name, inputs, **fields), LONG_MS)
        assert isinstance(result, Done), result
        return result

    async def failed(self, name: str, inputs: dict[str, Pin] | None = None, timeout_ms: int = LONG_MS) -> Failed:
        result = await self.executor.run(self.task(name, inputs), timeout_ms)
        assert isinstance(result, Failed), result
        return result


def made(place: str, code: Code) -> Executor:
    if place == "process":
        return ProcessExecutor(launch(f"{APP}:process"), slots=1)
    return LoopExecutor(code) if place == "loop" else ThreadExecutor(code)


@asynccontextmanager
async def running_in(place: str) -> AsyncIterator[Runs]:
    """An executor of this place, closed in the end."""
    code = load_app(f"{APP}:{place}").code()
    executor = made(place, code)
    try:
        yield Runs(place, code, executor)
    finally:
        await executor.close()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def gone(pid: int) -> None:
    await until(lambda: not alive(pid))


async def written(path: Path) -> int:
    await until(lambda: path.exists() and path.read_text() != "")
    return int(path.read_text())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)
