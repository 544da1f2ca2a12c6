"""What people are told of an attempt: its lines in the log, and what it raised, as a sentence and as a traceback."""

import sysconfig
import traceback
from logging import INFO, Logger, LoggerAdapter, getLogger
from pathlib import Path
from types import TracebackType
from typing import Any

from reactors.compute import encodable
from reactors.ports import Task
from streams.errors import EverfreshError

ERROR_CHARACTERS = 4_000
"""of an error's text in a report"""

TRACEBACKS = "everfresh.traceback"
"""the logger that shows tracebacks, at INFO"""

_HOME = Path(__file__).resolve().parents[3]
_OURS = tuple(f"{_HOME}/{name}/" for name in ("everfresh", "reactors", "streams"))
"""where frames lie that lead to a function, and tell its author nothing"""

_INSTALLED = tuple(sysconfig.get_path(one) for one in ("stdlib", "purelib", "platlib"))


def run_log(task: Task, name: str = "everfresh.run") -> "LoggerAdapter[Logger]":
    """The log of one attempt: every line says whose it is."""
    return _RunLog(getLogger(name), {"run": name_of(task)})


def name_of(task: Task) -> str:
    """An attempt, as people read it in a log."""
    return f"{task.asset} {task.run}.{task.attempt}"


def said(error: BaseException, doing: str = "") -> str:
    """An exception in one line: what was done, what was raised, and where in whose file.

    An error of ours says all by itself.
    """
    before = f"{doing}: " if doing else ""
    if isinstance(error, EverfreshError):
        return short(f"{before}{error}")
    return short(f"{before}{f'{type(error).__name__}: {error}'.rstrip(': ')}{_place(error)}")


def short(text: str) -> str:
    """As much of a text as a report carries."""
    return encodable(text[:ERROR_CHARACTERS])


def log_traceback(task: Task, error: BaseException, doing: str = "") -> None:
    """Put an exception's traceback into the log, from the first frame on that isn't ours; an error of ours has none."""
    log = run_log(task, TRACEBACKS)
    if isinstance(error, EverfreshError) or not log.isEnabledFor(INFO):
        return
    told = traceback.format_exception(type(error), error, _theirs(error.__traceback__))
    log.error("%s%s", f"{doing}: " if doing else "", "".join(told).rstrip())


def _place(error: BaseException) -> str:
    """The line it came from: the last one in a file of the function's author, or else the last."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [one for one in frames if not one.filename.startswith(("<", *_OURS, *_INSTALLED))]
    return "".join(f" ({one.filename}:{one.lineno} in {one.name})" for one in (own or frames)[-1:])


def _theirs(frames: TracebackType | None) -> TracebackType | None:
    """A traceback without our own frames before it; the whole one where there are no others."""
    found = frames
    while found is not None and found.tb_frame.f_code.co_filename.startswith(_OURS):
        found = found.tb_next
    return found or frames


class _RunLog(LoggerAdapter[Logger]):
    def process(self, message: Any, kwargs: Any) -> tuple[Any, Any]:
        """Put the attempt before the message."""
        return f"[{(self.extra or {}).get('run')}] {message}", kwargs
