"""How long a process's reactors take is counted on, also when they begin anew with one more domain."""

import asyncio
from collections.abc import Sequence

from everfresh.config import Settings
from everfresh.site import Site
from everfresh.wiring import reactor
from sinks.series import Spread
from streams.io.urls import open_log
from streams.ports import Record
from tests.patience import PATIENCE_SECONDS


def counted(site: Site) -> dict[str, float]:
    """Turns, by domain."""
    return {
        labels[0]: value.buckets[-1][1] for labels, value in site.decisions.family().rows if isinstance(value, Spread)
    }


async def served(site: Site, domains: Sequence[str]) -> None:
    """Reactors of these domains, until each has taken one turn more."""
    before, stop = counted(site), asyncio.Event()
    task = asyncio.create_task(reactor(site, domains, None, stop))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not all(counted(site).get(one, 0) > before.get(one, 0) for one in domains):
            for one in domains:
                await site.log.log.append([Record(site.settings.topics.journal(one).name, b"{}", partition=0)])
            await asyncio.sleep(0.02)
    stop.set()
    await task


async def test_turns_are_counted_by_domain_and_go_on_where_they_were() -> None:
    site = Site(Settings(log="memory:"), await open_log("memory:"))
    await site.prepare(["shop", "finance"])
    await served(site, ["shop"])
    first = counted(site)
    assert set(first) == {"shop"}
    await served(site, ["shop", "finance"])
    assert counted(site)["shop"] > first["shop"]
    assert set(counted(site)) == {"shop", "finance"}
    await site.log.close()
