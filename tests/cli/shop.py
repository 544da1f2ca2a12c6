"""The installed command in a subprocess, in a folder of its own with an app and an embedded log."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from tests.cli.typist import Typist
from tests.patience import PATIENCE_SECONDS

COMMAND = (sys.executable, "-m", "everfresh")

LEFT_OUT = ("EVERFRESH_", "FORCE_COLOR", "PYTEST_", "PYTHONDONTWRITEBYTECODE")
COMPILED = tempfile.TemporaryDirectory(prefix="everfresh-compiled-")

APP = """
import everfresh as ef

app = ef.App("shop", store=ef.JsonStore("store"))
orders = app.source("orders", owner="checkout")
refunds = app.source("refunds")


@app.asset(deps=[orders], freshness=ef.Eager(), takes="20ms", owner="growth")
async def revenue(orders: ef.Input) -> str:
    return f"of {orders.version}"


@app.asset(deps=[revenue], freshness=ef.Within("1s"), takes="20ms")
async def report(revenue: ef.Input) -> str:
    return "on " + revenue.load()


@app.asset(deps=[orders], freshness=ef.Eager(), retry=ef.Retry(0))
async def broken(orders: ef.Input) -> str:
    raise ValueError("no such warehouse")


@app.asset(deps=[orders], freshness=ef.Eager())
async def suspect(orders: ef.Input) -> str:
    return "doubtful"


@app.check(suspect, blocking=True)
def is_certain(suspect: str) -> bool:
    return suspect == "certain"


@app.asset(deps=[refunds, report], freshness=ef.Within("1h"))
async def balance(refunds: ef.Input, report: ef.Input) -> str:
    return "balanced"


@app.asset(deps=[revenue], freshness=ef.Manual())
async def yearly(revenue: ef.Input) -> str:
    return "a year"
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command printed, and its exit code."""

    out: str
    err: str
    code: int

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    def json(self) -> Any:
        return orjson.loads(self.out)

    def jsonl(self) -> list[Any]:
        return [orjson.loads(line) for line in self.lines]


class Shop:
    """A folder in which `everfresh` is typed."""

    def __init__(self, folder: Path, app: str = APP) -> None:
        self.folder = folder
        self.app = folder / "shop.py"
        self.app.write_text(app)
        self._looked: dict[tuple[str, ...], Ran] = {}

    @property
    def typist(self) -> Typist:
        """One for all shops; it ends with this process, whose end closes its pipe."""
        return typist()

    def run(self, *arguments: str, stdin: str = "", **environment: str) -> Ran:
        """Run the command to its end."""
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=surroundings() | environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        return Ran(done.stdout, done.stderr, done.returncode)

    def typed(self, *arguments: str, stdin: str = "", **environment: str) -> Ran:
        """The same without the start of an interpreter: see typist.py."""
        return Ran(*self.typist.type(arguments, self.folder, surroundings() | environment, stdin))

    def look(self, *arguments: str) -> Ran:
        """What a command answers that changes nothing: asked once, however many tests look at it."""
        if arguments not in self._looked:
            ran = self.typed(*arguments)
            assert ran.code == 0, ran
            self._looked[arguments] = ran
        return self._looked[arguments]

    def ok(self, *arguments: str, stdin: str = "", **environment: str) -> Ran:
        """Run the command, which must end well and say nothing that went wrong."""
        ran = self.run(*arguments, stdin=stdin, **environment)
        assert ran.code == 0, ran
        return ran

    @contextmanager
    def running(self, *arguments: str, **environment: str) -> Iterator["Running"]:
        """Run the command in the background; it is ended with SIGTERM, or killed."""
        out, err = self.folder / "running.out", self.folder / "running.err"
        with out.open("wb") as to, err.open("wb") as wrong:
            process = subprocess.Popen(
                [*COMMAND, *arguments], cwd=self.folder, env=surroundings() | environment, stdout=to, stderr=wrong
            )
        try:
            yield Running(process, out, err)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


@dataclass(frozen=True, slots=True)
class Running:
    """A command that goes on."""

    process: "subprocess.Popen[bytes]"
    out: Path
    err: Path

    def says(self, text: str, seconds: float = PATIENCE_SECONDS) -> str:
        """Wait until it has printed a line with this text; the line."""
        found = eventually(lambda: next((line for line in self._lines() if text in line), None), seconds)
        assert isinstance(found, str), f"{text!r} never came:\n{self.out.read_text()}\n{self.err.read_text()}"
        return found

    def ended(self, sent: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.process.send_signal(sent)
        return self.process.wait(timeout=PATIENCE_SECONDS)

    def _lines(self) -> list[str]:
        return [*self.out.read_text().splitlines(), *self.err.read_text().splitlines()]


def eventually(look: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """What `look` gives once it gives something; None if that takes too long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    return None


@cache
def typist() -> Typist:
    return Typist(surroundings())


def surroundings() -> dict[str, str]:
    """The environment without what a developer may have set, so that everyone's tests see the same.

    Compiled modules are kept for the session, as they are where everfresh is installed: it halves the time of a start.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(LEFT_OUT)}
    return kept | {"PYTHONPYCACHEPREFIX": COMPILED.name, "EVERFRESH_METRICS_PORT": "0"}
