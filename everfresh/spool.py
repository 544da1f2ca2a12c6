"""Events that no log would take yet, kept in files: one a run, CloudEvents as lines of JSON."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from streams.cloudevents import Envelope, decode, encode, event_id
from streams.errors import BadEvent
from streams.events import FROM_OUTSIDE
from streams.topics import Topics

FOLDER = Path(".everfresh/spool")

_SUFFIX = ".jsonl"
_RESERVED_BYTES = 16 * 1_024
"""more than the events of nearly any run"""


class Spool:
    """What waits in a folder for one log and prefix. What waits there for another one is let be.

    A file is whole or not there at all, even after a power cut, and goes once the log has what is in it. Its name
    begins with when it was written, in milliseconds since 1970 UTC, and ends with a hash of the log it is for.
    """

    def __init__(self, log_url: str, topics: Topics, folder: Path = FOLDER) -> None:
        self.folder = folder
        self._embedded = log_url.startswith("sqlite:")
        self._log = event_id(log_url, topics.changes.name)[:8]

    @contextmanager
    def reserved(self, name: str) -> Iterator[None]:
        """Have room for one file meanwhile, if there is some: what fills an embedded log's disk may fill this too."""
        unfinished = self._unfinished(name)
        if self._embedded:
            with suppress(OSError):
                self.folder.mkdir(parents=True, exist_ok=True)
                with unfinished.open("xb") as to:
                    os.posix_fallocate(to.fileno(), 0, _RESERVED_BYTES)
        try:
            yield
        finally:
            with suppress(OSError):
                unfinished.unlink()

    def keep(self, events: Sequence[Envelope], name: str, now_ms: int) -> Path:
        """Write a file; it is durable once this returns. Raises OSError where there is no room, or no right to."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"{now_ms:013d}-{name}.{self._log}{_SUFFIX}"
        unfinished = self._unfinished(name)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT, 0o666), "wb") as to:  # over what is reserved
            to.write(b"".join(encode(event) + b"\n" for event in events))
            to.truncate()
            to.flush()
            os.fsync(to.fileno())
        unfinished.replace(file)
        for folder in (self.folder, self.folder.parent, self.folder.parent.parent):
            _sync(folder)
        return file

    def waiting(self) -> list[Path]:
        """The files for this log, oldest first."""
        return [file for file in self._files() if file.name.endswith(f".{self._log}{_SUFFIX}")]

    def elsewhere(self) -> int:
        """How many files wait for another log, or under another prefix."""
        return len(self._files()) - len(self.waiting())

    def _unfinished(self, name: str) -> Path:
        return self.folder / f"{name}.{self._log}.unfinished"

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(f"*{_SUFFIX}"))


def read(file: Path) -> list[Envelope]:
    """The events of a file; none where it is gone meanwhile. Raises BadEvent for one that everfresh didn't write so."""
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:  # another process sent it
        return []
    events = [decode(line) for line in lines]
    for event in events:
        if event["type"] not in FROM_OUTSIDE or not event.get("subject"):
            raise BadEvent(f"{event['type']!r} of {event.get('subject')!r} is nothing that a publisher says")
    return events


def _sync(folder: Path) -> None:
    """Make the names in a folder as durable as what stands in the files."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
