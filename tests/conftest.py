"""What every test may ask for."""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from tools.children import ServerUnavailable
from tools.kafka.broker import Broker
from tools.kafka.jars import BrokerUnavailable
from tools.postgres import Postgres

Server = TypeVar("Server")


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[Broker]:
    """One real broker for the whole session; a test that harms it must start its own."""
    with _running(Broker) as broker:
        yield broker


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One real PostgreSQL for the whole session; a test that stops it starts it again."""
    with _running(Postgres) as server:
        yield server


@contextlib.contextmanager
def _running(server: Callable[[], contextlib.AbstractContextManager[Server]]) -> Iterator[Server]:
    with contextlib.ExitStack() as entered:
        try:
            running = entered.enter_context(server())
        except (BrokerUnavailable, ServerUnavailable) as problem:
            # In CI a skipped test would look like a passed one.
            if os.environ.get("CI"):
                pytest.fail(str(problem), pytrace=False)
            pytest.skip(str(problem))
        yield running
