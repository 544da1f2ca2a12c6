"""The log as a destination: a line an event, on the standard output or in a file."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, TextIO

from sinks.io.attempts import Manner
from sinks.io.delivery import Route
from sinks.lines import LEVELS, Level, json_line, line
from streams.cloudevents import Envelope
from streams.topics import Topics

Form = Literal["lines", "json"]


class LogDestination:
    """Writes to a stream, in a thread of its own: a pipe that nobody empties must not stop the process.

    `least` leaves out what is below that level.
    """

    def __init__(self, out: TextIO, form: Form = "lines", least: Level = "info") -> None:
        self._out, self._form = out, form
        self._least = LEVELS.index(least)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="everfresh-log")

    @classmethod
    def to(cls, path: Path | None, form: Form = "lines", least: Level = "info") -> "LogDestination":
        """Append to a file, which is made with its folder; None is the standard output. Raises OSError."""
        if path is None:
            return cls(sys.stdout, form, least)
        path.parent.mkdir(parents=True, exist_ok=True)
        return cls(path.open("a", encoding="utf-8"), form, least)

    async def deliver(self, envelope: Envelope) -> None:
        said = line(envelope)
        if LEVELS.index(said.level) < self._least:
            return
        text = json_line(envelope) if self._form == "json" else str(said)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._write, text)

    async def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._out not in (sys.stdout, sys.stderr):
            self._out.close()

    def _write(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()


def log_route(topics: Topics, sink: str = "log") -> Route:
    """Every output topic, one call at a time, so that lines stand in the order in which their events came."""
    told = (topics.materializations, topics.freshness, topics.checks, topics.costs, topics.alerts, topics.dead_letters)
    return Route(sink, tuple(topic.name for topic in told), manner=Manner(at_once=1))
