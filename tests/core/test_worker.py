"""What a worker promises the reactor."""

import asyncio
import logging
from typing import Any

import pytest

from reactors.io.fitting import METADATA_BYTES, cut_metadata
from reactors.io.outbox import BATCH
from reactors.io.worker import Terms
from reactors.ports import Done, Failed
from streams.cloudevents import SIZE_MAX
from streams.errors import LogUnavailable, TopicMismatch
from streams.events import (
    CheckResult,
    CostItem,
    Held,
    RunFailed,
    RunRejected,
    RunStarted,
    RunSucceeded,
    WorkerHeartbeat,
)
from tests.core.worker_bench import LEASE_MS, Bench, settled


async def test_a_run_that_ends_at_once_costs_one_append() -> None:
    async with Bench(Done(fingerprint="f")) as bench:
        bench.take()
        await bench.outbox.emptied()
        assert [[type(event) for event in batch] for batch in bench.journal.batches] == [[RunStarted, RunSucceeded]]


async def test_a_long_run_is_reported_when_it_starts_and_when_it_ends() -> None:
    async with Bench() as bench:
        bench.take()
        await settled()
        assert [type(event) for event in bench.journal.events] == [RunStarted]
        bench.clock.at += 1_234
        costs = (CostItem(resource="wall", quantity=1, unit="seconds"),)
        checks = (CheckResult(check="c", outcome="fail", blocking=True),)
        await bench.end(
            Done(version="9", fingerprint="f", uri="u", format="json", metadata={"n": 1}, checks=checks, costs=costs)
        )
        [report] = bench.journal.of(RunSucceeded)
        assert (report.run, report.attempt, report.worker, report.asset) == ("7-a", 1, "w1", "shop/revenue")
        assert (report.version, report.fingerprint, report.uri, report.format) == ("9", "f", "u", "json")
        assert (report.metadata, report.checks, report.costs) == ({"n": 1}, checks, costs)
        assert (report.started_at, report.finished_at, report.duration_ms) == (1_000_000, 1_001_234, 1_234)
        assert bench.executor.log == ["run 7-a.1 5000"]


async def test_a_failure_is_reported_with_its_kind() -> None:
    async with Bench(Failed(kind="timeout", error="too long")) as bench:
        bench.take()
        await settled()
        [report] = bench.journal.of(RunFailed)
        assert (report.kind, report.error) == ("timeout", "too long")


async def test_an_executor_that_breaks_is_a_failed_attempt_not_a_dead_worker() -> None:
    async with Bench(RuntimeError("no more processes")) as bench:
        bench.take()
        await settled()
        [report] = bench.journal.of(RunFailed)
        assert report.kind == "died"
        assert "RuntimeError: no more processes" in report.error
        assert bench.worker.heartbeat().holds == ()


async def test_a_grant_for_another_worker_or_taken_before_is_nothing() -> None:
    async with Bench(Done(version="1")) as bench:
        bench.take(worker="w2")
        bench.take()
        bench.take()
        await settled()
        bench.take()
        await settled()
        assert [type(event) for event in bench.journal.events] == [RunStarted, RunSucceeded]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"now_ms": 1_015_001}, "1 ms past its claim_by"),
        ({"code_version": "1"}, "code version '1'; this worker has code version '2'"),
        ({"asset": "shop/gone"}, "doesn't know the asset"),
    ],
)
async def test_what_it_cannot_begin_is_refused_aloud(fields: dict[str, Any], reason: str) -> None:
    async with Bench() as bench:
        bench.take(**fields)
        await settled()
        [report] = bench.journal.events
        assert isinstance(report, RunRejected)
        assert reason in report.reason
        assert bench.executor.log == []


async def test_a_grant_is_still_good_at_its_claim_by() -> None:
    async with Bench() as bench:
        bench.take(now_ms=1_015_000)
        await settled()
        assert bench.journal.of(RunStarted)


async def test_claims_are_judged_by_the_journals_time_not_by_this_machines() -> None:
    async with Bench() as bench:
        bench.journal.skew_ms = 600_000  # this machine is ten minutes slow
        bench.worker.beat()
        await settled()
        bench.worker.take(bench.grant(claim_by=bench.clock.at + 599_999))
        bench.worker.take(bench.grant("8-a", claim_by=bench.clock.at + 600_000))
        await settled()
        assert [event.run for event in bench.journal.of(RunRejected)] == ["7-a"]
        assert [event.run for event in bench.journal.of(RunStarted)] == ["8-a"]


