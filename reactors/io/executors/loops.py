"""Async functions, on the worker's own event loop. A function that blocks there blocks the worker."""

import asyncio

from reactors.io.executors.attempt import Attempt, Trouble
from reactors.io.executors.meter import Meter, of_the_clock
from reactors.ports import Done, Failed, Task
from reactors.recipes import Asks, Code, MadeBy, Program
from streams.units import readable


class LoopExecutor:
    """See Executor. A function with nothing to load and nothing to store runs without a thread or a task of its own."""

    def __init__(self, code: Code) -> None:
        self._code = code

    async def start(self) -> None:
        """Nothing to make ready."""

    async def run(self, task: Task, timeout_ms: int) -> Done | Failed:
        """See Executor; the timeout cancels the function."""
        meter, attempt = of_the_clock(), Attempt(self._code, task)
        try:
            async with asyncio.timeout(timeout_ms / 1_000):
                return await _performed(attempt, meter)
        except TimeoutError:
            error = f"it ran for more than {readable(timeout_ms)} and was cancelled"
            return Failed(kind="timeout", error=error, costs=attempt.costs(meter))
        except Trouble as trouble:
            return Failed(kind=trouble.kind, error=trouble.error, costs=attempt.costs(meter))

    async def close(self) -> None:
        """Nothing to let go: whoever called `run` cancels it."""


async def _performed(attempt: Attempt, meter: Meter) -> Done:
    function = attempt.recipe.made_by
    if isinstance(function, Program | MadeBy | Asks):
        raise Trouble("raised", "a program doesn't run on the event loop")
    arguments = await asyncio.to_thread(attempt.arguments) if attempt.must_load else attempt.arguments()
    with attempt.step("raised"):
        try:
            returned = await function(**arguments)
        except asyncio.CancelledError as error:
            if _is_ours():
                raise
            # It awaited something that was cancelled; that is its own affair, and no reason to end the worker's task.
            raise RuntimeError("it awaited something that was cancelled") from error
    products = attempt.products(returned)
    for one in products:
        await attempt.checked_on_loop(one)
    for one in products:
        if one.output.value is not None:
            await asyncio.to_thread(attempt.store, one)
    return attempt.done(products, meter)


def _is_ours() -> bool:
    """Somebody cancelled this task: the worker, or the timeout."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
