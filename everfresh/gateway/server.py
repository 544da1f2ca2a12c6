"""Serves the gateway's routes until told to stop."""

import asyncio
from ipaddress import ip_address

from aiohttp import web

from everfresh.gateway.events import BODY_MAX, Events
from everfresh.site import Site
from streams.errors import SettingError


async def serve(site: Site, stop: asyncio.Event) -> None:
    """Listen where the settings say. Raises SettingError for an open door without a lock, or an address in use."""
    settings = site.settings
    if not _is_loopback(settings.gateway_host) and not settings.gateway_token:
        raise SettingError(
            f"the gateway would listen on {settings.gateway_host!r} for anybody: set EVERFRESH_GATEWAY_TOKEN, "
            "or listen on 127.0.0.1"
        )
    app = web.Application(client_max_size=BODY_MAX)
    events = Events(site.log.log, settings.topics, settings.gateway_token or None, settings.datasets)
    app.add_routes(events.routes())
    app.add_routes([web.get("/health", _health)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.gateway_host, settings.gateway_port).start()
        site.ready("gateway")
        await stop.wait()
    except OSError as error:
        raise SettingError(
            f"the gateway can't listen on {settings.gateway_host}:{settings.gateway_port}: {error.strerror or error}; "
            "set another gateway_port"
        ) from error
    finally:
        await runner.cleanup()


async def _health(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
