"""SQLite's errors as one sentence with the file's path and what to do."""

from pathlib import Path
from shutil import disk_usage

import apsw

from streams.errors import LogUnavailable

FULL = "could not be written, its disk or quota is full; free some space and try again: nothing was kept"
FULL_BYTES = 64 * 1_024
"""free space below which an I/O error is taken for its lack; SQLite grows its shared memory by half of that"""


def unavailable(path: Path, error: Exception) -> LogUnavailable:
    """The error to raise for one of SQLite's, or of the file system."""
    return LogUnavailable(f"the log {path} {_what(path, error)}")


def _what(path: Path, error: Exception) -> str:
    # What SQLite maps into memory can't grow on a full disk either, and then it won't say why.
    if isinstance(error, apsw.FullError) or (isinstance(error, apsw.IOError) and _is_full(path)):
        return FULL
    match error:
        case apsw.ReadOnlyError() | apsw.PermissionsError():
            return f"is read-only; let this user write the file and its folder {path.parent}: nothing was kept"
        case apsw.BusyError() | apsw.LockedError():
            return "is held by another process that doesn't let go; find it with `fuser` and end it: nothing was kept"
        case apsw.CantOpenError() | OSError():
            return f"can't be opened ({error}); check that {path.parent} is a folder this user may write to"
        case apsw.NotADBError():
            return "is no SQLite database; name another file, or move this one away"
        case apsw.CorruptError():
            return "is damaged; stop all processes, keep a copy, and restore a backup"
        case apsw.IOError():
            return f"could not be read or written ({error}); look for errors of the disk in the system's journal"
        case _:
            return f"failed ({type(error).__name__}: {error}); `everfresh doctor` looks into it"


def _is_full(path: Path) -> bool:
    try:
        return disk_usage(path.parent).free < FULL_BYTES
    except OSError:
        return False
