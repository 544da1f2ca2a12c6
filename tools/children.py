"""Real servers as child processes, that end when this process does, however that is."""

import ctypes
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
# A parent-death signal comes when the *thread* that started the child ends; this one stays.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="child-starter")


class ServerUnavailable(RuntimeError):
    """A server can't be run here; the message says why and what to do."""


def program(name: str, package: str, *folders: Path) -> str:
    """Where a program is: on the PATH, or in one of these folders. Raises ServerUnavailable."""
    found = shutil.which(name) or next((str(one / name) for one in folders if (one / name).exists()), None)
    if found is None:
        raise ServerUnavailable(f"{name} is missing; install the Debian package {package}: bash tools/apt.sh {name}")
    return found


def spawn(command: Sequence[str], console: Path, user: str | None = None) -> subprocess.Popen[bytes]:
    """Start it; what it says goes into the file `console`."""
    with console.open("ab") as out:
        return _starter.submit(
            subprocess.Popen,
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            preexec_fn=_die_with_parent,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            cwd=console.parent,
        ).result()


def end(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> None:
    """End it in good order, or kill it if it doesn't."""
    process.send_signal(how)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], console: Path, seconds: float = 60) -> None:
    """Return once it can be worked with. Raises ServerUnavailable with what it said."""
    until = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None or time.monotonic() > until:
            said = console.read_text(errors="replace")[-2_000:]
            raise ServerUnavailable(f"{process.args!r} doesn't come up: {said}")
        time.sleep(0.05)


def is_root() -> bool:
    return os.geteuid() == 0


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
