"""The real Alertmanager, and whoever it notifies: each alert is a group of its own, told at once."""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.patience import PATIENCE_SECONDS
from tools.kafka.broker import free_port

PROGRAM = "prometheus-alertmanager"

Json = dict[str, Any]

_CONFIG = """
route:
  receiver: test
  group_by: ["..."]
  group_wait: 0s
  group_interval: 100ms
  repeat_interval: 24h
receivers:
  - name: test
    webhook_configs:
      - url: "{url}"
        send_resolved: true
"""


@dataclass
class RealAlertmanager:
    """One that runs. `heard` is what it notified its receiver of: (status, labels), in order."""

    url: str
    heard: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    async def firing(self, **labels: str) -> list[Json]:
        """What it shows as firing, by its own API, of what has these labels."""
        filters = urlencode([("filter", f'{name}="{value}"') for name, value in labels.items()])
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/api/v2/alerts?{filters}") as answer:
            found: list[Json] = orjson.loads(await answer.read())
            return found

    def told(self, fingerprint: str, episode: int | str = 1) -> list[str]:
        """How it told of an episode, in order; a repeat of the same is told once."""
        said = [how for how, labels in self.heard if _episode(labels) == (fingerprint, str(episode))]
        return [how for at, how in enumerate(said) if at == 0 or said[at - 1] != how]

    def names(self) -> dict[tuple[str, str], set[frozenset[tuple[str, str]]]]:
        """Each episode → the sets of labels that it came with: what names it there."""
        found: dict[tuple[str, str], set[frozenset[tuple[str, str]]]] = {}
        for _, labels in self.heard:
            found.setdefault(_episode(labels), set()).add(frozenset(labels.items()))
        return found


def _episode(labels: dict[str, str]) -> tuple[str, str]:
    return labels["fingerprint"], labels["episode"]


@asynccontextmanager
async def alertmanager(folder: Path, port: int = 0) -> AsyncIterator[RealAlertmanager]:
    """Start one on a free port, or on this one; wait until it answers."""
    if shutil.which(PROGRAM) is None:
        if os.environ.get("CI"):
            pytest.fail(f"{PROGRAM} is missing: make test installs it", pytrace=False)
        pytest.skip(f"{PROGRAM} is missing")
    made = RealAlertmanager(f"http://127.0.0.1:{port or free_port()}")

    async def hear(request: web.Request) -> web.Response:
        said = orjson.loads(await request.read())
        made.heard += [(one["status"], one["labels"]) for one in said["alerts"]]
        return web.Response()

    app = web.Application()
    app.router.add_post("/", hear)
    async with TestServer(app) as server:
        config = folder / "alertmanager.yml"
        config.write_text(_CONFIG.format(url=f"http://127.0.0.1:{server.port}/"))
        command = [PROGRAM, f"--config.file={config}", f"--storage.path={folder}/store", "--cluster.listen-address="]
        with (folder / "alertmanager.log").open("ab") as said:
            listening = f"--web.listen-address={made.url.removeprefix('http://')}"
            process = subprocess.Popen([*command, listening], stdout=said, stderr=said)
        try:
            await _ready(made.url, process, folder)
            yield made
        finally:
            process.kill()
            process.wait()


async def _ready(url: str, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < end and process.poll() is None:
            try:
                async with session.get(f"{url}/-/ready") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
    raise AssertionError(f"no Alertmanager:\n{(folder / 'alertmanager.log').read_text()[-2000:]}")
