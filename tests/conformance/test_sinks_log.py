"""The log as a destination."""

import asyncio
import io
import os
from pathlib import Path

import orjson
import pytest

from sinks.io.log import LogDestination, log_route
from streams.io.urls import Log
from streams.topics import Topics
from tests.conformance.logs import Place, everywhere
from tests.conformance.sinks_stage import QUICK, Stage, running, until
from tests.core.sinks_samples import TYPES, event


async def test_lines_go_to_the_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    destination = LogDestination.to(None)
    await destination.deliver(event("run.ended"))
    await destination.close()
    out = capsys.readouterr().out
    assert out.endswith("shop/revenue failed run 8-shop/revenue attempt 2 on w1: raised: no such table\n")
    assert out.count("\n") == 1


async def test_a_file_is_appended_to_and_its_folder_made(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "everfresh.jsonl"
    for offset in range(2):
        destination = LogDestination.to(path, "json")
        await destination.deliver(event("check.evaluated", offset))
        await destination.close()
        await destination.close()
    assert [orjson.loads(one)["id"][-1] for one in path.read_text().splitlines()] == ["0", "1"]


async def test_what_is_below_the_level_is_left_out() -> None:
    out = io.StringIO()
    destination = LogDestination(out, least="warning")
    for kind in ("asset.materialized", "asset.quarantined", "run.ended"):
        await destination.deliver(event(kind))
    assert [one.split()[1] for one in out.getvalue().splitlines()] == ["WARNING", "ERROR"]
    await destination.close()


async def test_a_pipe_that_nobody_empties_stops_nobody_else() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as other_end, os.fdopen(writing, "w") as out:
        destination = LogDestination(out)
        full = asyncio.create_task(fill(destination))
        ticks = 0
        while ticks < 50:
            await asyncio.sleep(0.01)
            ticks += 1
        assert not full.done()
        lines = await asyncio.to_thread(lambda: [other_end.readline() for _ in range(2_000)])
        await full
        assert all(one.endswith("\n") for one in lines)
        await destination.close()


async def fill(destination: LogDestination) -> None:
    for offset in range(2_000):
        await destination.deliver(event("asset.materialized", offset))


@everywhere
async def test_every_output_topic_reaches_the_log(place: Place, opened: Log, tmp_path: Path) -> None:
    await opened.admin.create(place.topics.of("shop"))
    stage, path = Stage(opened, place.topics), tmp_path / "log"
    for at, name in enumerate(TYPES):
        await stage.send(event(name.removeprefix("everfresh.").removesuffix(".v1"), at))
    async with running(stage.delivery(LogDestination.to(path), route=log_route(place.topics))):
        await until(lambda: path.exists() and len(path.read_text().splitlines()) == len(TYPES))
    assert sorted(one.split()[0] for one in path.read_text().splitlines()) == [
        f"2026-01-01T08:00:00.{at:03d}Z" for at in range(len(TYPES))
    ]


def test_the_log_is_called_once_at_a_time() -> None:
    route = log_route(Topics())
    assert route.manner.at_once == 1
    assert QUICK.attempts < route.manner.retries.attempts
