"""A page as a session: what is typed, what is run, and what the page shows that it prints."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.cli.shop import surroundings
from tests.docs.commands import lines
from tests.patience import PATIENCE_SECONDS

FOLDER = "/home/you/shop"
"""where the page's reader works"""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\w+\.py)\n")

_MASKS = (
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "TIME"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "ID"),
    (re.compile(r"\b\d+-[0-9a-f]{10}\b"), "RUN"),
    (re.compile(r"\b(\d+(\.\d+)?(ms|s|m|h|d))+\b"), "SPAN"),
    (re.compile(r"\b\d+(\.\d+)? ([KMG]i)?B\b"), "SIZE"),
    (re.compile(r"(attempt \d+ on )\S+(?=:)"), r"\1WORKER"),
    (re.compile(r" {2,}"), "  "),
)
"""what is another one each time"""

_MAY_COME = ("freshness.overdue", "freshness.at_risk", "freshness.infeasible", "explained by another; --all")
"""the line of a promise that a session breaks, or can't keep: that depends on the machine, and on when one looks"""


class Step(NamedTuple):
    """One fenced block, with what the page shows below it as its output; None where it shows nothing."""

    language: str
    text: str
    shown: str | None


class Output(NamedTuple):
    """What a step printed, both streams in order, and the commands in it that didn't end well."""

    text: str
    failed: list[str]


def steps(markdown: str) -> list[Step]:
    """The blocks in order; a block of text belongs to the one before it."""
    found: list[Step] = []
    for language, text in _FENCE.findall(markdown):
        if language == "text":
            found[-1] = found[-1]._replace(shown=text)
        else:
            found.append(Step(language, text, None))
    return found


def masked(text: str) -> list[str]:
    """Its lines, without what differs from one time to the next."""
    for pattern, name in _MASKS:
        text = pattern.sub(name, text)
    return [line.strip() for line in text.strip().splitlines() if not any(one in line for one in _MAY_COME)]


class Reader:
    """Somebody who does what a page says, in a folder."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = surroundings() | {"PATH": path} | environment

    def do(self, step: Step) -> Output:
        """Write the file that a block names in its first line, or run the block."""
        if step.language == "sh":
            ran = [(line, self.typed(line)) for line in lines(step.text)]
            failed = [line for line, done in ran if done.returncode]
            return Output(self.theirs("".join(done.stdout for _, done in ran)), failed)
        named = _FILE.match(step.text)
        if named is not None:
            (self.folder / named[1]).write_text(step.text)
            return Output("", [])
        done = self._run(sys.executable, "-c", step.text)
        return Output(self.theirs(done.stdout), [step.text] if done.returncode else [])

    def typed(self, line: str) -> "subprocess.CompletedProcess[str]":
        """One command of a shell; what it exports holds from then on."""
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").partition("=")
            self.environment.setdefault(name, value)
        return self._run("bash", "-c", line)

    def theirs(self, text: str) -> str:
        """An output with the folder of the page's reader for ours."""
        return text.replace(str(self.folder.resolve()), FOLDER)

    def _run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
