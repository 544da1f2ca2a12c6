"""Brokers that may be harmed, one a module, and what the tests want to have said at the end."""

from collections.abc import Iterator

import pytest

from tools.kafka.broker import Broker

SAID: list[str] = []


@pytest.fixture(scope="module")
def broker(kafka_broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A module's own; `kafka_broker` only says whether there can be one here."""
    with Broker(directory=tmp_path_factory.mktemp("broker")) as own:
        yield own


@pytest.fixture(scope="session")
def say() -> list[str]:
    """What is appended here is printed at the end."""
    return SAID


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if SAID:
        terminalreporter.section("faults")
        for line in SAID:
            terminalreporter.write_line(line)
