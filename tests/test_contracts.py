"""The import contracts of pyproject.toml, each shown to break where it should and to hold where it should not."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

TREE = [
    "everfresh/__init__.py",
    "everfresh/wiring.py",
    "everfresh/cli/__init__.py",
    "streams/__init__.py",
    "streams/events.py",
    "streams/topics.py",
    "streams/io/__init__.py",
    "streams/io/kafka.py",
    "reactors/__init__.py",
    "reactors/apply.py",
    "reactors/runs.py",
    "reactors/io/__init__.py",
    "reactors/io/worker.py",
    "reactors/io/executors/__init__.py",
    "reactors/io/executors/spawned.py",
    "sinks/__init__.py",
    "sinks/routing.py",
    "sinks/io/__init__.py",
    "sinks/io/slack.py",
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """An empty project of our shape, under our contracts."""
    for name in TREE:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    return tmp_path


def broken_contracts(tree: Path) -> set[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=tree, env={"PYTHONPATH": str(tree)}, capture_output=True, text=True, check=False)
    assert "Contracts" in done.stdout, done.stdout + done.stderr
    broken = {line.removesuffix(" BROKEN") for line in done.stdout.splitlines() if line.endswith(" BROKEN")}
    assert (done.returncode != 0) == bool(broken)
    return broken


LAYERS = "everfresh > reactors | sinks > streams"
PURE = "Outside io/ nothing touches the world"


@pytest.mark.parametrize(
    ("importer", "statement", "contract"),
    [
        ("streams/events.py", "import reactors.runs", LAYERS),
        ("sinks/routing.py", "import reactors.runs", LAYERS),
        ("sinks/io/slack.py", "import reactors.io.worker", LAYERS),
        ("reactors/io/worker.py", "import sinks.io.slack", LAYERS),
        ("reactors/apply.py", "import everfresh.wiring", LAYERS),
        ("reactors/apply.py", "import asyncio", PURE),
        ("reactors/apply.py", "def late():\n    from time import monotonic", PURE),
        ("streams/__init__.py", "import aiokafka", PURE),
        ("streams/topics.py", "import streams.io.kafka", "streams.io is imported by everfresh and the other io/ only"),
        ("reactors/apply.py", "import streams.io.kafka", "streams.io is imported by everfresh and the other io/ only"),
        ("reactors/apply.py", "import reactors.io.worker", "reactors.io is imported by everfresh only"),
        ("sinks/routing.py", "import sinks.io.slack", "sinks.io is imported by everfresh only"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(tree: Path, importer: str, statement: str, contract: str) -> None:
    (tree / importer).write_text(statement)
    assert contract in broken_contracts(tree)


def test_a_cycle_among_siblings_breaks_its_contract(tree: Path) -> None:
    (tree / "reactors/runs.py").write_text("import reactors.apply")
    (tree / "reactors/apply.py").write_text("import reactors.runs")
    assert broken_contracts(tree) == {"No cycles among siblings"}


def test_what_is_allowed_breaks_nothing(tree: Path) -> None:
    (tree / "streams/io/kafka.py").write_text("import asyncio, aiokafka, os\nimport streams.topics")
    (tree / "streams/io/__init__.py").write_text("import time")
    (tree / "reactors/apply.py").write_text("import streams.events, reactors.runs, pydantic, hashlib")
    (tree / "reactors/io/worker.py").write_text(
        "import streams.io.kafka, reactors.io.executors.spawned, reactors.apply"
    )
    (tree / "reactors/io/executors/spawned.py").write_text("import multiprocessing, pathlib")
    (tree / "sinks/io/slack.py").write_text("import aiohttp, streams.io.kafka, sinks.routing")
    (tree / "everfresh/wiring.py").write_text("import sinks.io.slack, reactors.io.worker, streams.io.kafka, asyncio")
    assert broken_contracts(tree) == set()
