"""What `dev` and `start` share: a loop, signals that drain, a log of what goes on."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from streams.errors import LogUnavailable
from streams.io.seldom import Seldom

Result = TypeVar("Result")

logger = logging.getLogger("everfresh")

_PAUSE_SECONDS = 0.5
"""before a log that was away is asked again"""


def on_a_loop(work: Coroutine[Any, Any, Result], level: int) -> Result:
    """Run it to its end on the fastest loop there is; what it logs from `level` on goes to stderr."""
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(Seldom(whole=True))
    logging.getLogger("everfresh").setLevel(level)  # what we build on speaks up only when something is wrong
    calm_collector()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(work)


def calm_collector() -> None:
    """Let Python look for cyclic garbage less often: a domain's state is large, lives long and has no cycles.

    By default it looks after each 700 new objects, which took a third of the reactor's time over 10,000 assets.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        from uvloop import new_event_loop
    except ImportError:  # there is none for this machine
        return asyncio.new_event_loop
    return new_event_loop


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set; the second one ends the process at once."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def drain(number: signal.Signals) -> None:
        stop.set()
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, drain, number)
    return stop


async def waited(stop: asyncio.Event, seconds: float) -> bool:
    """Wait so long, or until it is time to stop; whether it is."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True


async def unless_away(asked: Coroutine[Any, Any, Result], meanwhile: Result) -> Result:
    """What was asked of the log; while that is away, `meanwhile`, after a pause: who asks on and on hears it later."""
    try:
        return await asked
    except LogUnavailable as error:
        logger.warning("%s; trying again", error)
        await asyncio.sleep(_PAUSE_SECONDS)
        return meanwhile
