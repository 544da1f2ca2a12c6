"""`start` on duty: which roles, for which domains, until when."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from everfresh.app import App
from everfresh.cli.command import GOOD, UsedWrongly
from everfresh.cli.running import stop_on_signals, unless_away, waited
from everfresh.cli.screen import note
from everfresh.config import Settings
from everfresh.loading import load_app
from everfresh.options import meant
from everfresh.site import Site, domains, opened
from everfresh.wiring import built, serve

LOOK_SECONDS = 3.0
"""how often new domains are looked for"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which roles (none: all that can be), with which app, for which domains (none: all there are)."""

    roles: Sequence[str]
    app: str | None
    domains: Sequence[str]


async def on_duty(settings: Settings, wanted: Wanted, tell: Callable[[str], None]) -> int:
    """Serve until a signal. Raises UsedWrongly for a role that isn't there, or a worker without an app."""
    roles = roles_of(wanted)
    app = load_app(wanted.app) if wanted.app is not None else None
    stop = stop_on_signals()
    async with opened(settings) as opened_site:
        site = replace(opened_site, ready=tell)
        drained = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            if others := [role for role in roles if role not in {"worker", "reactor"}]:
                group.create_task(_for_all(site, others, drained))
            if "reactor" in roles:
                group.create_task(_react(site, wanted, drained))
            if "worker" in roles and app is not None:
                await _work(site, app, stop)
            await stop.wait()
            drained.set()  # what a worker says while it drains is still taken in
    return GOOD


def roles_of(wanted: Wanted) -> list[str]:
    """The roles named, or all that can be: a worker only with an app."""
    there = built()
    for role in wanted.roles:
        if role not in there:
            raise UsedWrongly(f"there is no role {role!r}; {meant(role, there)}")
    if wanted.app is None and "worker" in wanted.roles:
        raise UsedWrongly("a worker runs an app's functions; say which: everfresh start worker --app shop.py")
    return list(dict.fromkeys(wanted.roles or [role for role in there if role != "worker" or wanted.app is not None]))


async def _work(site: Site, app: App, stop: asyncio.Event) -> None:
    """A worker, once its app's domain is deployed: it never declares anything itself."""
    if app.domain not in await domains(site):
        note(f"domain {app.domain!r} isn't deployed yet: worker will begin with `everfresh deploy APP`")
    while app.domain not in await unless_away(domains(site), []):
        if await waited(stop, LOOK_SECONDS):
            return
    await site.prepare([app.domain])
    await serve(site, ["worker"], [app.domain], app, stop)


async def _for_all(site: Site, roles: Sequence[str], stop: asyncio.Event) -> None:
    """Serve the roles that look at whatever there is, once there is a first domain, and with it the topics."""
    if not await domains(site):
        note(f"nothing is deployed yet: {' and '.join(roles)} will begin with `everfresh deploy APP`")
    while not (names := await unless_away(domains(site), [])):
        if await waited(stop, LOOK_SECONDS):
            return
    await site.prepare(names)
    await serve(site, roles, names, None, stop)


async def _react(site: Site, wanted: Wanted, stop: asyncio.Event) -> None:
    """Serve the reactors of all domains, or of those named; begin anew with one more when another is deployed."""
    names = await _deployed(site, wanted)
    if not names:
        note("nothing is deployed yet: reactor will begin with `everfresh deploy APP`")
    while not stop.is_set():
        leave = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            if names:
                await site.prepare(names)
                group.create_task(serve(site, ["reactor"], names, None, leave))
            now = names
            while now == names and not await waited(stop, LOOK_SECONDS):
                now = await unless_away(_deployed(site, wanted), names)
            names = now
            leave.set()


async def _deployed(site: Site, wanted: Wanted) -> list[str]:
    return [name for name in await domains(site) if not wanted.domains or name in wanted.domains]
