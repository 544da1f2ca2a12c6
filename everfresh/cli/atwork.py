"""`dev` at work: roles, a worker that follows the app's files, and a line for all that becomes of its assets."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from uuid import uuid4

from everfresh.cli.appfiles import AppFiles, reloaded
from everfresh.cli.planning import plan
from everfresh.cli.running import stop_on_signals, unless_away, waited
from everfresh.cli.screen import line, note, say
from everfresh.cli.words import about, counted, short, span, told
from everfresh.config import Settings
from everfresh.loading import load_app
from everfresh.reading import Reading, behind, caught_up
from everfresh.site import Deployed, Site, deploy, opened
from everfresh.wiring import built, serve
from reactors.domain import Domain, Output
from reactors.explain import way_out
from reactors.heeding import owes_only_a_look
from reactors.io.clock import SystemClock
from reactors.io.ingress import ROLE as INGRESS
from reactors.io.reactor import ROLE as REACTORS
from reactors.requests import is_underway
from streams.definitions import LOOK
from streams.errors import EverfreshError, LogUnavailable
from streams.events import AssetVerified, Materialize
from streams.units import rfc3339

SHOWN = frozenset(("asset", "backfill", "run.ended", "alert.opened", "alert.resolved", "dead.letter"))
"""outputs that are a line: by type, or by noun"""

LOOK_SECONDS = 0.5
"""how often the app's files are looked at"""

IDLE_SECONDS = 0.2
"""how often it is asked whether anything is left to do"""

FAR_MS = 10_000
"""what is due later than that is said, so that nobody wonders why `--until-idle` doesn't end"""


class Desk:
    """One app that `dev` works on: what was declared, its files as they were then, and its journal as far as read."""

    def __init__(self, reference: str) -> None:
        self.reference = reference
        self.app = self._next = load_app(reference)
        self.files = AppFiles(self.app)
        self.seen = self.files.stamps()
        plan(Domain(), self.app)  # what makes no sense is refused before a log is made for it

    async def open(self, site: Site) -> None:
        """Deploy the app, and read its journal to its end."""
        _tell_deployed(await deploy(site, self.app), site.settings.log)
        self.reading = await caught_up(site.log, site.settings.topics, self.app.domain)
        await self.try_again(site, "`everfresh dev` begins")

    async def try_again(self, site: Site, why: str) -> None:
        """Have what failed or was held back run again: its author may have mended it, in a helper for all we know."""
        for node in self.reading.domain.state.nodes.values():
            if node.hold is not None and node.hold.kind in {"failing", "quarantined"} and node.paused is None:
                asked = Materialize(asset=node.asset, partition=node.partition, by="everfresh dev", reason=why)
                await site.append(self.app.domain, asked, node.asset, uuid4().hex)

    async def changed(self, site: Site) -> bool:
        """The app's files changed and make sense: it is loaded anew, and deployed, once the log is there."""
        if self.files.stamps() != self.seen:
            self._load()
        if self._next is self.app:
            return False
        try:
            done = await unless_away(deploy(site, self._next), None)
        except EverfreshError as error:
            self._stay(error)
            return False
        if done is None:
            return False
        _tell_deployed(done, site.settings.log)
        self.app = self._next
        return True

    def _load(self) -> None:
        self.seen = self.files.stamps()
        try:
            app = reloaded(self.reference, self._next)
            self.files = AppFiles(app)  # it may import other files now
            self.seen = self.files.stamps()
            if app.domain != self.app.domain:
                raise EverfreshError(f"the app is of domain {app.domain!r} now; start `everfresh dev` again")
        except EverfreshError as error:
            self._stay(error)
        else:
            self._next = app

    def _stay(self, error: EverfreshError) -> None:
        note(f"{error}; the app from before goes on")
        self._next = self.app


class Work:
    """One `everfresh dev`."""

    def __init__(self, references: Sequence[str], settings: Settings, until_idle: bool, json: bool) -> None:
        self._references, self._settings = references, settings
        self._until_idle, self._json = until_idle, json

    async def run(self) -> int:
        """Deploy, and run all roles until a signal, or until idle; the exit code."""
        desks = [Desk(reference) for reference in self._references]
        names = [desk.app.domain for desk in desks]
        if len(set(names)) < len(names):
            raise EverfreshError(f"two apps are of one domain ({', '.join(names)}); a domain is one app's")
        async with opened(self._settings) as site:
            for desk in desks:
                await desk.open(site)
            await self._work(site, desks)
        return max(_ended(desk.reading.domain) for desk in desks) if self._until_idle else 0

    async def _work(self, site: Site, desks: Sequence[Desk]) -> None:
        stop, drained = stop_on_signals(), asyncio.Event()
        roles = [role for role in built() if role not in {"worker", "gateway"}]
        async with asyncio.TaskGroup() as group:
            group.create_task(serve(site, roles, [desk.app.domain for desk in desks], None, drained))
            for desk in desks:
                group.create_task(self._follow(desk.reading, drained))
            if self._until_idle:
                group.create_task(_stop_when_idle(site, desks, stop))
            async with asyncio.TaskGroup() as working:
                for desk in desks:
                    working.create_task(_keep_working(site, desk, stop))
            drained.set()  # what a worker says while it drains is still taken in

    async def _follow(self, reading: Reading, drained: asyncio.Event) -> None:
        """Print what becomes of the assets."""
        while not drained.is_set():
            for folded in await unless_away(reading.more(wait_ms=500), []):
                self._tell(reading.domain, folded.outputs)
        with suppress(LogUnavailable):  # ended in an outage: what isn't told here, `everfresh runs` tells later
            async for folded in reading.to_end():
                self._tell(reading.domain, folded.outputs)

    def _tell(self, domain: Domain, outputs: Sequence[Output]) -> None:
        for output in outputs:
            kind = short(output.model.TYPE)
            if (kind not in SHOWN and kind.split(".")[0] not in SHOWN) or _is_a_look_in_vain(output):
                continue
            event = output.envelope(domain.name, domain.state.incarnation)
            if self._json:
                line(event)
            else:
                say(f"{rfc3339(output.at)}  {kind:20}  {about(event)}  {told(event)}")


