"""One real Prometheus as a child process, on the loopback address only; its data go with it."""

import shutil
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from tools.children import end, program, spawn, wait_until
from tools.kafka.broker import free_port

PACKAGE = "prometheus"


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run promtool; what it says is in the answer. Raises ServerUnavailable."""
    command = [program("promtool", PACKAGE), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


class Prometheus:
    """Scrapes and evaluates each second. Raises ServerUnavailable."""

    def __init__(self, targets: Sequence[str], rules: Sequence[Path] = ()) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="everfresh-prometheus-"))
        self.url = f"http://127.0.0.1:{free_port()}"
        self._console = self.directory / "console.log"
        self._process: subprocess.Popen[bytes] | None = None
        settings = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(one.resolve()) for one in rules],
            "scrape_configs": [{"job_name": "everfresh", "static_configs": [{"targets": list(targets)}]}],
        }
        (self.directory / "prometheus.yml").write_bytes(orjson.dumps(settings))  # JSON is YAML too

    def start(self) -> Self:
        address = self.url.removeprefix("http://")
        command = [program("prometheus", PACKAGE), f"--config.file={self.directory / 'prometheus.yml'}"]
        command += [f"--storage.tsdb.path={self.directory / 'data'}", f"--web.listen-address={address}"]
        self._process = spawn(command, self._console)
        wait_until(self._is_ready, self._process, self._console)
        return self

    def get(self, path: str, **asked: str) -> Any:
        """The `data` of an answer of its API. Raises ValueError with what Prometheus has against it."""
        try:
            return orjson.loads(self._fetch(f"api/v1/{path}?{urllib.parse.urlencode(asked)}"))["data"]
        except urllib.error.HTTPError as error:
            raise ValueError(f"{asked}: {orjson.loads(error.read())['error']}") from None

    def query(self, expression: str) -> list[dict[str, Any]]:
        """An instant query's series."""
        found: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return found

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process, self._process = self._process, None
        if process is not None:
            end(process)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _is_ready(self) -> bool:
        try:
            return bool(self._fetch("-/ready"))
        except OSError:
            return False

    def _fetch(self, path: str) -> bytes:
        with urllib.request.urlopen(f"{self.url}/{path}", timeout=10) as answer:  # noqa: S310  # always http
            found: bytes = answer.read()
            return found
