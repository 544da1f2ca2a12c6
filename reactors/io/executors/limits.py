"""A check's own time limit: what takes longer is given up, and the attempt goes on without its answer."""

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from streams.errors import BadResult
from streams.units import readable


def in_time(call: Callable[[], Any], limit_ms: int | None) -> Any:
    """Call it. Raises BadResult where that takes longer than `limit_ms`.

    In a process's main thread it is interrupted, by a signal; elsewhere nothing can stop it, and nobody waits for it.
    """
    if limit_ms is None:
        return call()
    on_main = threading.current_thread() is threading.main_thread()
    return (_interrupted if on_main else _left_alone)(call, limit_ms)


async def in_time_on_loop(call: Awaitable[Any], limit_ms: int | None) -> Any:
    """The same of something that is awaited: it is cancelled."""
    limit = asyncio.timeout(None if limit_ms is None else limit_ms / 1_000)
    try:
        async with limit:
            return await call
    except TimeoutError:
        if limit.expired():
            raise _too_long(limit_ms or 0) from None
        raise


def _too_long(limit_ms: int) -> BadResult:
    return BadResult(f"it took more than {readable(limit_ms)}")


def _interrupted(call: Callable[[], Any], limit_ms: int) -> Any:
    def ring(_number: int, _frame: object) -> NoReturn:
        raise _too_long(limit_ms)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit_ms / 1_000)
    try:
        return call()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _left_alone(call: Callable[[], Any], limit_ms: int) -> Any:
    answers: list[Any] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(call())
        except (Exception, SystemExit) as error:  # noqa: BLE001,RUF100  raised again by whoever waits
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True, name="everfresh-check")
    thread.start()
    thread.join(limit_ms / 1_000)
    if errors:
        raise errors[0]
    if not answers:
        raise _too_long(limit_ms)
    return answers[0]