def _is_a_look_in_vain(output: Output) -> bool:
    """A source was looked at again, and nothing new was found: that would be a line each few seconds."""
    event = output.event() if output.model is AssetVerified else None
    covers = event.covers if isinstance(event, AssetVerified) else {}
    return bool(covers) and all(root.startswith(LOOK) for root in covers)


async def _keep_working(site: Site, desk: Desk, stop: asyncio.Event) -> None:
    """A worker with the app as its files are now: when they change, it is deployed, and another worker begins."""
    while not stop.is_set():
        leave = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(serve(site, ["worker"], [desk.app.domain], desk.app, leave))
            while not await waited(stop, LOOK_SECONDS):
                if await desk.changed(site):
                    break
            leave.set()
        if not stop.is_set():  # only now: the worker with the files from before is gone
            await desk.try_again(site, "the app's files changed")


async def _stop_when_idle(site: Site, desks: Sequence[Desk], stop: asyncio.Event) -> None:
    """Stop once nothing is left to do in any domain: what one publishes may be another's to do."""
    noted: set[str] = set()
    while not await waited(stop, IDLE_SECONDS):
        if all([await unless_away(is_idle(site, desk.reading), meanwhile=False) for desk in desks]):
            stop.set()
            continue
        waits = {key: sentence for desk in desks for key, sentence in _far_off(desk.reading.domain)}
        for key in waits.keys() - noted:
            note(waits[key])
        noted |= waits.keys()


async def is_idle(site: Site, reading: Reading) -> bool:
    """All changes and reports are taken in, nothing is in flight, and nothing would run by itself.

    A failing asset's cool-down isn't waited for: that could take a day.
    """
    if any(_goes_on(reading.domain, key) for key in reading.domain.state.nodes):
        return False
    topics = site.settings.topics
    journal = topics.journal(reading.name).name
    left = [await behind(site.log, topics.group(INGRESS), topics.changes.name)]
    left.append(await behind(site.log, topics.group(REACTORS), journal))
    return not any(left) and (await site.log.log.bounds(journal))[0][1] == reading.next


def _far_off(domain: Domain) -> Iterator[tuple[str, str]]:
    """The assets that are all that is waited for, and won't be due for a while; each with a sentence that says so."""
    nodes, now = domain.state.nodes, SystemClock().now_ms()
    due = {key: at for key in nodes if (at := _due(domain, key)) is not None}
    if min(due.values(), default=0) < now + FAR_MS or any(_goes_on(domain, key) for key in nodes.keys() - due.keys()):
        return
    for key, at in due.items():
        when = f"{rfc3339(at)}, in {span(at - now)}"
        yield key, f"{key} is due at {when}; `everfresh materialize {key}` runs it now, Ctrl-C ends this"


def _goes_on(domain: Domain, key: str) -> bool:
    return _due(domain, key) is not None or is_underway(domain.state.nodes[key])


def _due(domain: Domain, key: str) -> int | None:
    """When its next wave is due; a look isn't waited for, since a source is looked at for ever."""
    node = domain.state.nodes[key]
    return None if node.wake_at is None or owes_only_a_look(domain, node) else node.wake_at


def _ended(domain: Domain) -> int:
    """Say how it stands; the exit code."""
    nodes = domain.state.nodes.values()
    held = [
        f"{node.key} is {node.hold.kind}: {node.hold.reason}; {way_out(node.hold.kind, node.key, node)}"
        for node in nodes
        if node.hold is not None
    ]
    held += [f"{node.key} is blocked by {node.blocked_by}" for node in nodes if node.blocked_by is not None]
    for sentence in held:
        note(sentence)
    note(f"idle: {counted(len(nodes), 'asset')}, {counted(domain.state.changes, 'change')} taken in")
    return 1 if held else 0


def _tell_deployed(done: Deployed, log: str) -> None:
    force = "" if done.changed else " is in force already"
    note(f"deploy {done.deploy} of {done.domain!r}{force}: {done.assets} assets on {log}")
