"""Sends each attempt where its recipe says."""

from collections.abc import Mapping

from reactors.ports import Done, Executor, Failed, Task
from reactors.recipes import Code, Place


class ByPlace:
    """See Executor; over one executor a place. Only the places that some recipe names have to be there."""

    def __init__(self, code: Code, executors: Mapping[Place, Executor]) -> None:
        self._code = code
        self._executors = executors

    async def start(self) -> None:
        """Start them all."""
        for executor in self._executors.values():
            await executor.start()

    async def run(self, task: Task, timeout_ms: int) -> Done | Failed:
        """See Executor."""
        return await self._executors[self._code.where(task.asset)].run(task, timeout_ms)

    async def close(self) -> None:
        """Close them all."""
        for executor in self._executors.values():
            await executor.close()
