"""The doctor's questions, each with its finding."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

from everfresh.cli.place import check_there
from everfresh.cli.words import counted, span
from everfresh.config import Settings
from everfresh.reading import Reading, behind, caught_up
from everfresh.shadows import HOME, hidden_by_ours
from everfresh.site import Site, domains, opened
from reactors.domain import Domain
from reactors.io.clock import SystemClock
from reactors.io.ingress import ROLE as INGRESS
from reactors.io.reactor import ROLE as REACTORS
from reactors.stops import FoldFailed
from streams.errors import EverfreshError

PYTHON_MIN = (3, 11)
SQLITE_MIN = (3, 51, 3)
"""below it the write-ahead log can be corrupted by its reset"""

LOOK_AGAIN_SECONDS = 1.0
"""how long a group that is behind is watched before it is said to stand still"""


class Finding(NamedTuple):
    """What was looked at, whether it is well, and what was seen; where it isn't, what mends it."""

    subject: str
    ok: bool
    text: str


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Every finding, from the ground up; what can't be looked at for what is beneath it is left out."""
    for finding in _ground():
        yield finding
    try:
        async with opened(check_there(settings)) as site:
            yield Finding("log", True, f"{settings.log} answers")
            there = await domains(site)
            for finding in [await _topics(site, there), *([await _ingress(site)] if there else [])]:
                yield finding
            for name in there:
                for finding in await _domain_or_stop(site, name):
                    yield finding
    except EverfreshError as error:
        yield Finding("log", False, str(error))


def _ground() -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    least = ".".join(map(str, PYTHON_MIN))
    ok = sys.version_info >= PYTHON_MIN
    yield Finding("python", ok, python if ok else f"{python} is too old; install {least} or newer")
    import apsw

    version = apsw.sqlite_lib_version()
    ok = tuple(map(int, version.split("."))) >= SQLITE_MIN
    yield Finding(
        "sqlite",
        ok,
        f"{version}, in apsw {apsw.apsw_version()}" + ("" if ok else " can lose what it kept; pip install -U apsw"),
    )
    hidden = hidden_by_ours(Path.cwd())
    text = f"everfresh is imported from {HOME}" if hidden is None else f"{hidden} hides everfresh's own; rename it"
    yield Finding("packages", hidden is None, text)


async def _topics(site: Site, there: list[str]) -> Finding:
    problems = await site.problems(there)
    if problems:
        return Finding("topics", False, "; ".join(problems))
    return Finding("topics", True, f"as they must be, for {', '.join(there) or 'no domain yet'}")


async def _ingress(site: Site) -> Finding:
    return await _group(site, "ingress", INGRESS, site.settings.topics.changes.name)


async def _group(site: Site, subject: str, role: str, topic: str) -> Finding:
    """Whether a role's group keeps up: one that is behind is given a moment to move."""
    group = site.settings.topics.group(role)
    before = await behind(site.log, group, topic)
    if before:
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
    after = await behind(site.log, group, topic)
    if after and after >= before:
        waiting = f"{after} {'entry waits' if after == 1 else 'entries wait'}"
        mend = f"is one running? `everfresh start {'reactor' if role == REACTORS else role}` or `everfresh dev APP`"
        return Finding(subject, False, f"{topic}: {waiting}, and nobody takes in any; {mend}")
    return Finding(subject, True, f"{topic}: {after} to take in" if after else f"has taken in all of {topic}")


async def _domain_or_stop(site: Site, name: str) -> list[Finding]:
    try:
        return await _domain(site, name)
    except FoldFailed as failed:
        return [Finding(name, False, str(failed))]


async def _domain(site: Site, name: str) -> list[Finding]:
    reading = await caught_up(site.log, site.settings.topics, name)
    domain = reading.domain
    manifest = domain.state.manifest
    if manifest is None:
        return [Finding(name, False, "has a journal, but nothing was declared in it; `everfresh deploy APP`")]
    return [
        Finding(
            name, True, f"deploy {manifest.deploy}, {counted(len(manifest.assets), 'asset')}, journal at {reading.next}"
        ),
        await _group(site, f"{name} reactor", REACTORS, site.settings.topics.journal(name).name),
        _workers(name, domain, site.settings.lease_ms),
        await _snapshot(site, name),
    ]


def _workers(name: str, domain: Domain, lease_ms: int) -> Finding:
    """Whether anybody is there to run what waits."""
    clock = max(domain.state.now, SystemClock().now_ms())
    alive = [one for one in domain.state.workers.values() if clock - one.seen_at < lease_ms and not one.leaving]
    waiting = [node.asset for node in domain.state.nodes.values() if node.requests or node.wave is not None]
    if alive:
        heard = ", ".join(f"{one.name} ({one.slots} slots, {span(clock - one.seen_at)} ago)" for one in alive)
        return Finding(f"{name} workers", True, f"heard of {heard}")
    if waiting:
        mend = "`everfresh start worker --app APP`"
        return Finding(
            f"{name} workers", False, f"none is there, and {counted(len(waiting), 'asset')} can't run without; {mend}"
        )
    return Finding(f"{name} workers", True, "none is there, and nothing waits for one")


async def _snapshot(site: Site, name: str) -> Finding:
    subject = f"{name} snapshot"
    found = await site.log.snapshots.newest(name)
    if found is None:
        return Finding(subject, True, "none yet: the journal is short")
    reading = Reading(site.log, site.settings.topics, name)
    await reading.begin(whole=True)
    first = reading.next
    if first >= found.offset:
        return Finding(subject, True, f"at {found.offset}; the journal before it is gone, so it can't be refolded")
    async for _ in reading.to_end(found.offset):
        pass
    if reading.domain.digest() == found.digest:
        since = "" if first == 0 else f" from {first} on, before which it isn't kept"
        return Finding(subject, True, f"at {found.offset}, equal to a refold of the journal{since}")
    why = "another version of everfresh wrote it, or it is damaged; the next snapshot replaces it"
    return Finding(subject, False, f"at {found.offset}, differs from a refold of the journal: {why}")
