"""What an attempt cost this machine, as far as the place where it runs lets one tell it apart from others."""

import os
import resource
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from streams.events import CostItem

_CLEAR_REFS = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
_NOT_OURS_BYTES = 8 * 1_024 * 1_024
"""how far the kernel's figure must be above our own peak to be a program's"""


class Meter:
    """Runs from its making to `costs`."""

    def __init__(self, cpu_seconds: Callable[[], float] | None, peak_bytes: Callable[[], int | None]) -> None:
        self._wall = time.monotonic()
        self._cpu_seconds = cpu_seconds
        self._cpu = cpu_seconds() if cpu_seconds else 0.0
        self._peak_bytes = peak_bytes

    def costs(self, peak_bytes: int | None = None) -> tuple[CostItem, ...]:
        """Wall and CPU seconds and peak bytes; `peak_bytes` where another process did the work, 0 if unknown."""
        found = [CostItem(resource="wall", quantity=time.monotonic() - self._wall, unit="seconds")]
        if self._cpu_seconds is not None:
            found.append(CostItem(resource="cpu", quantity=self._cpu_seconds() - self._cpu, unit="seconds"))
        peak = self._peak_bytes() if peak_bytes is None else peak_bytes
        if peak:
            found.append(CostItem(resource="memory.peak", quantity=peak, unit="bytes"))
        return tuple(found)


def of_the_process() -> Meter:
    """For a process that does one attempt at a time: its CPU, with that of children it waited for, and its memory."""
    reset_peak()
    return Meter(_process_cpu_seconds, lambda: peak_bytes_of("self"))


def of_a_program() -> Meter:
    """For the one program that this process waits for: its CPU, with that of children it waited for itself.

    Whoever waits has an eye on its memory: see tree.py.
    """
    return Meter(_children_cpu_seconds, _unknown)


def of_the_thread() -> Meter:
    """For an attempt in a thread of its own, made there: memory is shared, so nothing is said of it."""
    return Meter(time.thread_time, _unknown)


def of_the_clock() -> Meter:
    """For an attempt on the event loop: it shares CPU and memory with all others, so only wall time is told."""
    return Meter(None, _unknown)


def reset_peak() -> None:
    """Begin the peak of this process's memory anew. Where the kernel forbids it, the peak is the process's so far."""
    with suppress(OSError):
        _CLEAR_REFS.write_text(_RESET_PEAK)


def peak_bytes_of(process: int | str) -> int | None:
    """The most memory a process held (VmHWM), in bytes; None if it is gone.

    Not ru_maxrss: the kernel hands a forked child its parent's.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1_024
    return None


def cpu_seconds_of(process: int) -> float | None:
    """CPU seconds that another process and the children it waited for have used; None if it is gone."""
    try:
        # The name in parentheses may hold spaces; what follows it is fields 3 and on of proc(5).
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def peak_bytes_of_ended(usage: resource.struct_rusage, ours_bytes: int, seen_bytes: int) -> int:
    """The most memory that a program held, by the kernel's figure at its end or by what was seen of it meanwhile.

    The figure begins at `ours_bytes`, the most that its parent held when it started it: what isn't well above it is the
    parent's, and says nothing.
    """
    highest = usage.ru_maxrss * 1_024
    return max(highest, seen_bytes) if highest > ours_bytes + _NOT_OURS_BYTES else seen_bytes


def _process_cpu_seconds() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime + _children_cpu_seconds()


def _children_cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def _unknown() -> int | None:
    return None
