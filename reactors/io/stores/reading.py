"""Read a version by its uri and format alone: so another domain, with no store of ours, reads what a store wrote."""

import atexit
import shutil
import tempfile
from functools import cache
from json import JSONDecodeError, loads
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from reactors.io.stores.local import path_of
from reactors.io.stores.places import is_local, opened
from reactors.io.stores.tables import kind_of, library, natural_kind, table_as
from streams.errors import LoadError

_SUFFIXES = {".parquet": "parquet", ".json": "json"}


def read(uri: str, format: str | None = None, as_type: Any = None) -> Any:  # noqa: A002  the event's own word
    """The value behind `uri`: as a Path, bytes or a kind of table where `as_type` says so, else as its format has it.

    A Parquet file is a polars DataFrame (an Arrow table without polars), JSON is what it says, anything else is bytes.
    Without `format` the suffix tells. Raises LoadError when it isn't there, is broken, or can't be had as `as_type`.
    """
    wanted = kind_of(as_type)
    stored_as = format or _SUFFIXES.get(Path(urlsplit(uri).path).suffix, "file")
    try:
        if as_type is Path:
            return _local_copy(uri)
        if as_type is bytes:
            return _content(uri)
        if stored_as == "parquet":
            return _table(uri, wanted or natural_kind())
        if wanted is not None:
            raise LoadError(f"{uri} holds {stored_as}, which can't be had as a {as_type.__qualname__}")
        return loads(_content(uri)) if stored_as == "json" else _content(uri)
    except FileNotFoundError:
        raise LoadError(f"{uri} isn't there; was it removed, or is it another machine's?") from None
    except (OSError, JSONDecodeError, UnicodeDecodeError) as error:
        raise LoadError(f"{uri} can't be read: {error}") from error


def _table(uri: str, kind: str) -> Any:
    arrow, parquet = library("pyarrow"), library("pyarrow.parquet")
    content = arrow.BufferOutputStream()
    with opened(uri) as file:
        # A Python file in the hands of Arrow's threads aborts the process where Python ends before they let it go.
        shutil.copyfileobj(file, content)
    try:
        with parquet.ParquetFile(content.getvalue()) as table:
            return table_as(table.read(), kind)
    except arrow.ArrowException as error:
        raise LoadError(f"{uri} can't be read as Parquet: {error}") from error


def _content(uri: str) -> bytes:
    with opened(uri) as file:
        return file.read()


def _local_copy(uri: str) -> Path:
    """The file itself where it is of this machine, else a copy that lasts as long as this process."""
    if is_local(uri):
        path = path_of(uri)
        if not path.exists():
            raise FileNotFoundError(uri)
        return path
    copy = _copies() / f"{uuid4().hex}{Path(urlsplit(uri).path).suffix}"
    with opened(uri) as file, copy.open("wb") as target:
        shutil.copyfileobj(file, target)
    return copy


@cache
def _copies() -> Path:
    folder = tempfile.mkdtemp(prefix="everfresh-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
