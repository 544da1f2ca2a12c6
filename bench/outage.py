"""One destination is down for a minute under 100 alerts a second: what the others' delivery pays for it, on real Kafka.

The sinks are one process, as shipped; a webhook and a PagerDuty integration stay up, another webhook answers 503, then
hangs, then hangs up, for a third of the time each. Latency is from the append's call to the request's arrival. Before
the outage and after it is over, the same load without one, in the same run.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import orjson
import uvloop
from aiohttp import web

from bench.stage import EVERFRESH, deployed, running
from everfresh.config import Settings
from everfresh.site import opened
from streams.cloudevents import HEADERS, encode, envelope, event_id
from streams.events import AlertOpened, AlertResolved, AlertUpdated
from streams.ports import EventLog, Record
from streams.topics import Topics
from streams.units import instant
from tools.kafka.broker import Broker

RATE = 100
"""alerts a second"""

ALERTS = 300
"""that come to fire in turn; each event is the next of one of them"""

CALM_SECONDS, OUTAGE_SECONDS = 45, 60
SETTLE_SECONDS = 10
DRAIN_SECONDS = 240

STEADY = ("webhook-steady", "pagerduty-steady")
DOWN = "webhook-down"

KINDS = (AlertOpened, AlertUpdated, AlertUpdated, AlertResolved)


class Receivers:
    """Who is posted to. `arrived`: sink → (event's id, arrival in ms), in order; what was refused isn't in it."""

    def __init__(self) -> None:
        self.arrived: dict[str, list[tuple[str, float]]] = defaultdict(list)
        self.down_since: float | None = None
        self.refused = 0

    async def webhook(self, request: web.Request) -> web.StreamResponse:
        name = f"webhook-{request.match_info['name']}"
        if name == DOWN and self.down_since is not None:
            return await self._refuse(request, self.down_since)
        self.arrived[name].append((request.headers["webhook-id"], now_ms()))
        return web.Response(status=204)

    async def pagerduty(self, request: web.Request) -> web.Response:
        said = orjson.loads(await request.read())
        payload = said.get("payload")
        if payload is not None:
            self.arrived["pagerduty-steady"].append((payload["custom_details"]["event"], now_ms()))
        return web.json_response({"status": "success", "message": "Event processed"}, status=202)

    async def _refuse(self, request: web.Request, since: float) -> web.StreamResponse:
        self.refused += 1
        part = int((now_ms() - since) / 1_000 / OUTAGE_SECONDS * 3)
        if part == 0:
            return web.Response(status=503)
        if part == 1:
            await asyncio.sleep(30)
        elif request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    async def serve(self) -> tuple[web.AppRunner, int]:
        app = web.Application()
        app.router.add_post("/webhook/{name}", self.webhook)
        app.router.add_post("/pagerduty", self.pagerduty)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return runner, int(runner.addresses[0][1])


class Load:
    """Alerts at a steady pace. `sent`: event's id → (when, fingerprint, its number among that alert's events)."""

    def __init__(self, log: EventLog, topics: Topics) -> None:
        self._log, self._topic = log, topics.alerts.name
        self.sent: dict[str, tuple[float, str, int]] = {}
        self._appends: set[asyncio.Task[object]] = set()

    async def run(self, seconds: float) -> tuple[float, float]:
        """Send for so long; returns when that was."""
        began = time.perf_counter()
        first = now_ms()
        for number in range(int(seconds * RATE)):
            await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
            task: asyncio.Task[object] = asyncio.create_task(self._log.append([self._record()]))
            self._appends.add(task)
            task.add_done_callback(self._appends.discard)
        return first, now_ms()

    def _record(self) -> Record:
        turn, which = divmod(len(self.sent), ALERTS)
        name, at_ms = f"alert{which}", now_ms()
        said = {
            "fingerprint": name,
            "episode": turn // len(KINDS) + 1,
            "sequence": turn % len(KINDS) + 1,
            "rule": "freshness.overdue",
            "severity": "error",
            "asset": f"chain/{which}",
            "summary": f"chain/{which} is more than 5m behind its sources",
            "since": instant(int(at_ms)),
        }
        event = KINDS[turn % len(KINDS)](**said)
        wrapped = envelope(event, event_id("outage", turn, which), "everfresh/chain", f"chain/{which}", int(at_ms))
        wrapped["sequence"] = f"{turn:012d}.000000"
        self.sent[wrapped["id"]] = (at_ms, name, turn)
        return Record(self._topic, encode(wrapped), name.encode(), HEADERS)


def now_ms() -> float:
    """By the clock that both ends are on: they are in this process."""
    return time.time_ns() / 1_000_000


class Figures(NamedTuple):
    """How long deliveries took, in ms."""

    p50: float
    p99: float

    def __str__(self) -> str:
        return f"p50 {self.p50:.1f} p99 {self.p99:.1f} ms"


def figures(load: Load, arrived: Sequence[tuple[str, float]], span: tuple[float, float]) -> Figures:
    """Of what was sent in this span; of repeats the first."""
    firsts: dict[str, float] = {}
    for name, at in arrived:
        firsts.setdefault(name, at)
    took = sorted(at - load.sent[name][0] for name, at in firsts.items() if span[0] <= load.sent[name][0] < span[1])
    return Figures(took[len(took) // 2], took[int(len(took) * 0.99)])


def is_in_order(load: Load, arrived: Sequence[tuple[str, float]]) -> bool:
    """Each alert's events came in their order; repeats don't count."""
    last: dict[str, int] = {}
    for name in dict.fromkeys(name for name, _ in arrived):
        _, alert, number = load.sent[name]
        if number <= last.get(alert, -1):
            return False
        last[alert] = number
    return True


async def measure(load: Load, receivers: Receivers) -> None:
    await load.run(SETTLE_SECONDS)
    spans = {"before": await load.run(CALM_SECONDS)}
    receivers.down_since = now_ms()
    spans["during"] = await load.run(OUTAGE_SECONDS)
    receivers.down_since = None
    spans["catching up"] = await _caught_up(load, receivers)
    spans["afterwards"] = await load.run(CALM_SECONDS)
    await _all_there(load, receivers)
    begin, end = spans["catching up"]
    print(f"outage: {len(load.sent)} alerts, {RATE} a second; {receivers.refused} calls refused in {OUTAGE_SECONDS} s")
    print(f"outage: all of them delivered to {DOWN} {(end - begin) / 1_000:.0f} s after its return")
    for sink in STEADY:
        arrived = receivers.arrived[sink]
        found = {name: figures(load, arrived, span) for name, span in spans.items()}
        calm = min(found["before"].p99, found["afterwards"].p99)  # the stricter of the two
        print(f"outage: {sink:<17} {'; '.join(f'{name} {one}' for name, one in found.items())}")
        during, after = found["during"].p99 / calm, found["catching up"].p99 / calm
        print(f"outage: {sink:<17} p99 during the outage is {during:.2f} x that without, catching up {after:.2f} x")


async def _caught_up(load: Load, receivers: Receivers) -> tuple[float, float]:
    """Go on until the one that was down has all but the last second's; returns when that was."""
    began = now_ms()
    while (left := len(load.sent) - len({name for name, _ in receivers.arrived[DOWN]})) > RATE:
        if now_ms() - began > DRAIN_SECONDS * 1_000:
            sys.exit(f"outage: {left} alerts weren't delivered {DRAIN_SECONDS} s after")
        await load.run(1)
    return began, now_ms()


