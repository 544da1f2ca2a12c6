"""The contract of an Executor (reactors/ports.py), asked of loop, thread and process."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import polars as pl
import pytest

import everfresh as ef
from everfresh.loading import load_app
from reactors.io.executors.by_place import ByPlace
from reactors.io.executors.loops import LoopExecutor
from reactors.io.stores import ParquetStore, read
from reactors.ports import Address, Done, Failed, Task
from streams.events import Pin
from tests.conformance.executor_runs import APP, LONG_MS, Runs, running_in


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EXECUTOR_APP_STORE", str(tmp_path))
    return tmp_path


@pytest.fixture(params=["loop", "thread", "process"])
async def anywhere(request: pytest.FixtureRequest, store: Path) -> AsyncIterator[Runs]:
    async with running_in(request.param) as runs:
        yield runs


async def test_inputs_are_loaded_the_value_is_stored_and_the_cost_told(anywhere: Runs) -> None:
    done = await anywhere.done("total", {"orders": Pin(version="39")}, attempt=2)
    assert done.uri is not None
    assert read(done.uri, done.format) == {"total": 42, "key": "7-a", "attempt": 2}
    assert done.fingerprint
    assert done.version is None
    costs = {item.resource: item for item in done.costs}
    assert costs["snowflake.credits"].amount == 1.5
    assert costs["wall"].unit == "seconds"
    assert costs["written"].quantity == len(read(done.uri, done.format, bytes))


async def test_a_pinned_table_is_loaded_as_the_annotation_asks(anywhere: Runs, store: Path) -> None:
    kept = ParquetStore(str(store)).write(Address("other/table", "", "1"), pl.DataFrame({"n": [1, 2]}))
    done = await anywhere.done("rows", {"table": Pin(version="1", uri=kept.uri, format=kept.format)})
    assert read(done.uri or "", done.format) == [1, 2]


async def test_an_input_tells_what_the_grant_pinned_and_loads_nothing_unasked(anywhere: Runs) -> None:
    pin = Pin(version="5", uri="s3://nowhere/x", cut={"shop/orders": 3}, metadata={"rows": 9})
    done = await anywhere.done("raw", {"table": pin})
    assert (done.version, done.fingerprint, done.uri) == ("of 5", "f", None)
    assert done.metadata == {"uri": "s3://nowhere/x", "cut": {"shop/orders": 3}, "rows": 9}


async def test_attempts_of_one_run_never_share_a_file(anywhere: Runs) -> None:
    uris = {(await anywhere.done("checked", attempt=attempt)).uri for attempt in (1, 2)}
    assert len(uris) == 2


@pytest.mark.parametrize(
    ("name", "pin", "kind", "said"),
    [
        ("raises", None, "raised", "ValueError: no such day"),
        ("exits", None, "raised", "SystemExit: 3"),
        ("unreadable", Pin(version="1"), "raised", "loading '.*/table': input '.*/table' has nothing to load"),
        ("unreadable", Pin(version="1", uri="/no/where.parquet"), "raised", "isn't there"),
        ("nonsense", None, "bad_result", "the value is of type object"),
        ("homeless", None, "bad_result", "returned a value of type list, and no store keeps it"),
        ("forgot_to_return", None, "bad_result", "returned None, and its store waits for a value"),
        ("metadata_nobody_can_write", None, "bad_result|raised", "JSON serializable"),
        ("unwritable", None, "store", "Error: "),
    ],
)
async def test_what_goes_wrong_is_an_outcome_with_a_sentence(
    anywhere: Runs, name: str, pin: Pin | None, kind: str, said: str
) -> None:
    failed = await anywhere.failed(name, {"table": pin} if pin else None)
    assert failed.kind in kind.split("|")
    assert pytest.approx(0, abs=30) == next(item.quantity for item in failed.costs if item.resource == "wall")
    assert re.search(said, failed.error), failed.error
    assert "\n" not in failed.error


async def test_an_error_says_where_it_was_raised(anywhere: Runs) -> None:
    assert "executor_app.py:" in (await anywhere.failed("raises")).error


async def test_after_a_failure_the_next_attempt_works(anywhere: Runs) -> None:
    await anywhere.failed("raises")
    assert (await anywhere.done("checked")).uri


async def test_checks_answer_for_themselves_and_a_failed_one_keeps_the_version(anywhere: Runs) -> None:
    done = await anywhere.done("checked")
    answers = {check.check: check for check in done.checks}
    assert {name: check.outcome for name, check in answers.items()} == {
        "no_negatives": "fail",
        "is_short": "pass",
        "is_named": "pass",
    }
    failed = answers["no_negatives"]
    assert (failed.severity, failed.blocking, failed.observed, failed.expected) == (
        "critical",
        True,
        "-1",
        "at least 0",
    )
    assert done.uri


async def test_a_check_that_raises_or_says_neither_is_errored_not_failed(anywhere: Runs) -> None:
    answers = {check.check: check for check in (await anywhere.done("checked_wrongly")).checks}
    assert {check.outcome for check in answers.values()} == {"error"}
    assert "TypeError" in (answers["raises_itself"].observed or "")
    assert "'perhaps'" in (answers["says_neither"].observed or "")


async def test_a_timeout_ends_it_and_the_next_attempt_works(anywhere: Runs) -> None:
    failed = await anywhere.failed("hangs", timeout_ms=50)
    assert failed.kind == "timeout"
    assert failed.error.startswith("it ran for more than 50ms")
    assert (await anywhere.done("checked")).uri


async def test_to_cancel_the_call_is_to_be_rid_of_it(anywhere: Runs) -> None:
    running = asyncio.create_task(anywhere.failed("hangs"))
    await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await anywhere.done("checked")).uri


# The loop


async def test_with_nothing_to_load_or_store_the_loop_never_turns(store: Path) -> None:
    """So that a worker can report the start and the end of such a run in one append."""
    app = ef.App("quick")

    @app.asset()
    async def quick() -> ef.Output:
        return ef.Output(fingerprint="1")

    task = Task(run="1", asset="quick/quick", attempt=1, code_version="1")
    running = LoopExecutor(app.code()).run(task, LONG_MS)
    with pytest.raises(StopIteration) as ended:
        running.send(None)
    assert ended.value.value.fingerprint == "1"


async def test_a_function_that_awaits_something_cancelled_has_failed_by_itself(store: Path) -> None:
    app = ef.App("quick")

    @app.asset(store=None)
    async def hurt() -> None:
        gone = asyncio.ensure_future(asyncio.sleep(60))
        gone.cancel()
        await gone

    result = await LoopExecutor(app.code()).run(Task(run="1", asset="quick/hurt", attempt=1, code_version="1"), LONG_MS)
    assert isinstance(result, Failed)
    assert result.kind == "raised"


# Which executor


async def test_each_recipe_runs_where_it_says(store: Path) -> None:
    class Named:
        def __init__(self, name: str) -> None:
            self.name, self.log = name, list[str]()

        async def start(self) -> None:
            self.log.append("start")

        async def run(self, task: Task, timeout_ms: int) -> Done:
            return Done(version=self.name)

        async def close(self) -> None:
            self.log.append("close")

    executors = {place: Named(place) for place in ("loop", "thread", "process")}
    for place in executors:
        code = load_app(f"{APP}:{place}").code()
        chosen = ByPlace(code, executors)  # type: ignore[arg-type]
        result = await chosen.run(Task(run="1", asset=f"{place}/raises", attempt=1, code_version="1"), 1)
        assert isinstance(result, Done)
        assert result.version == place
        await chosen.start()
        await chosen.close()
    assert {tuple(one.log) for one in executors.values()} == {("start", "close") * 3}
