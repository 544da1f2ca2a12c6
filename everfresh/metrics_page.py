"""The metrics of a reactor that runs in a process without sinks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from everfresh.site import Site


@asynccontextmanager
async def reactor_page(site: Site) -> AsyncIterator[None]:
    """Serve it while the block runs, where the settings say a port. Raises SettingError for an address in use."""
    settings = site.settings
    if settings.reactor_port is None:
        yield
        return
    from sinks.io.prometheus import Pages, PagesServer

    server = PagesServer(Pages([lambda _now_ms: [site.decisions.family()]], {}))
    await server.start(settings.metrics_host, settings.reactor_port)
    try:
        yield
    finally:
        await server.close()
