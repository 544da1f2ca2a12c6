"""`dev` at work: roles, a worker that follows the app's files, and a line for all that becomes of its assets."""

import asyncio
import sys
from collections.abc import Sequence
from importlib.util import cache_from_source
from pathlib import Path

from everfresh.app import App
from everfresh.cli.planning import plan
from everfresh.cli.running import stop_on_signals, waited
from everfresh.cli.screen import line, note, say
from everfresh.cli.words import about, counted, short, told
from everfresh.config import Settings
from everfresh.loading import load_app
from everfresh.reading import Reading, behind
from everfresh.shadows import OURS
from everfresh.site import Deployed, Site, deploy, opened
from everfresh.wiring import built, serve
from reactors.domain import Domain, Output
from reactors.io.ingress import ROLE as INGRESS
from reactors.io.reactor import ROLE as REACTORS
from reactors.requests import is_busy
from streams.errors import EverfreshError
from streams.units import rfc3339

SHOWN = frozenset(("asset", "run.ended", "alert.opened", "alert.resolved", "dead.letter"))
"""outputs that are a line: by type, or by noun"""

LOOK_SECONDS = 0.5
"""how often the app's files are looked at"""

Stamps = dict[Path, int]


class Work:
    """One `everfresh dev`."""

    def __init__(self, reference: str, settings: Settings, until_idle: bool, json: bool) -> None:
        self._reference, self._settings = reference, settings
        self._until_idle, self._json = until_idle, json
        self._seen: Stamps = {}  # the app's files, as they were when it was loaded

    async def run(self) -> int:
        """Deploy, and run all roles until a signal, or until idle; the exit code."""
        app = load_app(self._reference)
        self._seen = stamps_of(app)
        plan(Domain(), app)  # what makes no sense is refused before a log is made for it
        async with opened(self._settings) as site:
            _tell_deployed(await deploy(site, app), self._settings.log)
            reading = Reading(site.log, site.settings.topics, app.domain)
            await reading.begin()
            async for _ in reading.to_end():
                pass
            stop, drained = stop_on_signals(), asyncio.Event()
            roles = [role for role in built() if role not in {"worker", "gateway"}]
            async with asyncio.TaskGroup() as group:
                group.create_task(serve(site, roles, [app.domain], app, drained))
                group.create_task(self._follow(site, reading, stop, drained))
                await self._keep_working(site, app, stop)
                drained.set()  # what a worker says while it drains is still taken in
            return _ended(reading.domain) if self._until_idle else 0

    async def _follow(self, site: Site, reading: Reading, stop: asyncio.Event, drained: asyncio.Event) -> None:
        """Print what becomes of the assets, and stop once nothing is left to do, if that was asked for."""
        while not drained.is_set():
            for folded in await reading.more(wait_ms=200):
                self._tell(reading.domain, folded.outputs)
            if self._until_idle and not stop.is_set() and await is_idle(site, reading):
                stop.set()
        async for folded in reading.to_end():
            self._tell(reading.domain, folded.outputs)

    def _tell(self, domain: Domain, outputs: Sequence[Output]) -> None:
        for output in outputs:
            kind = short(output.model.TYPE)
            if kind not in SHOWN and kind.split(".")[0] not in SHOWN:
                continue
            event = output.envelope(domain.name, domain.state.incarnation)
            if self._json:
                line(event)
            else:
                say(f"{rfc3339(output.at)}  {kind:20}  {about(event)}  {told(event)}")

    async def _keep_working(self, site: Site, app: App, stop: asyncio.Event) -> None:
        """A worker with the app as its files are now: when they change, it is deployed, and another worker begins."""
        while not stop.is_set():
            leave = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                group.create_task(serve(site, ["worker"], [app.domain], app, leave))
                app = await self._changed(site, app, stop)
                leave.set()

    async def _changed(self, site: Site, app: App, stop: asyncio.Event) -> App:
        """The app anew, once its files have changed and make sense; the same one when it is time to stop."""
        while not await waited(stop, LOOK_SECONDS):
            now = stamps_of(app)
            if now == self._seen:
                continue
            self._seen = now
            try:
                changed = reloaded(self._reference, app)
                self._seen = stamps_of(changed)  # it may import other files now
                if changed.domain != app.domain:
                    raise EverfreshError(f"the app is of domain {changed.domain!r} now; start `everfresh dev` again")
                done = await deploy(site, changed)
            except EverfreshError as error:
                note(f"{error}; the app from before goes on")
                continue
            _tell_deployed(done, self._settings.log)
            return changed
        return app


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


def _goes_on(domain: Domain, key: str) -> bool:
    node = domain.state.nodes[key]
    return node.wake_at is not None or node.wave is not None or bool(node.requests) or is_busy(node)


def _ended(domain: Domain) -> int:
    """Say how it stands; the exit code."""
    nodes = domain.state.nodes.values()
    held = [f"{node.asset} is {node.hold.kind}: {node.hold.reason}" for node in nodes if node.hold is not None]
    held += [f"{node.asset} is blocked by {node.blocked_by}" for node in nodes if node.blocked_by is not None]
    for sentence in held:
        note(sentence)
    note(f"idle: {counted(len(nodes), 'asset')}, {counted(domain.state.changes, 'change')} taken in")
    return 1 if held else 0


def _tell_deployed(done: Deployed, log: str) -> None:
    force = "" if done.changed else " is in force already"
    note(f"deploy {done.deploy} of {done.domain!r}{force}: {done.assets} assets on {log}")


def stamps_of(app: App) -> Stamps:
    """The app's file and what it imported from beside it, each with when it was changed last."""
    found = {}
    for path in [_file_of(app), *_beside(app).values()]:
        try:
            found[path] = path.stat().st_mtime_ns
        except OSError:  # an editor puts another in its place just now
            continue
    return found


def reloaded(reference: str, app: App) -> App:
    """Load the app anew, with what it imports from beside it. Raises DefinitionError."""
    beside = _beside(app)
    for file in beside.values():
        # Python takes its compiled copy for current if second and size are the same: not so for one who types fast.
        Path(cache_from_source(file)).unlink(missing_ok=True)
    before = {name: sys.modules.pop(name) for name in beside}
    try:
        return load_app(reference)
    except EverfreshError:
        sys.modules.update(before)
        raise


def _file_of(app: App) -> Path:
    place = (app.reference or "").rpartition(":")[0]
    module = sys.modules.get(place)
    return Path(getattr(module, "__file__", None) or place)


def _beside(app: App) -> dict[str, Path]:
    """The modules that lie in the app's folder or below it, but for everfresh's own and what is installed."""
    folder = _file_of(app).parent
    found = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        ours = name.partition(".")[0] in {"everfresh", *OURS, "__main__"}
        if file and not ours and Path(file).is_relative_to(folder) and "site-packages" not in Path(file).parts:
            found[name] = Path(file)
    return found
