"""Types commands: each in a process of its own, forked from one that has imported what they need.

A start then costs a tenth of what it costs otherwise, so that a hundred of them can be tried. `python -m
tests.cli.typist` reads a request a line and answers with the exit code.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import orjson

ROOT = Path(__file__).resolve().parents[2]
STREAMS = ("stdin", "stdout", "stderr")


class Typist:
    """The process that the others are forked from; one command at a time."""

    def __init__(self, environment: dict[str, str]) -> None:
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "tests.cli.typist"]
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe)

    def type(
        self, arguments: Sequence[str], folder: Path, environment: dict[str, str], stdin: str
    ) -> tuple[str, str, int]:
        """Run a command to its end: what it printed on stdout and stderr, and its exit code."""
        with tempfile.TemporaryDirectory() as kept:
            files = {name: Path(kept) / name for name in STREAMS}
            files["stdin"].write_text(stdin)
            streams = {name: str(file) for name, file in files.items()}
            request = {"arguments": list(arguments), "folder": str(folder), "environment": environment, **streams}
            code = self._ask(request)
            return files["stdout"].read_text(), files["stderr"].read_text(), code

    def close(self) -> None:
        self._process.communicate()

    def _ask(self, request: dict[str, Any]) -> int:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the typist has no pipes")
        self._process.stdin.write(orjson.dumps(request) + b"\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def main() -> None:
    for name in (
        "atwork",
        "attending",
        "duty",
        "examining",
        "firing",
        "ordering",
        "planning",
        "pictures",
        "reporting",
        "standing",
        "story",
        "streaming",
        "telling",
    ):
        __import__(f"everfresh.cli.{name}")
    for name in ("everfresh.publisher", "streams.io.sqlite", "everfresh.cli.bulk", "everfresh.cli.sources"):
        __import__(name)
    for line in sys.stdin.buffer:
        child = os.fork()
        if not child:
            type_one(orjson.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def type_one(request: dict[str, Any]) -> NoReturn:
    """What the installed command does, with the streams and surroundings of the request."""
    from everfresh.cli import main as everfresh

    for number, name in enumerate(STREAMS):
        mode = os.O_RDONLY if name == "stdin" else os.O_WRONLY | os.O_CREAT
        os.dup2(os.open(request[name], mode, 0o600), number)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    code = 70
    try:
        code = everfresh(request["arguments"])
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
