"""A domain on a real broker with its roles as processes, under load, looked at from outside."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

from everfresh.cli.atwork import is_idle
from everfresh.config import Settings
from everfresh.reading import Reading
from everfresh.site import Site, opened
from everfresh.wiring import built
from tests.checker import Report, check, read
from tests.checker.export import load as records_of
from tests.cli.shop import COMMAND, surroundings
from tests.faults.load import Load
from tests.faults.roles import APP, Role
from tests.faults.tail import Seen, Tail
from tests.patience import PATIENCE_SECONDS

LEASE = "3s"
SESSION = "3s"
"""how long a condition may take on a busy machine"""

CREW = ("reactor", "worker-1", "worker-2", "ingress", *(["sinks"] if "sinks" in built() else []))

Json = dict[str, Any]


class Stage:
    """Make one with `staged`."""

    def __init__(self, url: str, folder: Path) -> None:
        mark = uuid4().hex[:6]
        self.folder, self.domain = folder, f"plant{mark}"
        self.environment = surroundings() | {
            "EVERFRESH_LOG": url,
            "EVERFRESH_PREFIX": f"f{mark}.",
            "EVERFRESH_LEASE_MS": LEASE,
            "EVERFRESH_CLAIM_MS": "2s",
            "EVERFRESH_SESSION_MS": SESSION,
            "EVERFRESH_SNAPSHOT_MS": "20s",
            "EVERFRESH_METRICS_PORT": "0",
            "FAULTS_DOMAIN": self.domain,
        }
        self.settings = Settings(log=url, prefix=f"f{mark}.", lease_ms=3_000)
        self.roles: dict[str, Role] = {}
        self.load = Load(url, self.settings.topics, self.domain)
        self._stop_load = asyncio.Event()
        self.site: Site
        self.tail: Tail

    def everfresh(self, *arguments: str) -> str:
        """Run a command to its end, which must be good; what it printed."""
        command = [*COMMAND, *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr[-4000:]}"
        return done.stdout

    def role(self, name: str) -> Role:
        """A role of this name; `reactor-2` is a second reactor."""
        if name not in self.roles:
            environment = self.environment | {"EVERFRESH_WORKER": name}
            self.roles[name] = Role(name, name.partition("-")[0], self.folder, environment)
        return self.roles[name]

    async def start(self, *names: str) -> None:
        """Start these roles and wait until they work."""
        for name in names:
            self.role(name).start()
        for name in names:
            await self.eventually(self.role(name).is_ready, f"{name} ready")
        for name in names:
            if name.startswith("worker"):
                await self.back(self.role(name), 0)

    async def back(self, role: Role, since: int) -> Seen:
        """The first sign in the journal, from offset `since` on, that this process does its work."""
        await self.eventually(role.is_ready, f"{role.name} ready")
        signs: dict[str, Callable[[Seen], bool]] = {
            "reactor": lambda seen: seen.sender.endswith("/reactor"),
            "ingress": lambda seen: seen.kind == "asset.changed",
            "worker": lambda seen: str(seen.data.get("worker", "")).startswith(f"{role.name}-{role.pid}-"),
        }
        return await self.tail.next(signs.get(role.kind, lambda _seen: True), PATIENCE_SECONDS, since)

    @staticmethod
    async def eventually(look: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> Any:
        """Wait until `look` gives something."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := look():
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"not in {seconds:.0f} s: {what}")

    def begin_load(self) -> "asyncio.Task[None]":
        return asyncio.create_task(self.load.run(self._stop_load))

    async def end_load(self, loading: "asyncio.Task[None]") -> None:
        """Stop publishing; what was begun is acknowledged first."""
        self._stop_load.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await loading

    async def quiet(self) -> None:
        """Return once everything acked is taken in and nothing would run by itself; `status` says the same."""
        reading = Reading(self.site.log, self.settings.topics, self.domain)
        await reading.begin()
        async with asyncio.timeout(2 * PATIENCE_SECONDS):
            while True:
                while await reading.more():
                    pass
                for role in self.roles.values():
                    if role.process is not None:
                        role.check_alive()
                if await is_idle(self.site, reading):
                    break
                await asyncio.sleep(0.2)
        rows = orjson.loads(self.everfresh("status", "--json"))
        lagging = [one for one in rows if one["kind"] == "derived" and one["lag_seconds"]]
        assert not lagging, lagging

    def export(self) -> list[Json]:
        """Everything that stands in the topics, as a committed reader sees it."""
        path = self.folder / "export.jsonl"
        path.write_text(self.everfresh("events", "--export", "--domain", self.domain))
        (self.folder / "acked.jsonl").write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in self.load.acked))
        return list(records_of(path))

    def checked(self, records: Sequence[Json]) -> Report:
        """The independent checker's report; nothing may be wrong."""
        report = check(read(records), quiet=True, acked=self.load.acked)
        assert report.violations == [], "\n".join(map(str, report.violations[:20]))
        assert not report.is_empty
        return report

    def clear(self) -> None:
        for role in self.roles.values():
            role.clear()


@asynccontextmanager
async def staged(url: str, folder: Path) -> AsyncIterator[Stage]:
    """A domain deployed on a prefix of its own; whatever was started is ended afterwards."""
    stage = Stage(url, folder)
    stage.everfresh("deploy", str(APP))
    async with opened(stage.settings) as site:
        stage.site, stage.tail = site, Tail(site, stage.domain)
        following = asyncio.create_task(stage.tail.follow())
        try:
            yield stage
        finally:
            stage.clear()
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await stage.load.close()
