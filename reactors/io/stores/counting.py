"""How many bytes went by on their way into a file."""

import hashlib
import io
from typing import BinaryIO, cast


class Counted(io.RawIOBase):
    """A writable file that hands everything on, counts it and hashes it."""

    def __init__(self) -> None:
        super().__init__()
        self.size_bytes = 0
        self._digest = hashlib.blake2b(digest_size=16)
        self._file: BinaryIO | None = None

    @property
    def fingerprint(self) -> str:
        """The hash of all that went by, as hex."""
        return self._digest.hexdigest()

    def over(self, file: BinaryIO) -> BinaryIO:
        """The same, writing to `file`."""
        self._file = file
        return cast(BinaryIO, self)

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, content: object) -> int:
        """Hand `content` on."""
        view = memoryview(cast(bytes, content)).cast("B")
        if self._file is None:
            raise ValueError("counts nothing yet: call over(file) first")
        self._file.write(view)
        self._digest.update(view)
        self.size_bytes += view.nbytes
        return view.nbytes
