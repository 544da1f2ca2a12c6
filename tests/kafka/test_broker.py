"""The broker that the other tests stand on; each test here starts its own."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import PATIENCE_SECONDS
from tools.kafka.broker import Broker, cluster_at, free_port
from tools.kafka.jars import BrokerUnavailable, jars, version

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def broker(kafka_broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One that may be harmed; `kafka_broker` only says whether there can be one here."""
    with Broker(directory=tmp_path_factory.mktemp("broker")) as own:
        yield own


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually_dead(pid: int) -> bool:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while alive(pid) and time.monotonic() < give_up:
        time.sleep(0.05)
    return not alive(pid)


def test_it_answers_at_the_address_it_names(broker: Broker) -> None:
    host, _, port = broker.address.partition(":")
    assert host == "127.0.0.1"
    assert cluster_at(int(port))
    assert broker.url == f"kafka://{broker.address}"


def test_killed_it_comes_back_with_the_same_port_and_cluster(broker: Broker) -> None:
    address, identity = broker.address, (broker.directory / "data" / "meta.properties").read_text()
    broker.kill()
    assert not cluster_at(int(address.split(":")[1]))
    broker.restart()
    assert (broker.address, (broker.directory / "data" / "meta.properties").read_text()) == (address, identity)


def test_paused_it_holds_connections_and_answers_nothing_until_it_is_resumed(broker: Broker) -> None:
    port = int(broker.address.split(":")[1])
    broker.pause()
    socket.create_connection(("127.0.0.1", port), timeout=1).close()
    assert not cluster_at(port)
    broker.resume()
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not cluster_at(port):
        assert time.monotonic() < give_up, "a resumed broker must answer again"


def test_a_broker_outlives_the_thread_that_restarted_it(broker: Broker) -> None:
    thread = threading.Thread(target=broker.restart)
    thread.start()
    thread.join()
    time.sleep(0.5)  # the kernel's signal would come at once
    assert alive(broker.pid)


def test_stop_ends_even_a_paused_broker(broker: Broker) -> None:
    pid = broker.pid
    broker.pause()
    broker.stop()
    assert not alive(pid)
    broker.start()


def test_starting_a_running_broker_again_is_refused(broker: Broker) -> None:
    with pytest.raises(RuntimeError, match="already runs"):
        broker.start()


def test_on_the_command_line_it_prints_its_url_and_dies_with_its_parent(kafka_broker: Broker, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.kafka.broker", "--dir", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        children = Path(f"/proc/{parent.pid}/task").glob("*/children")
        (child,) = [int(pid) for path in children for pid in path.read_text().split()]
        assert cluster_at(int(url.rpartition(":")[2]))
        os.kill(parent.pid, signal.SIGKILL)  # so that nothing of its own can clean up
        assert eventually_dead(child)


def test_a_port_that_is_taken_is_reported_in_the_brokers_own_words(kafka_broker: Broker, tmp_path: Path) -> None:
    taken = int(kafka_broker.address.split(":")[1])
    with pytest.raises(BrokerUnavailable, match="Address already in use"):
        Broker(taken, tmp_path).start()


def test_without_java_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BrokerUnavailable, match="needs java"):
        Broker(directory=tmp_path).start()


def test_two_processes_may_fetch_the_jars_at_once(
    kafka_broker: Broker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    command = [sys.executable, "-c", "from tools.kafka.jars import jars; print(jars())"]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate()[0].strip() for process in both]
    assert told[0] == told[1] == str(jars())
    assert (jars() / f"kafka_2.13-{version()}.jar").is_file()
    assert [path.name for path in jars().parent.iterdir() if path.name.startswith(".fetching")] == []


def test_free_ports_are_ones_the_kernel_gives_to_nobody() -> None:
    lowest_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(free_port() < lowest_ephemeral for _ in range(50))
