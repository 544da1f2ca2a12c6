"""Runs a program in our place: its streams are ours, signals reach it, and what it uses is measured."""

import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from errno import ENOEXEC
from resource import struct_rusage
from shutil import which

from reactors.io.executors.meter import of_a_program, peak_bytes_of, peak_bytes_of_ended
from reactors.io.executors.tree import Tree
from streams.events import CostItem
from streams.io.clock import wall_clock_ms

NOT_FOUND, NOT_STARTED, BY_SIGNAL = 127, 126, 128
"""exit codes as a shell has them; to the last the signal's number is added"""

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

_WATCHED = (*PASSED_ON, signal.SIGCHLD)
_LET_GO = (signal.SIGPIPE, signal.SIGXFSZ)
"""what Python ignores, and a program expects to end it"""

_FROM_KERNEL = 0x80
"""si_code of a signal that nobody sent by a call: a terminal's, to all of its foreground"""

_FIRST_LOOK_SECONDS, _LAST_LOOK_SECONDS = 0.02, 0.5
_LOOKS_SHARE = 50
"""looking takes at most a fiftieth of the time, however many processes there are"""


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that ran, or couldn't be started."""

    exit_code: int  # as a shell has it
    error: str  # in what way it failed; empty where it ended with 0
    started_at: int
    finished_at: int
    costs: tuple[CostItem, ...] = ()
    started: bool = True


def attend(argv: Sequence[str], variables: Mapping[str, str]) -> Ended:
    """Run a program to its end, with more variables in its environment.

    Signals that reach us from now on go to it and are blocked here, also once it has ended: what there is to say of it
    is yet to be said. On a terminal it stays in our process group, which hears the keyboard; without one it gets a
    group of its own, all of which hears what we do.
    """
    started_at, ours = wall_clock_ms(), peak_bytes_of("self") or 0
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # where whoever started us ignores it, nobody could be waited for
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    alone = not _has_terminal()
    meter = of_a_program()
    try:
        process = os.posix_spawnp(
            argv[0],
            list(argv),
            {**os.environ, **variables},
            setpgroup=0 if alone else os.getpgrp(),
            setsigmask=before,
            setsigdef=_LET_GO,
        )
    except OSError as error:
        return _not_started(argv[0], error, started_at)
    tree = Tree(process)
    status, usage = _waited_for(process, tree, alone)
    costs = meter.costs(peak_bytes_of_ended(usage, ours, tree.peak_bytes))
    code = os.waitstatus_to_exitcode(status)
    return Ended(code if code >= 0 else BY_SIGNAL - code, _how(argv[0], code), started_at, wall_clock_ms(), costs)


def _waited_for(process: int, tree: Tree, alone: bool) -> tuple[int, struct_rusage]:
    pause = _FIRST_LOOK_SECONDS
    while True:
        heard = signal.sigtimedwait(_WATCHED, pause)
        if heard is not None and heard.si_signo != signal.SIGCHLD:
            _pass_on(process, heard, alone)
        ended, status, usage = os.wait4(process, os.WNOHANG)
        if ended:
            return status, usage
        begun = time.monotonic()
        tree.look()
        least = _LOOKS_SHARE * (time.monotonic() - begun)
        pause = max(least, min(2 * pause, _LAST_LOOK_SECONDS))


def _pass_on(process: int, heard: signal.struct_siginfo, alone: bool) -> None:
    try:
        if alone:
            os.killpg(process, heard.si_signo)
        elif heard.si_code != _FROM_KERNEL:
            os.kill(process, heard.si_signo)
    except (ProcessLookupError, PermissionError):  # it has ended; or it is another user's now, as with sudo
        pass


def _has_terminal() -> bool:
    """Whether a keyboard may signal us."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _not_started(program: str, error: OSError, at: int) -> Ended:
    if isinstance(error, FileNotFoundError) and which(program) is None:
        why = "check its name, the folder and the PATH"
        return Ended(NOT_FOUND, f"{program!r} isn't there; {why}", at, at, started=False)
    if isinstance(error, FileNotFoundError) or error.errno == ENOEXEC:
        why = "its first line must name a program that is there, as #!/bin/sh does"
    else:
        why = f"{error.strerror}; check that it is a file which this user may execute"
    return Ended(NOT_STARTED, f"{program!r} can't be started: {why}", at, at, started=False)


def _how(program: str, code: int) -> str:
    if code >= 0:
        return f"{program!r} ended with exit code {code}" if code else ""
    return f"{program!r} died of {signal.Signals(-code).name}"
