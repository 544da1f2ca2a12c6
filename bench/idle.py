"""What 200 assets cost while nothing happens, and how long one change takes to reach 199 of them.

On real Kafka with the reactor (and the ingress) in one process and a worker in another; and in one process on the
embedded log, as `everfresh dev` runs it. CPU and memory are the kernel's own account of each process and its children.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import orjson
import uvloop

from bench.fan import ASSETS
from bench.stage import EVERFRESH, deployed, running
from everfresh import AsyncPublisher
from everfresh.config import settings
from everfresh.site import opened
from tools.kafka.broker import Broker

APP = "bench/fan.py"
SETTLE_SECONDS, WATCHED_SECONDS = 20, 60
REST_SECONDS = 65  # until processes that nobody needs are let go
ROUNDS = 20
SLOTS = 64
SURROUNDINGS = {"EVERFRESH_SLOTS": str(SLOTS), "EVERFRESH_METRICS_PORT": "0"}
TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


def cpu_seconds(pids: Sequence[int]) -> float:
    """What these processes have used up to now."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(one[11]) + int(one[12]) for one in fields) / TICKS


def memory_mib(pids: Sequence[int]) -> float:
    """What they hold in memory; a page that several share counts once."""
    pss = 0
    for pid in pids:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        pss += next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
    return pss / 1_024


def watch(name: str, roots: Sequence[int], settle: float) -> None:
    """Print what these processes cost while nothing happens, once they had `settle` seconds to come to rest."""
    time.sleep(settle)
    pids = [one for root in roots for one in family(root)]
    before = cpu_seconds(pids)
    time.sleep(WATCHED_SECONDS)
    used = cpu_seconds(pids) - before
    print(
        f"idle: {name:<22} {used * 60 / WATCHED_SECONDS:5.2f} CPU seconds a minute, {memory_mib(pids):4.0f} MiB in "
        f"{len(pids)} processes ({ASSETS} assets)",
        flush=True,
    )


async def fan_out(name: str, url: str, slots: int) -> None:
    """Print how long a change takes until all that read it have taken it in."""
    async with opened(settings(log=url)) as site, AsyncPublisher(url, source="bench") as publisher:
        subscription = await site.log.log.subscribe("bench", [site.settings.topics.materializations.name], "latest")
        await subscription.fetch(1, 1_000)
        times = []
        for number in range(1, ROUNDS + 1):
            begun = time.perf_counter()
            await publisher.publish("fan/start", version=str(number))
            there = set[str]()
            while len(there) < ASSETS - 1:
                for entries in (await subscription.fetch(1_000, 5_000)).values():
                    for entry in entries:
                        data = orjson.loads(entry.value or b"{}").get("data", {})
                        if data.get("cut", {}).get("fan/start") == number:
                            there.add(data["asset"])
            times.append(time.perf_counter() - begun)
        await subscription.close()
    ordered = sorted(times)
    print(
        f"fan-out: {name:<19} one change to {ASSETS - 1} assets: median {ordered[len(ordered) // 2]:.2f} s, longest "
        f"{ordered[-1]:.2f} s, first {times[0]:.2f} s ({ROUNDS} changes, {slots} slots)",
        flush=True,
    )


def run(name: str, url: str, roots: Sequence[int], slots: int = SLOTS, settle: float = SETTLE_SECONDS) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(fan_out(name, url, slots))
    watch(name, roots, settle)


def on_kafka() -> None:
    with ExitStack() as stack:
        broker = stack.enter_context(Broker())
        where = ("--app", APP, "--log", broker.url)
        deployed(APP, broker.url)
        start = (*EVERFRESH, "start")
        reactor = stack.enter_context(running(*start, "reactor", "ingress", *where, **SURROUNDINGS))
        worker = stack.enter_context(running(*start, "worker", *where, **SURROUNDINGS))
        run("on Kafka", broker.url, [reactor, worker])


def embedded(name: str, slots: int, settle: float, **surroundings: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite://{folder}/log.db"
        said = SURROUNDINGS | {"EVERFRESH_SLOTS": str(slots)} | surroundings
        with running(*EVERFRESH, "dev", APP, "--log", url, ready="200 assets", **said) as dev:
            run(name, url, [dev], slots, settle)


def main() -> None:
    on_kafka()
    embedded("embedded", SLOTS, SETTLE_SECONDS)
    embedded("embedded, ordinary", os.cpu_count() or 1, REST_SECONDS, BENCH_FAN="ordinary")
