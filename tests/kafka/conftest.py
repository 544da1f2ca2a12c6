"""Where an installation's log is: of the kind that a test asks for with `@on_each_log` (stage.py)."""

from pathlib import Path

import pytest

from everfresh.config import Settings
from tests.kafka.stage import installation


@pytest.fixture
def settings(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    url = f"sqlite://{tmp_path}/log.db" if kind == "sqlite" else str(request.getfixturevalue("kafka_broker").url)
    return installation(url)
