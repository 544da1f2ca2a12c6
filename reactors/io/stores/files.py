"""FileStore: any file."""

import io
import shutil
from pathlib import Path
from typing import Any, BinaryIO

from reactors.io.stores.counting import Counted
from reactors.io.stores.folders import part
from reactors.io.stores.keeping import KeptInFolder
from reactors.ports import Address, Stored
from streams.errors import BadResult

_SUFFIX_MAX = 20
"""characters of a file's suffix that are kept"""


class FileStore(KeptInFolder):
    """Keeps files: models, charts, exports. A function returns bytes, or the Path of a file that is then copied.

    `url` is a folder (relative to where the process started) or any fsspec URL. A reader gets bytes, or a Path where
    its argument is annotated so. The suffix of a Path is kept; the fingerprint is of the bytes. An attempt fails with
    BadResult where a function returns anything else.
    """

    def write(self, address: Address, value: Any) -> Stored:
        """See Store."""
        counted = Counted()
        with _source(value) as source:
            suffix = part(value.suffix[1:])[:_SUFFIX_MAX] if isinstance(value, Path) and value.suffix else ""

            def copy(file: BinaryIO) -> None:
                shutil.copyfileobj(source, counted.over(file))

            uri = self._publish(address, f".{suffix}" if suffix else "", copy)
        return Stored(uri, "file", counted.fingerprint, counted.size_bytes)


def _source(value: Any) -> BinaryIO:
    if isinstance(value, bytes | bytearray | memoryview):
        return io.BytesIO(value)
    if not isinstance(value, Path):
        raise BadResult(
            f"a FileStore keeps bytes or the file that a Path names, nothing of type {type(value).__name__}"
        )
    if not value.is_file():
        raise BadResult(
            f"a FileStore keeps one file; {str(value)!r} is {'a folder' if value.is_dir() else 'not there'}"
        )
    return value.open("rb")
