"""The sinks role: what listens to a site's output topics, each destination a group and a task of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from everfresh.alert_destinations import Part, alert_parts
from everfresh.messengers import messengers
from everfresh.recorders import recorders
from reactors.io.reactor import ROLE as REACTORS
from sinks.choosing import Choice, types_of
from sinks.io.board_feed import BoardFeed
from sinks.io.delivery import Delivery
from sinks.io.journal_lag import JournalLag
from sinks.io.log import LogDestination, log_route
from sinks.io.prometheus import Pages, PagesServer
from sinks.io.webhook import Hook, Webhook
from sinks.metrics import Board
from streams.io.racing import unless_stopped

if TYPE_CHECKING:
    from everfresh.site import Site


async def serve(site: Site, stop: asyncio.Event) -> None:
    """Deliver to the sinks that the settings name, until `stop`. Raises SettingError for one that can't be."""
    most = site.settings.metrics_series
    board = Board(most, most)
    feed = BoardFeed(board, site.log.log, site.settings.topics)
    parts = list(_parts(site, board))
    deliveries = [one.delivery for one in parts]
    for delivery in deliveries:
        board.expect(delivery.route.sink)
    async with asyncio.TaskGroup() as group:
        for one in parts:
            group.create_task(one.delivery.run(stop), name=f"everfresh-sink-{one.delivery.route.sink}")
            for beside in one.beside:
                group.create_task(beside.run(stop), name=f"everfresh-beside-{one.delivery.route.sink}")
        for delivery in deliveries:
            if not await unless_stopped(delivery.ready.wait(), stop):
                return
        if "prometheus" in site.settings.sinks:
            lag = JournalLag(site.log.log, site.log.admin, site.settings.topics, site.settings.topics.group(REACTORS))
            group.create_task(feed.run(stop), name="everfresh-board")
            group.create_task(lag.run(stop), name="everfresh-lag")
            group.create_task(_pages(site, feed, lag, parts, stop), name="everfresh-pages")
            if not await unless_stopped(feed.ready.wait(), stop):
                return
        site.ready("sinks")


def _parts(site: Site, board: Board) -> Iterator[Part]:
    settings, log, topics = site.settings, site.log.log, site.settings.topics
    if "log" in settings.sinks:
        yield Part(Delivery(log_route(topics), LogDestination.to(None), log, topics, board.delivered))
    for name, said in settings.webhooks.items():
        choice = settings.routing.choice(f"webhook-{name}", Choice(types_of(said.types), said.least))
        often = said.per_minute
        hook = Hook(name, said.url, said.keys(name), choice, said.allow_private, said.timeout_ms, often)
        yield Part(Delivery(hook.route(topics), Webhook(hook), log, topics, board.delivered))
    yield from alert_parts(site, board.delivered)
    for route, destination in (*recorders(settings), *messengers(settings)):
        yield Part(Delivery(route, destination, log, topics, board.delivered))


async def _pages(site: Site, feed: BoardFeed, lag: JournalLag, parts: list[Part], stop: asyncio.Event) -> None:
    watched = {"metrics": feed.trouble} | {one.delivery.route.sink: one.delivery.trouble for one in parts}
    outside = {one.delivery.route.sink: one.failing for one in parts}
    shown = [feed.families, lag.families, lambda _now_ms: [site.decisions.family()]]
    server = PagesServer(Pages(shown, watched, outside=outside))
    await server.start(site.settings.metrics_host, site.settings.metrics_port)
    try:
        await stop.wait()
    finally:
        await server.close()
