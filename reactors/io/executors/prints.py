"""What functions print in a warm process: line by line to stderr, each saying whose it is."""

import io
import os
import sys
import threading
from typing import TextIO


class Prefixed(io.TextIOBase):
    """A text stream that writes whole lines, with a prefix that can be changed between them."""

    def __init__(self, target: TextIO) -> None:
        super().__init__()
        self.prefix = ""
        self._target = target
        self._begun = ""
        self._lock = threading.Lock()

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, text: str) -> int:
        """Write the lines that `text` completes."""
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
            self._target.write("".join(f"[{self.prefix}] {line}\n" if self.prefix else f"{line}\n" for line in lines))
            self._target.flush()
        return len(text)

    def end(self) -> None:
        """Write a line that was begun and never ended."""
        if self._begun:
            self.write("\n")


def take_over_prints() -> Prefixed:
    """Send all that this process prints to stderr, through one prefixed stream; what C code prints, too, without it."""
    os.dup2(2, 1)
    stream = Prefixed(sys.__stderr__ or sys.stderr)
    sys.stdout = sys.stderr = stream
    return stream
