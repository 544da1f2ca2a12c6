"""A role that is told to stop before it was ready ends all the same."""

import asyncio
from typing import Any

import pytest

import everfresh as ef
from everfresh import listeners, workers
from everfresh.config import Settings
from everfresh.site import opened
from streams.io.memory import MemoryLog
from tests.patience import PATIENCE_SECONDS

SETTINGS = Settings(log="memory:", metrics_port=0)


async def test_sinks_that_are_stopped_before_they_joined_their_groups_end() -> None:
    async with opened(SETTINGS) as site, asyncio.timeout(PATIENCE_SECONDS):
        await site.prepare([])
        stop = asyncio.Event()
        stop.set()
        await listeners.serve(site, stop)


async def test_a_worker_that_is_stopped_while_it_waits_to_hear_of_grants_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, stop = asyncio.Event(), asyncio.Event()

    async def joins_never(*_said: Any) -> None:
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(MemoryLog, "subscribe", joins_never)
    app = ef.App("shop")
    app.source("orders")
    async with opened(SETTINGS) as site, asyncio.timeout(PATIENCE_SECONDS):
        serving = asyncio.create_task(workers.serve(site, app, stop))
        await asked.wait()
        stop.set()
        await serving
