"""What every test may ask for."""

import contextlib
import os
from collections.abc import Iterator

import pytest

from tools.children import ServerUnavailable
from tools.kafka.broker import Broker
from tools.kafka.jars import BrokerUnavailable
from tools.postgres import Postgres


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[Broker]:
    """One real broker for the whole session; a test that harms it must start its own."""
    with contextlib.ExitStack() as running:
        try:
            broker = running.enter_context(Broker())
        except BrokerUnavailable as problem:
            # In CI a skipped test would look like a passed one.
            if os.environ.get("CI"):
                pytest.fail(str(problem), pytrace=False)
            pytest.skip(str(problem))
        yield broker


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One real PostgreSQL for the whole session; a test that stops it starts it again."""
    with contextlib.ExitStack() as running:
        try:
            server = running.enter_context(Postgres())
        except ServerUnavailable as problem:
            if os.environ.get("CI"):
                pytest.fail(str(problem), pytrace=False)
            pytest.skip(str(problem))
        yield server
