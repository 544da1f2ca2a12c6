"""Any place that fsspec reaches (s3://, gs://, sftp://, memory://): an optional extra, loaded on first use."""

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, BinaryIO
from uuid import uuid4

from reactors.io.stores.folders import Kept
from streams.errors import LoadError

UNFINISHED = ".tmp"


class RemoteFolder:
    """A folder behind an fsspec URL.

    Object stores make a file appear whole when it is closed; elsewhere the move at the end does that.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def publish(self, path: tuple[str, ...], write: Callable[[BinaryIO], None]) -> str:
        """See Folder."""
        system, root = located(self.url)
        target = "/".join((root.rstrip("/"), *path))
        parent = target.rpartition("/")[0]
        unfinished = f"{parent}/.{uuid4().hex}{UNFINISHED}"
        system.makedirs(parent, exist_ok=True)
        try:
            with system.open(unfinished, "wb") as file:
                write(file)
            system.mv(unfinished, target)
        except BaseException:
            if system.exists(unfinished):
                system.rm(unfinished)
            raise
        return str(system.unstrip_protocol(target))

    def kept(self, path: tuple[str, ...]) -> list[Kept]:
        """See Folder; what a crash left unfinished isn't cleared here, for not every system tells a file's age."""
        system, root = located(self.url)
        folder = "/".join((root.rstrip("/"), *path))
        if not system.exists(folder):
            return []
        found = [(str(one["name"]), one) for one in system.ls(folder, detail=True) if one["type"] == "file"]
        whole = [(name, one) for name, one in found if not name.rpartition("/")[2].startswith(".")]
        kept = [Kept(str(system.unstrip_protocol(name)), (_age(system, name, one), name)) for name, one in whole]
        return sorted(kept, key=lambda one: one.order)

    def remove(self, uri: str) -> None:
        """See Folder."""
        system, path = located(uri)
        if system.exists(path):
            system.rm(path)


def located(url: str) -> tuple[Any, str]:
    """fsspec's file system for a URL, and the path in it. Raises LoadError where fsspec or its driver is missing."""
    try:
        core = importlib.import_module("fsspec.core")
        system, path = core.url_to_fs(url)
    except ImportError as error:
        raise LoadError(
            f"{url!r} needs fsspec and its driver: pip install 'everfresh[remote]' and what it asks for ({error})"
        ) from None
    except ValueError as error:
        raise LoadError(f"{url!r} can't be reached: {error}") from None
    return system, path


def opened_remotely(uri: str) -> AbstractContextManager[BinaryIO]:
    """The file of a remote uri, for reading."""
    system, path = located(uri)
    opened: AbstractContextManager[BinaryIO] = system.open(path, "rb")
    return opened


def _age(system: Any, name: str, listed: dict[str, Any]) -> float:
    """When a file was written, in seconds since 1970; systems call it differently."""
    found = next((listed[key] for key in ("mtime", "LastModified", "created", "updated") if listed.get(key)), None)
    if found is None:
        found = system.modified(name)
    return found.timestamp() if isinstance(found, datetime) else float(found)
