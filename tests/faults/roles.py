"""The roles as processes that may be killed, stopped and continued."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.cli.shop import COMMAND

APP = Path(__file__).with_name("app.py")
STOP_SECONDS = 60.0


@dataclass
class Role:
    """One `everfresh start`; it may be started again and again. What each process says is in a file of its own."""

    name: str
    kind: str
    folder: Path
    environment: Mapping[str, str]
    starts: int = 0
    process: "subprocess.Popen[bytes] | None" = None
    said: Path = field(default_factory=Path)

    def start(self) -> None:
        """Start it; `is_ready` says when it works."""
        assert self.process is None, f"{self.name} runs already"
        self.starts += 1
        self.said = self.folder / f"{self.name}-{self.starts}.log"
        command = [*COMMAND, "start", self.kind]
        if self.kind == "worker":
            command += ["--app", str(APP)]
        with self.said.open("wb") as out:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=dict(self.environment), stdout=out, stderr=out, start_new_session=True
            )

    @property
    def pid(self) -> int:
        assert self.process is not None, f"{self.name} doesn't run"
        return self.process.pid

    def says(self, text: str) -> int:
        """How many of its lines hold this text."""
        return sum(text in line for line in self.said.read_text(errors="replace").splitlines())

    def is_ready(self) -> bool:
        """Whether it works. Raises AssertionError where it has ended."""
        self.check_alive()
        return bool(self.says(f"{self.kind} ready"))

    def check_alive(self) -> None:
        assert self.process is not None, f"{self.name} doesn't run"
        assert self.process.poll() is None, f"{self.name} ended by itself:\n{self.said.read_text()[-4000:]}"

    def kill(self) -> int:
        """SIGKILL; the instant after which it did nothing any more, in milliseconds."""
        self.check_alive()
        os.kill(self.pid, signal.SIGKILL)
        self._ended()
        return time.time_ns() // 1_000_000

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.check_alive()
        os.kill(self.pid, signal.SIGTERM)
        return self._ended()

    def clear(self) -> None:
        """Leave nothing behind, however it stands."""
        if self.process is not None:
            self.process.kill()
            self._ended()

    def _ended(self) -> int:
        assert self.process is not None
        code = self.process.wait(STOP_SECONDS)
        self.process = None
        return code
