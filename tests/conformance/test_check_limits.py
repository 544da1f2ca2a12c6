"""A check's own time limit: no answer in time is an error of the check, and never the attempt's."""

import asyncio
import threading
import time

import pytest

import everfresh as ef
from reactors.compute import CheckOutcome
from reactors.io.executors.limits import in_time, in_time_on_loop
from reactors.io.executors.loops import LoopExecutor
from reactors.io.executors.threads import ThreadExecutor
from reactors.ports import Done, Task
from streams.errors import BadResult


def forever() -> None:
    while True:
        time.sleep(0.01)


def test_what_ends_in_time_is_answered_and_what_it_raises_is_raised() -> None:
    assert in_time(lambda: 42, None) == in_time(lambda: 42, 10_000) == 42
    with pytest.raises(ZeroDivisionError):
        in_time(lambda: 1 // 0, 10_000)


def test_on_the_main_thread_it_is_interrupted_and_the_alarm_is_off_afterwards() -> None:
    with pytest.raises(BadResult, match="it took more than 50ms"):
        in_time(forever, 50)
    time.sleep(0.1)  # a second alarm would end the test


def test_elsewhere_nobody_waits_for_it() -> None:
    told: list[str] = []
    ending = threading.Event()

    def asking() -> None:
        try:
            in_time(ending.wait, 50)
        except BadResult as error:
            told.append(str(error))

    thread = threading.Thread(target=asking)
    thread.start()
    thread.join(10)
    ending.set()
    assert told == ["it took more than 50ms"]


async def test_on_the_loop_it_is_cancelled() -> None:
    ended = asyncio.Event()

    async def never() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(BadResult, match="it took more than 50ms"):
        await in_time_on_loop(never(), 50)
    assert ended.is_set()


async def test_a_time_out_of_its_own_is_the_checks_failure() -> None:
    async def gives_up() -> None:
        raise TimeoutError("the warehouse")

    with pytest.raises(TimeoutError, match="the warehouse"):
        await in_time_on_loop(gives_up(), 10_000)


def shop(on_loop: bool) -> ef.App:
    app = ef.App("shop")

    if on_loop:

        @app.asset()
        async def revenue() -> ef.Output:
            return ef.Output(version="1")

        @app.check("revenue", timeout="100ms", blocking=True, on_error="pass")
        async def never(revenue: ef.Output) -> bool:
            await asyncio.sleep(3_600)
            return bool(revenue)

    else:

        @app.asset(name="revenue", executor="thread")
        def computed() -> ef.Output:
            return ef.Output(version="1")

        @app.check("revenue", timeout="100ms", blocking=True, on_error="pass")
        def slow(revenue: ef.Output) -> bool:
            time.sleep(1)
            return bool(revenue)

    @app.check("revenue")
    def skips(revenue: ef.Output) -> CheckOutcome:
        return CheckOutcome.skip(f"nothing to ask of {revenue.version}")

    return app


@pytest.mark.parametrize("executor", [LoopExecutor, ThreadExecutor])
async def test_an_attempt_outlives_a_check_that_takes_too_long(
    executor: type[LoopExecutor] | type[ThreadExecutor],
) -> None:
    running = executor(shop(on_loop=executor is LoopExecutor).code())
    task = Task(run="r", asset="shop/revenue", attempt=1, code_version="1")
    done = await running.run(task, 30_000)
    await running.close()
    assert isinstance(done, Done), done
    late, skipped = done.checks
    assert (late.outcome, late.observed, late.holds_back) == ("error", "it took more than 100ms", False)
    assert (skipped.outcome, skipped.observed) == ("skip", "nothing to ask of 1")
