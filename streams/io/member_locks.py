"""Which members of groups live, told by the kernel: each holds a lock on one byte of a file beside the log.

A lock goes with its process however that ends, so a dead member is noticed without heartbeats, which would cost an
idle process a write every few seconds. The locks belong to the open file, not to the process (F_OFD_SETLK), since
SQLite's own kind is lost as soon as anything in the process closes the file.
"""

import fcntl
import os
import struct
import weakref
from pathlib import Path

_FLOCK = "hhqqi"  # l_type, l_whence, l_start, l_len, l_pid


class MemberLocks:
    """The locks of the members that live in this log; their file is opened when the first one joins."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._held: set[int] = set()
        _all.add(self)

    def __contains__(self, member: int) -> bool:
        return member in self._held

    def hold(self, member: int) -> None:
        """Say that `member` lives here."""
        fcntl.fcntl(self._opened(), fcntl.F_OFD_SETLK, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, member, 1, 0))
        self._held.add(member)

    def drop(self, member: int) -> None:
        """Say that it has left."""
        if member in self._held:
            self._held.discard(member)
            unlock = struct.pack(_FLOCK, fcntl.F_UNLCK, os.SEEK_SET, member, 1, 0)
            fcntl.fcntl(self._opened(), fcntl.F_OFD_SETLK, unlock)

    def lives(self, member: int) -> bool:
        """Whether a process holds the lock of `member`."""
        if member in self._held:
            return True
        question = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, member, 1, 0)
        answer = fcntl.fcntl(self._opened(), fcntl.F_OFD_GETLK, question)
        return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)

    def close(self) -> None:
        """All members that live here have left; idempotent. In a forked child it leaves the parent's locks alone."""
        self._held.clear()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _opened(self) -> int:
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        return self._file


_all: weakref.WeakSet[MemberLocks] = weakref.WeakSet()


def _let_go_in_child() -> None:
    for locks in list(_all):
        locks.close()  # a child that outlived its parent would keep dead members alive


os.register_at_fork(after_in_child=_let_go_in_child)
