"""One real PostgreSQL as a child process, on the loopback address only; its data go with it."""

import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.children import end, is_root, program, spawn, wait_until
from tools.kafka.broker import free_port

PACKAGE = "postgresql"
OWNER = "postgres"


def _bin(name: str) -> str:
    return program(name, PACKAGE, *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))


class Postgres:
    """A server that a test may stop and start again; data and port stay. Raises ServerUnavailable."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="everfresh-postgres-"))
        self.port = free_port()
        self._console = self.directory / "console.log"
        self._as = OWNER if is_root() else None  # it refuses to run as root
        if self._as:
            shutil.chown(self.directory, self._as, self._as)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        return f"postgresql://{OWNER}@127.0.0.1:{self.port}/{database}"

    def start(self) -> Self:
        if not (self.directory / "data" / "PG_VERSION").exists():
            self._make()
        command = [_bin("postgres"), "-D", str(self.directory / "data"), "-p", str(self.port)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.directory}"]
        command += ["-c", "fsync=off"]  # the machine stays up, whatever a test does to the server
        self._process = spawn(command, self._console, self._as)
        ready = [_bin("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, self._process, self._console)
        return self

    def stop(self) -> None:
        """End it at once, as a crash would; connections break, and what was committed is there afterwards."""
        process, self._process = self._process, None
        if process is not None:
            end(process, signal.SIGQUIT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _make(self) -> None:
        command = [_bin("initdb"), "-D", str(self.directory / "data"), "-U", OWNER, "-A", "trust", "--no-sync"]
        command += ["-E", "UTF8", "--locale=C.UTF-8"]
        subprocess.run(command, check=True, capture_output=True, user=self._as, group=self._as, cwd=self.directory)