async def _all_there(load: Load, receivers: Receivers) -> None:
    """Wait for the last ones, and look at the order. PagerDuty's resolutions name no event, and are left out."""
    wanted = {DOWN: set(load.sent), "webhook-steady": set(load.sent)}
    end = now_ms() + DRAIN_SECONDS * 1_000
    for sink, ids in wanted.items():
        while missing := ids - {name for name, _ in receivers.arrived[sink]}:
            if now_ms() > end:
                sys.exit(f"outage: {len(missing)} alerts never reached {sink}")
            await asyncio.sleep(0.2)
    for sink in (DOWN, *STEADY):
        if not is_in_order(load, receivers.arrived[sink]):
            sys.exit(f"outage: {sink} got an alert's events out of their order")
    print("outage: each alert's events came in their order, to each sink")


async def run(broker: Broker) -> None:
    receivers = Receivers()
    runner, port = await receivers.serve()
    here = f"http://127.0.0.1:{port}"
    secret = "whsec_" + "QUJD" * 8
    hooks = {
        name: {"url": f"{here}/webhook/{name}", "secret": secret, "allow_private": True} for name in ("steady", "down")
    }
    pagers = {"steady": {"routing_key": "k" * 32, "url": f"{here}/pagerduty", "allow_private": True}}
    said = {
        "EVERFRESH_SINKS": "[]",
        "EVERFRESH_WEBHOOKS": orjson.dumps(hooks).decode(),
        "EVERFRESH_PAGERDUTY": orjson.dumps(pagers).decode(),
    }
    settings = Settings(log=broker.url)
    with running(*EVERFRESH, "start", "sinks", "--log", broker.url, **said):
        async with opened(settings) as site:
            await measure(Load(site.log.log, settings.topics), receivers)
    await runner.cleanup()


def main() -> None:
    here = Path.cwd()
    with Broker() as broker, tempfile.TemporaryDirectory() as folder:
        deployed(str(here / "bench" / "chain.py"), broker.url)
        os.chdir(folder)  # no settings of whoever runs this
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
                loop.run(run(broker))
        finally:
            os.chdir(here)


if __name__ == "__main__":
    main()
