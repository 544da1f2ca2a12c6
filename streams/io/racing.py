"""Waiting for whichever of several things comes first."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger("everfresh")


async def first_of(*waits: Coroutine[Any, Any, Any]) -> None:
    """Wait for the first to end, and raise what it raised; the others are cancelled, and awaited."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            if task in done:
                raise error
            logger.warning("%s while it was stopped: %r", task.get_coro(), error)


async def unless_stopped(wait: Coroutine[Any, Any, Any], stop: asyncio.Event) -> bool:
    """Wait for something to be ready, which it never is once `stop` came first; whether that didn't come."""
    await first_of(wait, stop.wait())
    return not stop.is_set()
