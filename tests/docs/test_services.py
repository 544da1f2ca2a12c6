"""The pages for other services, tried: what they publish is taken in, and what they print is the alert it led to."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer

import everfresh as ef
from everfresh.cli.streaming import stream
from sinks.signing import key_of, signature
from streams.cloudevents import decode, encode, parse
from tests.consumers.toolchains import built_alone, needs, node_modules
from tests.core.sinks_samples import event
from tests.docs.commands import lines
from tests.docs.pages import blocks
from tests.kafka.stage import ALL, Stage, installation, staged
from tests.patience import PATIENCE_SECONDS
from tools.kafka.broker import Broker, free_port

PUBLISHING, CONSUMING = "docs/publishing.md", "docs/consuming.md"
SECRET, OTHER = "whsec_" + "QUJD" * 8, "whsec_" + "REVG" * 8


def code(page: str, language: str, number: int = 0) -> str:
    return [block.text for block in blocks(language) if block.page == page][number]


class Reader:
    """Somebody who follows a page in a folder, with addresses of their own."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.folder, self.gateway = folder, free_port()
        self._addresses = {"127.0.0.1:9092": broker.address, "127.0.0.1:8080": f"127.0.0.1:{self.gateway}"}

    def program(self, page: str, language: str) -> tuple[str, ...]:
        """The command that runs the page's first program in a language."""
        source = self.theirs(code(page, language))
        if language == "go":
            return (str(built_alone(source, self.folder / f"go-{Path(page).stem}")),)
        return ("node", "-e", source) if language == "js" else (sys.executable, "-c", source)

    def theirs(self, text: str) -> str:
        for ours, theirs in self._addresses.items():
            text = text.replace(ours, theirs)
        return text

    async def ran(self, *command: str) -> str:
        """What a command prints that ends well."""
        async with self.running(*command) as process:
            out, err = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
        assert process.returncode == 0, err.decode()
        return out.decode()

    @asynccontextmanager
    async def running(self, *command: str) -> AsyncIterator[asyncio.subprocess.Process]:
        environment = os.environ | {"NODE_PATH": str(node_modules()), "KAFKAJS_NO_PARTITIONER_WARNING": "1"}
        process = await asyncio.create_subprocess_exec(
            *command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@pytest.fixture(scope="module")
def broker(kafka_broker: Broker) -> Iterator[Broker]:
    """One to which the pages' own names of topics are new."""
    with Broker() as broker:
        yield broker


@pytest.fixture
def reader(tmp_path: Path, broker: Broker) -> Reader:
    return Reader(tmp_path, broker)


@pytest.fixture
async def stage(broker: Broker) -> AsyncIterator[Stage]:
    app = ef.App("shop")
    app.source("orders")

    @app.asset(deps=["orders"], freshness=ef.Eager(), retry=ef.Retry(0))
    async def revenue(orders: ef.Input) -> None:
        raise ValueError("no such warehouse")

    async with staged(installation(broker.url, prefix="everfresh."), app, *ALL) as stage:
        yield stage


async def published(stage: Stage) -> list[dict[str, Any]]:
    """All changes of orders that are there, each as one the contract allows."""
    found = []
    async for entry in stream(stage.site.log, [stage.settings.topics.changes.name], None, follow=False):
        change = decode(entry.value, entry.headers)
        parse(change)
        assert (entry.key, change["subject"], change["source"]) == (b"shop/orders", "shop/orders", "checkout")
        assert dict(entry.headers)["content-type"] == b"application/cloudevents+json"
        found.append(change)
    return found


async def told(process: asyncio.subprocess.Process) -> str:
    """The first line about an event; kafkajs prints JSON about itself before."""
    assert process.stdout is not None
    while (line := (await process.stdout.readline()).decode()).startswith("{"):
        pass
    return line


@pytest.mark.kafka
async def test_each_way_to_publish_is_taken_in(stage: Stage, reader: Reader) -> None:
    needs("curl", "kcat")
    await stage.start("gateway", gateway_port=reader.gateway)
    (reader.folder / "change.json").write_text(code(PUBLISHING, "json"))
    for language in ("python", "go", "js"):
        await reader.ran(*reader.program(PUBLISHING, language))
    assert sorted(one["data"]["version"] for one in await published(stage)) == ["41", "43", "44"]
    commands = [line for block in blocks("sh") if block.page == PUBLISHING for line in lines(block.text)]
    theirs = [line for line in commands if not line.startswith("everfresh ")]  # ours: tests/cli/test_run_program.py
    assert [line.split()[0] for line in theirs] == ["curl", "kcat"]
    for line in theirs:
        await reader.ran("bash", "-c", reader.theirs(line))
    assert sorted(one["data"]["version"] for one in await published(stage)) == ["41", "42", "42", "43", "44"]
    await stage.until(lambda: stage.domain.state.roots["shop/orders"].seq == 4, "each counts, and the repeat doesn't")


@pytest.mark.kafka
async def test_each_way_to_consume_shows_the_alert(stage: Stage, reader: Reader) -> None:
    needs("kcat")
    await stage.publish("shop/orders", version="1")
    await stage.until(lambda: stage.domain.state.alerts, "an alert")
    for language in ("python", "go", "js"):
        async with reader.running(*reader.program(CONSUMING, language)) as process:
            said = await asyncio.wait_for(told(process), PATIENCE_SECONDS)
        assert said.startswith("everfresh.alert.opened.v1 shop/revenue "), language
    [command] = [line for block in blocks("sh") if block.page == CONSUMING for line in lines(block.text)]
    alerts = [orjson.loads(line) for line in (await reader.ran("bash", "-c", reader.theirs(command))).splitlines()]
    assert {(one["type"], one["subject"]) for one in alerts} == {("everfresh.alert.opened.v1", "shop/revenue")}


def signed(body: bytes, secret: str, late_s: int = 0) -> dict[str, str]:
    at = round(time.time()) - late_s
    made = signature([key_of(OTHER), key_of(secret)], "e1", at, body)
    return {"webhook-id": "e1", "webhook-timestamp": str(at), "webhook-signature": made}


async def test_the_receiver_of_a_webhook_takes_what_is_genuine_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ONCALL_SECRET", SECRET)
    page: dict[str, Any] = {"__name__": "page"}
    exec(compile(code(CONSUMING, "python", 1), CONSUMING, "exec"), page)  # noqa: S102  our own page
    body = encode(event("alert.opened"))
    async with TestClient(TestServer(page["app"])) as client:
        for headers, status in ((signed(body, OTHER), 401), (signed(body, SECRET), 204), (signed(body, SECRET), 204)):
            answer = await client.post("/hooks/everfresh", data=body, headers=headers)
            assert answer.status == status
    assert capsys.readouterr().out.count("everfresh.alert.opened.v1") == 1


def test_the_check_in_node_lets_in_what_is_genuine_and_nothing_else() -> None:
    needs("node")
    body = encode(event("alert.opened"))
    program = code(CONSUMING, "js", 1) + (
        "for (const [headers, body, secret] of JSON.parse(require('node:fs').readFileSync(0))) {\n"
        "  try { console.log(verify(headers, Buffer.from(body), secret).id); } catch (error) { console.log('no'); }\n"
        "}"
    )
    text = body.decode()
    tries = [
        (signed(body, SECRET), text, SECRET),
        (signed(body, OTHER), text, SECRET),
        (signed(body, SECRET), text + " ", SECRET),
        (signed(body, SECRET, late_s=310), text, SECRET),
        (signed(body, SECRET, late_s=-310), text, SECRET),
        (signed(body, SECRET) | {"webhook-timestamp": "soon"}, text, SECRET),
        ({}, text, SECRET),
    ]
    done = subprocess.run(["node", "-e", program], input=orjson.dumps(tries), capture_output=True, check=True)
    assert done.stdout.decode().split() == [event("alert.opened")["id"], *["no"] * 6]


def test_only_pages_that_are_tried_here_call_other_programs() -> None:
    calling = {block.page for block in blocks("sh") for line in lines(block.text) if line.startswith(("curl", "kcat"))}
    assert calling == {PUBLISHING, CONSUMING}
