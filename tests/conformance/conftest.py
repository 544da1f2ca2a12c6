"""The logs' ports, each of the kind that the test asks for with `@everywhere` or `@durable` (logs.py)."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from streams.io.urls import Log
from streams.ports import EventLog, Fencing, Snapshots, TopicAdmin
from streams.topics import Topics
from tests.conformance.logs import Place
from tests.conformance.sinks_stage import Stage
from tests.conformance.webhook_receiver import Receiver, receiving


@pytest.fixture
def url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    if kind == "sqlite":
        return f"sqlite://{tmp_path}/log.db"
    return "memory:" if kind == "memory" else str(request.getfixturevalue("kafka_broker").url)


@pytest.fixture
async def place(kind: str, url: str) -> AsyncIterator[Place]:
    here = Place(kind, url, Topics(prefix=f"t{uuid.uuid4().hex[:8]}."))
    yield here
    for opened in here.opened:
        await opened.close()


@pytest.fixture
async def opened(place: Place) -> Log:
    return await place.open()


@pytest.fixture
def log(opened: Log) -> EventLog:
    return opened.log


@pytest.fixture
def fencing(opened: Log) -> Fencing:
    return opened.fencing


@pytest.fixture
def admin(opened: Log) -> TopicAdmin:
    return opened.admin


@pytest.fixture
async def snapshots(place: Place, opened: Log) -> Snapshots:
    await opened.admin.create([place.topics.snapshots])
    return opened.snapshots


@pytest.fixture
async def stage(place: Place, opened: Log) -> Stage:
    """What deliveries are tried on."""
    await opened.admin.create(place.topics.of("shop"))
    return Stage(opened, place.topics)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Who is called by HTTP."""
    async with receiving() as made:
        yield made
