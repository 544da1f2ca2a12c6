"""The world's worker that computes: it runs the app's own functions when an attempt's virtual time is over."""

import asyncio
from typing import Any

from everfresh.simulated import SimulatedWorker, Stage
from reactors.io.executors.attempt import perform
from reactors.io.executors.loops import LoopExecutor
from reactors.io.executors.meter import of_the_clock
from reactors.ports import Done, Failed, Task
from reactors.recipes import Code
from streams.definitions import Manifest
from streams.errors import DefinitionError
from streams.events import CostItem, RunGranted


class ComputingWorker(SimulatedWorker):
    """One worker that loads, computes, checks and stores, on the thread that lets time pass.

    Async functions share an event loop of their own, as they do in a worker. Nothing is killed: an ordinary function
    that never ends holds up its world for good. `close` it.
    """

    def __init__(self, world: Stage) -> None:
        super().__init__(world)
        self._code: Code | None = None
        self._codes: dict[tuple[str, int], Code] = {}  # attempt → the code it was granted for, whatever came since
        self._loop = asyncio.Runner()

    def deploy(self, manifest: Manifest, code: Code | None) -> None:
        """See SimulatedWorker. Raises DefinitionError for a manifest without its functions."""
        if code is None:
            raise DefinitionError(
                f"the manifest of {manifest.domain!r} holds no functions to run; give World the App with compute=True"
            )
        super().deploy(manifest, code)
        self._code = code

    def close(self) -> None:
        """Close the event loop of the async functions; idempotent."""
        self._loop.close()

    def _take(self, grant: RunGranted) -> None:
        if self._code is not None:
            self._codes.setdefault((grant.run, grant.attempt), self._code)
        super()._take(grant)

    def _made(self, grant: RunGranted) -> Done | Failed:
        """See SimulatedWorker. Raises RuntimeError inside a running event loop, which it would hold up."""
        if _on_a_loop():
            raise RuntimeError("a World that computes would hold up the event loop it is in; write an ordinary test")
        code = self._codes.pop((grant.run, grant.attempt))
        task = Task.of(grant, self.world.clock)
        if code.where(grant.asset) == "loop":
            made = self._loop.run(LoopExecutor(code).run(task, grant.timeout_ms))
        else:
            made = perform(code, task, of_the_clock())
        took = self.world.clock - self._started[grant.run, grant.attempt]
        return made.model_copy(update={"costs": tuple(_in_virtual_time(one, took) for one in made.costs)})


def _on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _in_virtual_time(cost: CostItem, took_ms: int) -> CostItem:
    """Wall time is the world's, so that the same test sees the same events."""
    told: dict[str, Any] = {"quantity": took_ms / 1_000} if cost.resource == "wall" else {}
    return cost.model_copy(update=told)
