"""What a warm process runs: it finds the app by its reference and serves its worker."""

import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from everfresh.loading import load_app
from everfresh.shadows import HOME
from reactors.io.executors.child import serve
from reactors.io.executors.telling import TRACEBACKS

_BOOT = "import os, sys; sys.path[:] = sys.argv.pop().split(os.pathsep); from everfresh.child import main; main()"
"""Python's path as the worker has it: from there on both import the same."""


def launch(reference: str) -> Callable[[int, int], Sequence[str]]:
    """The command line of a warm process for an app, given its channel and the pipe that the worker holds."""

    def command(channel: int, watched: int) -> Sequence[str]:
        # -P, and no "": whatever working directory this is, it doesn't get to the front of the path, where its
        # `streams` would be taken for ours.
        path = [str(Path(one).absolute()) for one in (*sys.path, str(HOME)) if one]
        tracebacks = str(int(logging.getLogger(TRACEBACKS).isEnabledFor(logging.INFO)))
        said = (reference, str(channel), str(watched), tracebacks)
        return (sys.executable, "-P", "-c", _BOOT, *said, os.pathsep.join(path))

    return command


def main() -> None:
    """Serve until the worker is gone; the arguments are `launch`'s."""
    reference, channel, watched, tracebacks = sys.argv[1:]
    serve(lambda: load_app(reference).code(), int(channel), int(watched), tracebacks == "1")
