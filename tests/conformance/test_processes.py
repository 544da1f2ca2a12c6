"""What the process executor adds to the contract: kills that reach everything, honest costs, programs."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from everfresh.child import launch
from everfresh.loading import load_app
from reactors.io.executors.processes import ProcessExecutor
from reactors.io.stores import read
from reactors.ports import Failed
from streams.events import Pin
from tests.conformance.executor_runs import APP, LONG_MS, Runs, alive, gone, parent_of, running_in, written


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EXECUTOR_APP_STORE", str(tmp_path))
    return tmp_path


@pytest.fixture
async def process(store: Path) -> AsyncIterator[Runs]:
    async with running_in("process") as runs:
        yield runs


async def test_a_process_stays_warm_from_one_attempt_to_the_next(process: Runs) -> None:
    first, second = [(await process.done("pid")).version for _ in range(2)]
    assert first == second != str(os.getpid())


@pytest.mark.parametrize(
    ("name", "said"),
    [("kills_itself", "died of SIGKILL"), ("segfaults", "died of SIGSEGV"), ("leaves", "ended with exit code 7")],
)
async def test_a_process_that_dies_is_named_by_its_end_and_replaced(process: Runs, name: str, said: str) -> None:
    before = (await process.done("pid")).version
    failed = await process.failed(name)
    assert failed.kind == "died"
    assert said in failed.error
    assert (await process.done("pid")).version != before


async def test_an_idle_process_that_died_costs_no_attempt(process: Runs) -> None:
    pid = (await process.done("pid")).version
    os.kill(int(pid or 0), signal.SIGKILL)
    await gone(int(pid or 0))
    assert (await process.done("pid")).version != pid


@pytest.mark.parametrize("ending", ["timeout", "cancel"])
async def test_what_a_function_started_is_killed_with_it(process: Runs, store: Path, ending: str) -> None:
    await process.done("pid")  # warm, so that the timeout is the function's
    running = asyncio.create_task(process.failed("leaves_a_child_behind", timeout_ms=2_000))
    grandchild = await written(store / "grandchild")
    assert alive(grandchild)
    if ending == "cancel":
        running.cancel()
    results = await asyncio.gather(running, return_exceptions=True)
    assert ending == "cancel" or results[0].kind == "timeout"  # type: ignore[union-attr]
    await gone(grandchild)


async def test_cpu_counts_children_and_memory_is_the_functions_own_peak(process: Runs) -> None:
    costs = {item.resource: item.quantity for item in (await process.done("burns")).costs}
    assert 0.45 <= costs["cpu"] < 2
    assert 300e6 < costs["memory.peak"] < 700e6
    after = {item.resource: item.quantity for item in (await process.done("pid")).costs}
    assert after["memory.peak"] < 250e6
    assert after["cpu"] < 0.3


async def test_a_killed_attempt_still_tells_what_it_took(process: Runs) -> None:
    await process.done("pid")
    costs = {item.resource: item.quantity for item in (await process.failed("hangs", timeout_ms=100)).costs}
    assert costs["wall"] >= 0.1
    assert costs["memory.peak"] > 0


async def test_prints_go_to_stderr_and_say_whose_they_are(process: Runs, capfd: pytest.CaptureFixture[str]) -> None:
    await process.done("prints")
    out, err = capfd.readouterr()
    assert out == ""
    assert "[process/prints 7-a.1] hello\n[process/prints 7-a.1] and goodbye\n" in err
    assert "from a program" in err


async def test_what_is_printed_is_never_taken_for_a_message(process: Runs) -> None:
    assert (await process.done("prints_a_frame")).version == "1"


async def test_code_that_changed_on_disk_is_refused(process: Runs) -> None:
    result = await process.executor.run(process.task("pid", code_version="2"), LONG_MS)
    assert isinstance(result, Failed)
    assert "changed on disk" in result.error


async def test_an_app_that_breaks_while_it_loads_fails_the_attempt_and_is_tried_again(
    process: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXECUTOR_APP_BREAKS", "1")
    failed = await process.failed("pid")
    assert "the app can't be loaded in its process" in failed.error
    assert "RuntimeError: told to break" in failed.error
    monkeypatch.delenv("EXECUTOR_APP_BREAKS")
    assert (await process.done("pid")).version


async def test_no_more_processes_than_slots(store: Path) -> None:
    code = load_app(f"{APP}:process").code()
    executor = ProcessExecutor(launch(f"{APP}:process"), slots=2)
    runs = Runs("process", code, executor)
    try:
        await executor.start()
        pids = {one.version for one in await asyncio.gather(*(runs.done("pid") for _ in range(6)))}
        assert len(pids) == 2
    finally:
        await executor.close()
    assert not any(alive(int(pid or 0)) for pid in pids)


async def test_processes_that_idle_are_let_go_but_for_the_one_used_last(store: Path) -> None:
    code = load_app(f"{APP}:process").code()
    executor = ProcessExecutor(launch(f"{APP}:process"), slots=3, rest_s=0.5)
    runs = Runs("process", code, executor)
    try:
        await executor.start()
        pids = {(one.version or "") for one in await asyncio.gather(*(runs.done("pid") for _ in range(3)))}
        last = (await runs.done("pid")).version or ""
        for pid in pids - {last}:
            await gone(int(pid))
        assert alive(int(last))
        assert (await runs.done("pid")).version == last
        assert len({one.version for one in await asyncio.gather(*(runs.done("pid") for _ in range(3)))}) == 3
    finally:
        await executor.close()


async def test_no_process_outlives_its_worker(store: Path) -> None:
    """Not even one whose function holds on to the interpreter, nor the program it started."""
    worker = (
        "import asyncio, sys\n"
        "from everfresh.child import launch\n"
        "from reactors.io.executors.processes import ProcessExecutor\n"
        "from reactors.ports import Task\n"
        f"executor = lambda: ProcessExecutor(launch({f'{APP}:process'!r}), slots=1)\n"
        "task = Task(run='1', asset='process/holds_the_interpreter', attempt=1, code_version='1')\n"
        "async def main(): await executor().run(task, 60_000)\n"
        "asyncio.run(main())\n"
    )
    running = subprocess.Popen([sys.executable, "-c", worker], cwd=APP.parents[2])
    grandchild = await written(store / "grandchild")
    child = parent_of(grandchild)
    assert alive(child)
    running.kill()
    running.wait()
    await gone(child)
    await gone(grandchild)


# Programs


async def test_a_program_gets_its_inputs_and_leaves_a_version_and_a_file(process: Runs) -> None:
    done = await process.done("chart", {"orders": Pin(version="39")})
    assert done.version == "7-a!"
    assert done.metadata == {"asset": "process/chart"}
    assert read(done.uri or "", done.format) == b"<svg/>"
    assert (done.uri or "").endswith(".svg")


async def test_a_program_that_says_nothing_is_a_version_of_the_runs_own(process: Runs) -> None:
    done = await process.done("silent")
    assert (done.version, done.fingerprint, done.uri) == (None, None, None)


async def test_arguments_never_meet_a_shell(process: Runs) -> None:
    await process.done("literal")


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("exits_3", "raised", "program 'sh' ended with exit code 3: out of memory"),
        ("is_killed", "raised", "program 'sh' died of SIGKILL"),
        ("nowhere", "raised", "program 'no-such-program' can't be started: No such file"),
        ("babbles", "bad_result", "'versoin': Extra inputs are not permitted"),
    ],
)
async def test_a_program_that_fails_says_how(process: Runs, name: str, kind: str, said: str) -> None:
    failed = await process.failed(name)
    assert failed.kind == kind
    assert said in failed.error


async def test_a_program_is_killed_at_its_timeout(process: Runs) -> None:
    await process.done("pid")
    assert (await process.failed("long", timeout_ms=100)).kind == "timeout"


async def test_a_programs_memory_is_its_own(process: Runs) -> None:
    costs = {item.resource: item.quantity for item in (await process.done("eats")).costs}
    assert 400e6 < costs["memory.peak"] < 600e6
    small = {item.resource: item.quantity for item in (await process.failed("exits_3")).costs}
    assert small.get("memory.peak", 0) < 30e6  # not that of the process which started it
