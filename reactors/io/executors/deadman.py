"""A process group that the kernel kills when its worker is gone: whatever runs in it, and whoever holds the GIL."""

import fcntl
import os
import select
import signal


def die_with_the_writer(descriptor: int) -> None:
    """Kill this whole process group once the writing end of the pipe `descriptor` is closed.

    Nothing is ever written: the only news on the pipe is its end, and the kernel sends SIGKILL for it (F_SETSIG). A
    thread that waits for the end would need the GIL, and PR_SET_PDEATHSIG would leave grandchildren behind.
    """
    os.set_inheritable(descriptor, False)
    fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(descriptor, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_ASYNC)
    ended, _, _ = select.select([descriptor], [], [], 0)
    if ended:  # before we listened
        os.killpg(0, signal.SIGKILL)
