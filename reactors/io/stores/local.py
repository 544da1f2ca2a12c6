"""A folder of this machine: a version is written beside its place, synced, and renamed into it."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from reactors.io.stores.folders import Kept
from streams.errors import LoadError

UNFINISHED = ".tmp"
_LEFT_BEHIND_SECONDS = 86_400
"""an unfinished file older than this is nobody's any more"""


class LocalFolder:
    """A folder, by path or `file://` URL; a relative one is taken from the working directory of this moment."""

    def __init__(self, url: str) -> None:
        self.root = path_of(url).absolute()

    def publish(self, path: tuple[str, ...], write: Callable[[BinaryIO], None]) -> str:
        """See Folder."""
        target = self.root.joinpath(*path)
        _make(target.parent)
        # Hidden and of its own: two attempts may write side by side, and no reader's listing shows it.
        unfinished = target.with_name(f".{uuid4().hex}{UNFINISHED}")
        try:
            with unfinished.open("xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(target)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        _sync(target.parent)
        return target.as_uri()

    def kept(self, path: tuple[str, ...]) -> list[Kept]:
        """See Folder."""
        try:
            found = [(file, file.stat()) for file in self.root.joinpath(*path).iterdir() if file.is_file()]
        except FileNotFoundError:
            return []
        old = time.time() - _LEFT_BEHIND_SECONDS
        for file, stat in found:
            if file.name.endswith(UNFINISHED) and stat.st_mtime < old:
                file.unlink(missing_ok=True)
        whole = [(file, stat) for file, stat in found if not file.name.startswith(".")]
        return sorted(
            (Kept(file.as_uri(), (stat.st_mtime_ns, file.name)) for file, stat in whole), key=lambda one: one.order
        )

    def remove(self, uri: str) -> None:
        """See Folder."""
        path_of(uri).unlink(missing_ok=True)


def path_of(uri: str) -> Path:
    """The path that a `file://` URI or a plain path names.

    >>> str(path_of("file:///srv/a%20b"))
    '/srv/a b'
    """
    if "://" not in uri:
        return Path(uri)
    parts = urlsplit(uri)
    if parts.netloc not in {"", "localhost"}:
        raise LoadError(f"{uri!r} names a file of the machine {parts.netloc!r}; this one reads only its own files")
    return Path(unquote(parts.path))


def _make(folder: Path) -> None:
    """Make a folder and its parents, each durable in the one above: a rename into a lost folder would be lost too."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        _sync(one.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
