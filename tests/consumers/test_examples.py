"""Programs in Go, Node and Java that know docs/contract only read every example in it."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.consumers.toolchains import HERE, built, java_classes, needs
from tests.patience import PATIENCE_SECONDS

EXAMPLES = HERE.parents[1] / "docs" / "contract" / "examples"
FIELDS = HERE / "fields.json"


def of_go(folder: Path) -> list[str]:
    return [str(built(HERE / "go" / "examples", folder / "examples"))]


def of_node(_folder: Path) -> list[str]:
    needs("node")
    return ["node", str(HERE / "node" / "examples.js")]


def of_java(_folder: Path) -> list[str]:
    return ["java", "-cp", java_classes(), "Examples"]


PROGRAM = pytest.mark.parametrize("program", [of_go, of_node, of_java], ids=["go", "node", "java"])


def read(program: list[str], folder: Path) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [*program, str(folder), str(FIELDS)], capture_output=True, timeout=PATIENCE_SECONDS, check=False
    )


def expected() -> list[dict[str, Any]]:
    """What each program is to print: what is common to all events, and one field of the data."""
    fields = orjson.loads(FIELDS.read_bytes())
    found = []
    for path in sorted(EXAMPLES.glob("*.json")):
        event = orjson.loads(path.read_bytes())
        common = {name: event[name] for name in ("type", "id", "subject", "time")}
        found.append(common | {"value": event["data"][fields[event["type"].split(".")[1]]]})
    return found


@PROGRAM
def test_every_example_is_read_as_it_is_meant(program: Callable[[Path], list[str]], tmp_path: Path) -> None:
    done = read(program(tmp_path), EXAMPLES)
    assert done.returncode == 0, done.stderr.decode()
    told = [orjson.loads(line) for line in done.stdout.splitlines()]
    assert told == expected()
    assert len(told) > 30


@PROGRAM
def test_what_is_no_event_ends_it(program: Callable[[Path], list[str]], tmp_path: Path) -> None:
    """Or they would read anything."""
    folder = tmp_path / "wrong"
    folder.mkdir()
    event = orjson.loads((EXAMPLES / "everfresh.alert.opened.v1.json").read_bytes())
    (folder / "event.json").write_bytes(orjson.dumps(event | {"specversion": "0.3"}))
    assert read(program(tmp_path), folder).returncode != 0
