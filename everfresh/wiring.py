"""The composition root: which parts make up a role, on the log that the settings name."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from everfresh.metrics_page import reactor_page
from reactors.granting import Terms
from reactors.io.clock import SystemClock
from reactors.io.ingress import ROLE, Ingress
from reactors.io.reactor import Pace, Parts
from reactors.io.reactor_host import ReactorHost
from streams.errors import Gap, LogUnavailable, SettingError
from streams.io.gaps import missed

if TYPE_CHECKING:
    from everfresh.app import App
    from everfresh.site import Site

logger = logging.getLogger("everfresh")

ROLES = ("ingress", "reactor", "worker", "sinks", "gateway")

Role = Callable[["Site", Sequence[str], "App | None", asyncio.Event], Coroutine[Any, Any, None]]


async def serve(site: Site, roles: Sequence[str], domains: Sequence[str], app: App | None, stop: asyncio.Event) -> None:
    """Run these roles until `stop` is set; the first that fails ends all, and its error is raised."""
    async with asyncio.TaskGroup() as group:
        for role in roles:
            group.create_task(_PARTS_OF[role](site, domains, app, stop), name=f"everfresh-{role}")


async def reactor(site: Site, domains: Sequence[str], _app: App | None, stop: asyncio.Event) -> None:
    """The reactors of these domains."""
    settings, log = site.settings, site.log
    parts = Parts(
        log.log, log.snapshots, log.fencing, SystemClock(), settings.topics, site.transactional, site.decided, log.trim
    )
    terms = Terms(settings.lease_ms, settings.claim_ms)
    pace = Pace(
        snapshot_entries=settings.snapshot_entries, snapshot_ms=settings.snapshot_ms, keep_ms=settings.journal_keep_ms
    )
    host = ReactorHost(domains, parts, terms, pace)
    telling = asyncio.create_task(_tell_when_ready(site, host), name="everfresh-reactor-ready")
    try:
        async with reactor_page(site):
            await host.run(stop)
    finally:
        telling.cancel()


async def _tell_when_ready(site: Site, host: ReactorHost) -> None:
    await host.turned.wait()
    site.ready("reactor")


async def ingress(site: Site, _domains: Sequence[str], _app: App | None, stop: asyncio.Event) -> None:
    """Moves what outside services publish into the journals of whatever domains there are.

    Of all of them, always: its group deals the partitions out among all ingresses, whichever domains are in them.
    """
    from everfresh.site import domains

    part = Ingress(site.log.log, site.settings.topics, lambda: domains(site))
    while not stop.is_set():
        try:
            await _take_in(site, part, stop)
        except LogUnavailable as error:  # what was fetched isn't fetched again: a new member begins where the group is
            logger.warning("%s; trying again", error)
            await asyncio.sleep(0.5)


async def _take_in(site: Site, part: Ingress, stop: asyncio.Event) -> None:
    group = site.settings.topics.group(ROLE)
    subscription = await site.log.log.subscribe(group, [site.settings.topics.changes.name])
    site.ready("ingress")
    try:
        while not stop.is_set():
            try:
                batches = await subscription.fetch(2_000, 500)
            except Gap:
                for gap in await missed(site.log.log, subscription, group):
                    await part.announce(gap)
                    await subscription.commit({(gap.topic, gap.partition): gap.last + 1})
                continue
            if batches:
                await subscription.commit(await part.turn(batches))
    finally:
        await subscription.close()


async def worker(site: Site, _domains: Sequence[str], app: App | None, stop: asyncio.Event) -> None:
    """A worker for an app."""
    from everfresh import workers

    if app is None:
        raise SettingError("a worker runs an app's functions: say which with --app")
    await workers.serve(site, app, stop)


async def sinks(site: Site, _domains: Sequence[str], _app: App | None, stop: asyncio.Event) -> None:
    """The destinations that the settings name."""
    from everfresh import listeners

    await listeners.serve(site, stop)


async def gateway(site: Site, _domains: Sequence[str], _app: App | None, stop: asyncio.Event) -> None:
    """The HTTP way in."""
    from everfresh.gateway import server

    await server.serve(site, stop)


_PARTS_OF: dict[str, Role] = {
    "ingress": ingress,
    "reactor": reactor,
    "worker": worker,
    "sinks": sinks,
    "gateway": gateway,
}


def built() -> tuple[str, ...]:
    """The roles that this version has."""
    return tuple(role for role in ROLES if role in _PARTS_OF)
