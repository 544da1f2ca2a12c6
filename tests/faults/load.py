"""A steady publisher that writes down what it was told is kept."""

import asyncio

from everfresh import AsyncPublisher
from streams.errors import LogUnavailable
from streams.topics import Topics

SENDER = "tests/faults"
SOURCES = ("orders", "rates", "stock")
TICK_SECONDS = 0.1


class Load:
    """Changes of three sources by turns. One that isn't acknowledged is sent again under its id until it is."""

    def __init__(self, url: str, topics: Topics, domain: str, a_second: int = 50) -> None:
        self._publisher = AsyncPublisher(url, SENDER, topics=topics)
        self._domain, self._a_tick = domain, round(a_second * TICK_SECONDS)
        self._sent = 0
        self.refused = 0  # sends of a batch that the log didn't take
        self.acked: list[dict[str, str]] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until `stop` is set and what was begun is acknowledged."""
        while not stop.is_set():
            await self._send([SOURCES[(self._sent + at) % len(SOURCES)] for at in range(self._a_tick)])
            await asyncio.sleep(TICK_SECONDS)
        await self._publisher.close()

    async def one(self, source: str, version: str) -> None:
        """Publish one change beside the others."""
        asset = f"{self._domain}/{source}"
        name = await self._publisher.publish(asset, version=version)
        self.acked.append({"source": SENDER, "id": name, "asset": asset})

    async def close(self) -> None:
        await self._publisher.close()

    async def _send(self, sources: list[str]) -> None:
        changes = []
        for source in sources:
            self._sent += 1
            number = str(self._sent)
            changes.append({"asset": f"{self._domain}/{source}", "id": f"c{number}", "version": number})
        while True:
            try:
                await self._publisher.publish_many(changes)
                break
            except LogUnavailable:
                self.refused += 1
                await asyncio.sleep(0.5)
        self.acked += [{"source": SENDER, "id": one["id"], "asset": one["asset"]} for one in changes]