async def test_it_never_queues_beyond_its_slots() -> None:
    async with Bench(slots=1) as bench:
        bench.take()
        bench.take("8-a")
        await settled()
        [report] = bench.journal.of(RunRejected)
        assert (report.run, report.reason) == ("8-a", "all 1 slots are taken")
        await bench.end(Done(version="1"))
        bench.take("9-a")
        await settled()
        assert [event.run for event in bench.journal.of(RunStarted)] == ["7-a", "9-a"]


async def test_a_newer_attempt_of_a_run_stops_the_older_one_here() -> None:
    async with Bench(slots=1) as bench:
        bench.take()
        await settled()
        bench.take(attempt=2)
        await settled()
        assert bench.executor.log == ["run 7-a.1 5000", "stopped 7-a.1", "run 7-a.2 5000"]
        await bench.end(Done(version="1"), attempt=2)
        assert [(event.attempt, type(event)) for event in bench.journal.events] == [
            (1, RunStarted),
            (2, RunStarted),
            (2, RunSucceeded),
        ]


async def test_a_cancelled_run_stops_without_a_report_and_frees_its_slot() -> None:
    async with Bench(slots=1) as bench:
        bench.take()
        await settled()
        bench.worker.cancel("7-a", attempt=2)
        assert bench.worker.heartbeat().holds == (Held(run="7-a", attempt=1),)
        bench.worker.cancel("7-a")
        bench.take("8-a")  # on the heels of the cancel
        await settled()
        assert "stopped 7-a.1" in bench.executor.log
        assert [type(event) for event in bench.journal.events] == [RunStarted, RunStarted]


@pytest.mark.parametrize("stubborn", [False, True])
async def test_a_cancel_that_meets_the_end_leaves_no_report(stubborn: bool) -> None:
    async with Bench() as bench:
        bench.executor.stubborn = stubborn
        bench.take()
        await settled()
        bench.executor.running["7-a", 1].set_result(Done(version="1"))
        bench.worker.cancel("7-a")
        await settled()
        assert "stopped 7-a.1" in bench.executor.log
        assert bench.journal.of(RunSucceeded) == []


async def test_reports_wait_for_a_log_that_is_away_and_keep_their_order_and_names() -> None:
    async with Bench(Done(version="1")) as bench:
        bench.journal.error = LogUnavailable("the broker is away")
        for number in range(3):
            bench.take(f"{number}-a")
            await settled()
        await bench.clock.advance(600_000)
        assert bench.journal.tries > 60  # not more than seconds apart, after all that time
        assert bench.outbox.waiting == 6
        bench.journal.error = None
        await bench.clock.advance(5_000)
        assert [event.run for event in bench.journal.events] == ["0-a", "0-a", "1-a", "1-a", "2-a", "2-a"]
        assert [type(event) for event in bench.journal.events] == [RunStarted, RunSucceeded] * 3
        assert len(set(bench.journal.ids)) == 6


async def test_a_report_sent_twice_has_one_name() -> None:
    names = []
    for _ in range(2):
        async with Bench(Done(version="1")) as bench:
            bench.take()
            await settled()
            names.append(bench.journal.ids)
    assert names[0] == names[1]
    assert len(set(names[0])) == 2


async def test_a_backlog_goes_out_in_bounded_batches() -> None:
    async with Bench() as bench:
        bench.journal.error = LogUnavailable("away")
        for number in range(BATCH + 1):
            bench.take(f"{number}-a", code_version="old")
        bench.journal.error = None
        await bench.clock.advance(10_000)
        assert [len(batch) for batch in bench.journal.batches] == [BATCH, 1]


async def test_a_log_that_refuses_for_good_ends_the_worker() -> None:
    bench = Bench()
    bench.journal.error = TopicMismatch("the journal has 4 partitions")
    with pytest.raises(ExceptionGroup, match="unhandled"):
        await bench.worker.run(asyncio.Event(), grace_ms=0)
    assert bench.executor.log[-1] == "close"


async def test_long_metadata_is_cut_and_marked() -> None:
    metadata = {"plan": "x" * 300_000, "rows": 3, "b": "y" * 1_000}
    async with Bench(Done(version="1", metadata=metadata)) as bench:
        bench.take()
        await settled()
        [report] = bench.journal.of(RunSucceeded)
        assert report.metadata == {"rows": 3, "b": "y" * 1_000, "truncated": True}


def test_metadata_that_fits_is_left_alone() -> None:
    metadata = {"a": "x" * (METADATA_BYTES - 100)}
    assert cut_metadata(metadata) == metadata


