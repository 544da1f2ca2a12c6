"""What the benchmarks of processes share: a deployed app, and an `everfresh` (or another program) that runs."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

EVERFRESH = ("-m", "everfresh")


def deployed(app: str, url: str) -> None:
    """Deploy an app by the command, as its users do."""
    command = [sys.executable, *EVERFRESH, "deploy", app, "--log", url]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def running(*argv: str, ready: str = "ready", **surroundings: str) -> Iterator[int]:
    """A Python program that has said that it is ready; its process id."""
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen([sys.executable, *argv], stdout=said, stderr=said, env=os.environ | surroundings)
        try:
            while True:
                said.seek(0)
                text = said.read()
                if ready in text:
                    break
                if child.poll() is not None:
                    sys.exit(f"{' '.join(argv)} ended before it was ready:\n{text}")
                time.sleep(0.1)
            yield child.pid
        finally:
            child.terminate()
            child.wait(60)
