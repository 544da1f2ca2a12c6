"""The chain in one process on the embedded log, as `everfresh dev` runs it: each append is fsynced."""

import asyncio
import sys
import time

import orjson
import uvloop

from bench.hop import COUNTED, WARM, said
from everfresh import AsyncPublisher, wiring
from everfresh.config import settings
from everfresh.loading import load_app
from everfresh.site import deploy, opened
from streams.ports import Subscription

ROLES = ("ingress", "reactor", "worker")


async def once(subscription: Subscription, publisher: AsyncPublisher, number: int) -> float:
    """Publish a change, and wait until the third asset has taken it in."""
    begun = time.perf_counter()
    await publisher.publish("chain/start", version=str(number))
    while True:
        for entries in (await subscription.fetch(100, 5_000)).values():
            for entry in entries:
                data = orjson.loads(entry.value or b"{}").get("data", {})
                if data.get("asset") == "chain/third" and data["cut"].get("chain/start") == number:
                    return time.perf_counter() - begun


async def measure(path: str) -> None:
    url = f"sqlite://{path}"
    async with opened(settings(log=url)) as site, AsyncPublisher(url, source="bench") as publisher:
        app = load_app("bench/chain.py")
        await deploy(site, app)
        stop = asyncio.Event()
        serving = asyncio.create_task(wiring.serve(site, ROLES, [app.domain], app, stop))
        await asyncio.sleep(1)
        subscription = await site.log.log.subscribe("bench", [site.settings.topics.materializations.name], "latest")
        times = [await once(subscription, publisher, number) for number in range(1, WARM + COUNTED + 1)]
        await subscription.close()
        said("embedded, with fsync", times[WARM:])
        stop.set()
        await serving


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure(sys.argv[1]))
