"""What docker-compose.yml says of our services, run as it stands: only the name of the broker and ports are ours."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from tests.cli.shop import Running, Shop, eventually
from tools.kafka.broker import Broker, free_port

ROOT = Path(__file__).resolve().parents[2]
COMPOSED_LOG = "kafka://kafka:9092"


def composed() -> dict[str, dict[str, Any]]:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return {name: service for name, service in services.items() if service.get("build") == "."}


def said(value: str) -> str:
    """A setting as Compose reads it where nobody set the variable: `${NAME:-default}` is the default."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


class Composition:
    """The services, each in a folder that looks like its container's working directory."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self.ports = {"EVERFRESH_METRICS_PORT": str(free_port()), "EVERFRESH_GATEWAY_PORT": str(free_port())}
        self.log = {"EVERFRESH_LOG": broker.url, "EVERFRESH_PREFIX": "composed."}
        self._url, self._folder = broker.url, folder

    def shop(self, name: str) -> Shop:
        place = self._folder / name
        place.mkdir()
        (place / "examples").symlink_to(ROOT / "examples")
        return Shop(place)

    @contextmanager
    def running(self, name: str, service: dict[str, Any]) -> Iterator[Running]:
        command = [self._url if word == COMPOSED_LOG else word for word in service["command"]]
        settings = {key: said(value) for key, value in service.get("environment", {}).items()}
        # The prefix only keeps this test's topics from others' on the same broker.
        prefix = {"EVERFRESH_PREFIX": self.log["EVERFRESH_PREFIX"]}
        with self.shop(name).running(*command, **settings, **self.ports, **prefix) as one:
            yield one

    def asked(self, port: str, method: str, path: str, *content: Any) -> tuple[int, bytes]:
        link = HTTPConnection("127.0.0.1", int(self.ports[port]), timeout=10)
        try:
            link.request(method, path, *content)
            answer = link.getresponse()
            return answer.status, answer.read()
        finally:
            link.close()


@pytest.mark.kafka
def test_the_composed_services_start_take_a_change_in_and_drain(kafka_broker: Broker, tmp_path: Path) -> None:
    composition = Composition(kafka_broker, tmp_path)
    host = composition.shop("host")
    for app in ("airline_ops", "analytics"):
        host.ok("deploy", f"examples/nycflights/{app}.py", **composition.log)
    with ExitStack() as stack:
        services = composed()
        running = {name: stack.enter_context(composition.running(name, one)) for name, one in services.items()}
        for name, one in running.items():
            one.says(f"{name.partition('-')[0]} ready", 60)

        token = said(services["gateway"]["environment"]["EVERFRESH_GATEWAY_TOKEN"])
        change: dict[str, Any] = {
            "specversion": "1.0",
            "id": "1",
            "source": "tests",
            "type": "everfresh.asset.changed.v1",
        }
        change |= {"subject": "airline-ops/flights", "data": {"version": "0"}}
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/cloudevents+json"}
        status, body = composition.asked("EVERFRESH_GATEWAY_PORT", "POST", "/v1/events", orjson.dumps(change), headers)
        assert status == 202, body

        def taken_in() -> bool:
            (flights,) = host.ok("status", "airline-ops/flights", "--json", **composition.log).json()
            return bool(flights["changes"] == 1)

        assert eventually(taken_in, 60)
        status, page = composition.asked("EVERFRESH_METRICS_PORT", "GET", "/metrics")
        assert status == 200
        assert b"everfresh_" in page
        for name, one in running.items():
            assert one.ended() == 0, f"{name} drains within its grace"
