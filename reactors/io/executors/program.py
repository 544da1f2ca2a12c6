"""Runs any program as an attempt: environment and files in, one JSON file and an exit code out."""

import os
import signal
import subprocess
import threading
from collections import deque
from dataclasses import dataclass
from logging import Logger, LoggerAdapter
from pathlib import Path
from typing import IO, Any

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from reactors.compute import Output
from reactors.io.executors.meter import peak_bytes_of, peak_bytes_of_ended
from reactors.ports import Task
from reactors.recipes import Program
from streams.cloudevents import said
from streams.errors import BadResult, EverfreshError

_SAMPLE_SECONDS = 0.05
_OUTPUT_MAX = 256 * 1_024

_LAST_WORDS_SECONDS = 1.0
"""how long what the program left behind may still write to its output once it has ended"""


class ProgramFailed(EverfreshError):
    """A program ended otherwise than with 0; the text says how, with the last it wrote."""


class ProgramOutput(BaseModel):
    """What a program may leave at EVERFRESH_OUTPUT."""

    model_config = ConfigDict(extra="forbid", strict=True)

    version: str | None = None
    fingerprint: str | None = None
    metadata: dict[str, Any] = {}
    path: str | None = None  # a file for the asset's store

    def output(self) -> Output:
        """The same, as a function returns it."""
        value = None if self.path is None else Path(self.path)
        return Output(value, self.version, self.fingerprint, self.metadata)


class ProgramOutputs(BaseModel):
    """What it has to leave where it makes several assets."""

    model_config = ConfigDict(extra="forbid", strict=True)

    outputs: dict[str, ProgramOutput]


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that ran: how it ended, the last it wrote, the most memory it held (0: unknown), what it left."""

    name: str
    exit_code: int
    last_words: str
    peak_bytes: int
    left: Path

    def output(self, several: bool = False) -> Output | dict[str, Output]:
        """What it made, of `several` assets a dict by their names.

        Raises ProgramFailed for an exit code other than 0, BadResult for a file nobody can read.
        """
        if self.exit_code == 0:
            return _read(self.left, several)
        died = self.exit_code < 0
        how = f"died of {signal.Signals(-self.exit_code).name}" if died else f"ended with exit code {self.exit_code}"
        raise ProgramFailed(f"program {self.name!r} {how}{f': {self.last_words}' if self.last_words else ''}")


def run_program(program: Program, task: Task, folder: Path, log: "LoggerAdapter[Logger]") -> Ended:
    """Run a program to its end, with its files in `folder`.

    It stays in our process group, so that whoever kills the group kills it too. Raises ProgramFailed when it can't be
    started.
    """
    inputs, output = folder / "inputs.json", folder / "output.json"
    inputs.write_bytes(orjson.dumps(task.model_dump(mode="json", exclude={"code_version"})))
    variables = {"EVERFRESH_RUN": task.run, "EVERFRESH_INPUTS": str(inputs), "EVERFRESH_OUTPUT": str(output)}
    try:
        process = subprocess.Popen(  # noqa: S603  a list that the app's author wrote, and no shell
            program.argv,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        raise ProgramFailed(f"program {program.argv[0]!r} can't be started: {error.strerror}") from None
    words = _Words(process, log)
    exit_code, peak_bytes = _waited_for(process)
    return Ended(program.argv[0], exit_code, words.last(), peak_bytes, output)


class _Words:
    """Hands what a program writes to the log, line by line, and remembers the last of it."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: "LoggerAdapter[Logger]") -> None:
        self._lines: deque[str] = deque(maxlen=5)
        self._log = log
        self._thread = threading.Thread(target=self._follow, args=(process.stdout,), daemon=True)
        self._thread.start()

    def last(self) -> str:
        self._thread.join(_LAST_WORDS_SECONDS)
        return " / ".join(self._lines)

    def _follow(self, output: IO[bytes]) -> None:
        with output:
            for line in output:
                text = line.decode(errors="replace").rstrip()
                if text:
                    self._lines.append(text[:500])
                    self._log.info("%s", text)


def _waited_for(process: "subprocess.Popen[bytes]") -> tuple[int, int]:
    """Exit code and peak memory. The kernel's own figure begins at our memory, so below that it is sampled."""
    ours = peak_bytes_of("self") or 0
    ended = threading.Event()
    sampled = [peak_bytes_of(process.pid) or 0]

    def sample() -> None:
        while not ended.wait(_SAMPLE_SECONDS):
            sampled[0] = max(sampled[0], peak_bytes_of(process.pid) or 0)

    threading.Thread(target=sample, daemon=True).start()
    _, status, usage = os.wait4(process.pid, 0)
    ended.set()
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, peak_bytes_of_ended(usage, ours, sampled[0])


def _read(path: Path, several: bool) -> Output | dict[str, Output]:
    try:
        content = path.read_bytes()[: _OUTPUT_MAX + 1]
    except FileNotFoundError:
        return {} if several else Output()
    try:
        if len(content) > _OUTPUT_MAX:
            raise ValueError(f"it is longer than {_OUTPUT_MAX} bytes")
        if several:
            made = ProgramOutputs.model_validate(orjson.loads(content))
            return {name: one.output() for name, one in made.outputs.items()}
        return ProgramOutput.model_validate(orjson.loads(content)).output()
    except ValidationError as error:
        raise BadResult(f"what it left at EVERFRESH_OUTPUT can't be read: {said(error)}") from None
    except ValueError as error:
        raise BadResult(f"what it left at EVERFRESH_OUTPUT can't be read: {error}") from None
