"""The sinks role: what listens to a site's output topics, each destination a group and a task of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sinks.io.board_feed import BoardFeed
from sinks.io.delivery import Delivery
from sinks.io.log import LogDestination, log_route
from sinks.io.prometheus import Pages, PagesServer
from sinks.metrics import Board

if TYPE_CHECKING:
    from everfresh.site import Site


async def serve(site: Site, stop: asyncio.Event) -> None:
    """Deliver to the sinks that the settings name, until `stop`."""
    named, topics = site.settings.sinks, site.settings.topics
    board = Board()
    feed = BoardFeed(board, site.log.log, topics)
    log = Delivery(log_route(topics), LogDestination.to(None), site.log.log, topics, board.delivered)
    async with asyncio.TaskGroup() as group:
        if "log" in named:
            group.create_task(log.run(stop), name="everfresh-sink-log")
            await log.ready.wait()
        if "prometheus" in named:
            group.create_task(feed.run(stop), name="everfresh-board")
            group.create_task(_pages(site, feed, log if "log" in named else None, stop), name="everfresh-pages")
            await feed.ready.wait()
        site.ready("sinks")


async def _pages(site: Site, feed: BoardFeed, log: Delivery | None, stop: asyncio.Event) -> None:
    watched = {"metrics": feed.trouble} | ({"log": log.trouble} if log is not None else {})
    server = PagesServer(Pages([feed.families], watched))
    await server.start(site.settings.metrics_host, site.settings.metrics_port)
    try:
        await stop.wait()
    finally:
        await server.close()
