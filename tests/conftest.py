"""What every test may ask for."""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tools.children import ServerUnavailable
from tools.kafka.broker import Broker
from tools.kafka.jars import BrokerUnavailable
from tools.postgres import Postgres

Server = TypeVar("Server")

PURE = ("tests/core/", "tests/checker/")
"""where nothing but computing is tested"""

SERVED = ("tests/conformance/", "tests/faults/", "tests/kafka/", "tests/monitoring/")
"""where brokers and other services are started, ended and waited for"""


class Lanes(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Who runs which test: what touches the world in two processes, each in order and with a broker of its own.

    They mostly wait; what only computes goes to whoever has time, a third one at first.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(PURE):
            return nodeid
        return "services" if nodeid.startswith(SERVED) else "programs"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    """Asked where there are several processes, as in `make test`."""
    return Lanes(config, log)


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
