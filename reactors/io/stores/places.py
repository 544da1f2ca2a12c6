"""From a URL to the folder or the file that it names: of this machine, or wherever fsspec reaches."""

from contextlib import AbstractContextManager
from typing import BinaryIO
from urllib.parse import urlsplit

from reactors.io.stores.folders import Folder
from reactors.io.stores.local import LocalFolder, path_of
from reactors.io.stores.remote import RemoteFolder, opened_remotely


def folder_of(url: str) -> Folder:
    """The folder that a store's URL names: a path, `file://…`, or what fsspec knows."""
    return LocalFolder(url) if is_local(url) else RemoteFolder(url)


def opened(uri: str) -> AbstractContextManager[BinaryIO]:
    """The file of a uri, for reading. Raises OSError as `open` does, and LoadError for a place nobody reaches."""
    return path_of(uri).open("rb") if is_local(uri) else opened_remotely(uri)


def is_local(url: str) -> bool:
    """Whether a URL or path is of this machine.

    >>> is_local("data/shop"), is_local("file:///srv/data"), is_local("s3://bucket/data")
    (True, True, False)
    """
    return "://" not in url or urlsplit(url).scheme == "file"