async def test_no_report_is_too_large_for_the_journal() -> None:
    checks = tuple(
        CheckResult(check=f"c{n}", outcome="fail", observed="ü" * 4_000, expected="x" * 4_000) for n in range(100)
    )
    costs = tuple(CostItem(resource=f"r{n}", quantity=n, unit="credits") for n in range(10_000))
    async with Bench(Done(version="1", metadata={"a": "x" * SIZE_MAX}, checks=checks, costs=costs)) as bench:
        bench.take()
        await settled()
        [report] = bench.journal.of(RunSucceeded)
        assert [check.outcome for check in report.checks] == ["fail"] * 100
        assert report.checks[0].observed.endswith("…")


async def test_a_report_nobody_can_write_is_a_failed_attempt() -> None:
    async with Bench(Done(version="1", metadata={"a": object()})) as bench:
        bench.take()
        await settled()
        [report] = bench.journal.of(RunFailed)
        assert report.kind == "bad_result"
        assert "can't be written" in report.error


# Heartbeats


async def test_it_says_at_once_that_it_lives_and_then_each_third_of_a_lease() -> None:
    async with Bench(lives=True) as bench:
        [first] = bench.journal.events
        assert first == WorkerHeartbeat(
            worker="w1", slots=2, code_versions={"shop/revenue": "2", "shop/report": "1"}, holds=(), leaving=False
        )
        bench.take()
        await bench.clock.advance(LEASE_MS)
        beats = bench.journal.of(WorkerHeartbeat)
        assert [beat.holds for beat in beats] == [(), *[(Held(run="7-a", attempt=1),)] * 3]


async def test_heartbeats_do_not_pile_up_while_the_log_is_away() -> None:
    async with Bench(lives=True) as bench:
        bench.journal.error = LogUnavailable("away")
        await bench.clock.advance(10 * LEASE_MS)
        bench.journal.error = None
        await bench.clock.advance(5_000)
        assert len(bench.journal.of(WorkerHeartbeat)) == 2  # the one before, and one that waited


async def test_a_steady_stream_of_reports_starves_no_heartbeat() -> None:
    async with Bench(Done(version="1"), lives=True) as bench:
        runs = iter(range(100))
        bench.clock.before_waking = lambda: bench.take(f"{next(runs)}-a")  # its reports wait when the beat is due
        await bench.clock.advance(4 * LEASE_MS // 3)
        assert len(bench.journal.of(RunSucceeded)) == 4
        assert len(bench.journal.of(WorkerHeartbeat)) == 5


# Leaving


async def test_draining_lets_runs_end_and_says_so_first_and_last() -> None:
    async with Bench() as bench:
        bench.take()
        await settled()
        draining = bench.begin(bench.worker.drain(60_000))
        await settled()
        bench.take("8-a")
        await settled()
        assert bench.journal.of(WorkerHeartbeat)[0].leaving
        assert [(event.run, event.reason) for event in bench.journal.of(RunRejected)] == [
            ("8-a", "the worker is leaving")
        ]
        assert not draining.done()
        await bench.end(Done(version="1"))
        await draining
        assert bench.journal.of(RunSucceeded)
        last = bench.journal.events[-1]
        assert (type(last), last.leaving, last.holds) == (WorkerHeartbeat, True, ())
        assert bench.executor.log[-1] == "close"


async def test_what_outlives_the_grace_is_handed_back_not_failed() -> None:
    async with Bench() as bench:
        bench.take()
        await settled()
        await bench.worker.drain(0)
        assert "stopped 7-a.1" in bench.executor.log
        [report] = bench.journal.of(RunRejected)
        assert report.run == "7-a"
        assert bench.journal.of(RunFailed, RunSucceeded) == []
        assert bench.journal.events.index(report) < len(bench.journal.events) - 1  # before the last heartbeat


async def test_a_report_that_never_found_the_log_is_named_in_the_end(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(Done(version="1"))
    bench.worker.terms = Terms("w1", 2, lease_ms=1)
    bench.journal.error = LogUnavailable("away")
    with caplog.at_level(logging.ERROR):
        async with bench:
            bench.take()
            await bench.worker.drain(0)
    assert "everfresh.run.succeeded.v1 of 7-a 1" in caplog.text


async def test_run_lives_until_it_is_stopped_and_then_drains() -> None:
    bench, stop = Bench(Done(version="1")), asyncio.Event()
    living = asyncio.create_task(bench.worker.run(stop, grace_ms=1_000))
    await settled()
    bench.take()
    await settled()
    stop.set()
    await living
    assert [type(event) for event in bench.journal.events] == [
        WorkerHeartbeat,
        RunStarted,
        RunSucceeded,
        WorkerHeartbeat,
        WorkerHeartbeat,
    ]
    assert bench.executor.log[0] == "start"
