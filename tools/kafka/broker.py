"""One real Kafka broker as a child process: KRaft, combined mode, loopback only.

    python -m tools.kafka.broker [--port N] [--dir D]

prints its URL and runs until it is interrupted.
"""

import argparse
import base64
import ctypes
import random
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import uuid
import weakref
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from tools.kafka.jars import BrokerUnavailable, jars, require

HERE = Path(__file__).parent
COMMON_SETTINGS = HERE / "server.properties"
START_SECONDS = 60.0
STOP_SECONDS = 20.0

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)  # loaded here: after a fork it would be too late to load safely

# The kernel sends a child its parent-death signal when the *thread* that started it ends. A test that restarts a broker
# in a short-lived thread would kill it minutes later, for no visible reason; this thread stays as long as the process.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kafka-broker-starter")


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Broker:
    """A broker that a test may stop, kill, pause and restart; data and port stay the same meanwhile.

    Its child dies with this process, however this process ends. Without `directory` its data go with it too.
    """

    def __init__(
        self,
        port: int | None = None,
        directory: Path | None = None,
        *,
        heap: str = "512m",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = (directory or Path(tempfile.mkdtemp(prefix="everfresh-kafka-"))).resolve()
        # Also at the interpreter's end, and without a word where starting failed.
        self._forget = weakref.finalize(self, shutil.rmtree, self.directory, ignore_errors=True)
        if directory is not None:
            self._forget.detach()
        self.heap = heap
        self.settings = dict(settings or {})
        self._port_is_given = port is not None
        self._port = port or free_port()
        self._controller_port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """`host:port`, as Kafka clients take it."""
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        """`kafka://host:port`, as everfresh takes it."""
        return f"kafka://{self.address}"

    @property
    def log_file(self) -> Path:
        """What the broker had to say."""
        return self.directory / "server.log"

    @property
    def pid(self) -> int:
        """The Java process."""
        return self._running().pid

    def start(self) -> Self:
        """Start and return once clients can work with it; raise BrokerUnavailable otherwise."""
        if self._process is not None:
            raise RuntimeError(f"the Kafka broker at {self.address} already runs; stop() or kill() it first")
        require("java")
        for _ in range(3):
            try:
                self._spawn()
                self._wait_until_ready()
                self._port_is_given = True  # to our clients, so a restart must keep it
                return self
            except _PortTaken:  # somebody was quicker; where the caller didn't choose, another one will do
                self._port, self._controller_port = free_port(), free_port()
        raise BrokerUnavailable("the Kafka broker found no free port in three tries; say one with --port")

    def stop(self) -> None:
        """Ask it to end in good order, as an operator would; kill it if it doesn't."""
        process = self._running()
        process.send_signal(signal.SIGCONT)  # a paused one couldn't hear
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._process = None

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL."""
        process = self._running()
        process.kill()
        process.wait()
        self._process = None

    def pause(self) -> None:
        """Let it hang: its connections stay open, nothing answers."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after pause()."""
        self._running().send_signal(signal.SIGCONT)

    def restart(self) -> Self:
        """Stop it if it runs, and start it with the same data on the same port."""
        if self._process is not None:
            self.stop()
        return self.start()

    def wait(self) -> int:
        """Wait until it ends by itself, and return its exit code."""
        return self._running().wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self.stop()
        self._forget()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError(f"the Kafka broker at {self.address} isn't running; start() it first")
        return self._process

    def _spawn(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        properties = self._write_properties()
        if not (self.directory / "data" / "meta.properties").exists():
            self._format(properties)
        command = [*self._java(), f"-Xmx{self.heap}", "kafka.Kafka", str(properties)]
        with (self.directory / "console.log").open("ab") as console:
            # A session of its own, so that Ctrl-C in a terminal stops what uses the broker before the broker.
            self._process = _starter.submit(
                subprocess.Popen,
                command,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            ).result()

    def _java(self) -> list[str]:
        return [
            "java",
            "-cp",
            f"{jars()}/*",
            f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}",
            f"-Deverfresh.broker.log={self.log_file}",
            "-Djava.awt.headless=true",
            "-XX:+ExitOnOutOfMemoryError",
        ]

    def _format(self, properties: Path) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        command = [*self._java(), "-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool"]
        command += ["format", f"--cluster-id={cluster}", "--config", str(properties)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = (done.stdout + done.stderr).strip()[-2000:]
            raise BrokerUnavailable(f"Kafka could not format its storage in {self.directory}: {said}")

    def _write_properties(self) -> Path:
        settings = {
            **read_properties(COMMON_SETTINGS),
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self.directory / "data"),
            **self.settings,
        }
        path = self.directory / "broker.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return path

    def _wait_until_ready(self) -> None:
        process = self._running()
        give_up = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up:
            if process.poll() is not None:
                self._process = None
                said = self._last_words()
                if "Address already in use" in said and not self._port_is_given:
                    raise _PortTaken
                raise BrokerUnavailable(f"the Kafka broker at {self.address} ended at its start: {said}")
            if cluster_at(self._port) == self._cluster():  # another's broker may sit on that port
                return
            time.sleep(0.05)
        self.kill()
        raise BrokerUnavailable(
            f"the Kafka broker at {self.address} wasn't ready after {START_SECONDS:.0f} s: {self._last_words()}"
        )

    def _cluster(self) -> str:
        return read_properties(self.directory / "data" / "meta.properties")["cluster.id"]

    def _last_words(self) -> str:
        files = [self.directory / "console.log", self.log_file]
        return "\n".join(file.read_text(errors="replace")[-2000:] for file in files if file.exists())


class _PortTaken(Exception):
    pass


def read_properties(path: Path) -> dict[str, str]:
    """The settings of a Java properties file as we write them: `name=value` lines and # comments."""
    lines = (line.strip() for line in path.read_text().splitlines())
    return {name: value for name, _, value in (line.partition("=") for line in lines if line and line[0] != "#")}


def free_port() -> int:
    """A port that nothing listens on and that the kernel gives to no outgoing connection.

    A client that keeps trying to reach a stopped broker on a port of the ephemeral range can, by chance, be connected
    to itself from that very port: the broker could never come back. So ports are taken from below that range.
    """
    lowest_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(max(1024, lowest_ephemeral - 12_000), lowest_ephemeral)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def cluster_at(port: int) -> str | None:
    """The id of the cluster that answers there; None before it has a live broker, for it is of no use before."""
    request = struct.pack(">hhih", 3, 2, 1, -1) + struct.pack(">i", 0)  # Metadata v2, no client id, no topics
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = connection.makefile("rb")
            _size, _correlation, brokers = struct.unpack(">iii", answer.read(12))
            for _ in range(brokers):
                answer.read(4)  # node id
                _read_string(answer)  # host
                answer.read(4)  # port
                _read_string(answer)  # rack
            return _read_string(answer) if brokers else None
    except (OSError, struct.error):  # nobody there, too slow, or gone in mid-answer
        return None


def _read_string(answer: BinaryIO) -> str | None:
    (length,) = struct.unpack(">h", answer.read(2))
    return answer.read(length).decode() if length >= 0 else None


def main() -> None:
    """Run one broker in the foreground."""
    parser = argparse.ArgumentParser(prog="python -m tools.kafka.broker", description=__doc__)
    parser.add_argument("--port", type=int, help="on the loopback address; a free one if not said")
    parser.add_argument("--dir", type=Path, help="where its data stay; they go with it if not said")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        with Broker(options.port, options.dir) as broker:
            print(broker.url, flush=True)
            broker.wait()
    except KeyboardInterrupt:
        pass
    except BrokerUnavailable as problem:
        raise SystemExit(str(problem)) from None


if __name__ == "__main__":
    main()
