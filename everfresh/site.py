"""An installation as one process sees it: its settings, its log opened, and what every command does with them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from everfresh.config import Settings
from everfresh.reading import now
from reactors.domain import Domain
from reactors.graph import compile_graph
from reactors.io.clock import SystemClock
from reactors.succession import check_succession
from sinks.metrics import decision_seconds
from sinks.series import Histogram
from streams.cloudevents import HEADERS, encode, envelope
from streams.errors import EverfreshError, TopicMismatch
from streams.events import DefinitionsDeclared, Event
from streams.io.kafka_settings import KafkaSettings
from streams.io.urls import Log, open_log
from streams.manifests import in_parts
from streams.ports import Record, Stamp
from streams.topics import Topic

if TYPE_CHECKING:
    from everfresh.app import App


@dataclass(frozen=True, slots=True)
class Site:
    """Settings and an open log. Make one with `opened`."""

    settings: Settings
    log: Log
    ready: Callable[[str], None] = lambda _role: None  # is told of each role that has begun its work
    decisions: Histogram = field(default_factory=decision_seconds)  # how long this process's reactors take

    def decided(self, domain: str, seconds: float) -> None:
        """A reactor took so long for one turn."""
        self.decisions.observe((domain,), seconds)

    @property
    def transactional(self) -> bool:
        """A turn's outputs and its position are one transaction: all logs but Kafka."""
        return not self.settings.log.startswith("kafka:")

    async def prepare(self, domains: Sequence[str]) -> list[str]:
        """Create what topics these domains lack and check the others; returns the new ones' names.

        Raises TopicMismatch where one differs from what is declared.
        """
        topics = self._topics_of(domains)
        created = await self.log.admin.create(topics)
        problems = await self.log.admin.check(topics)
        if problems:
            raise TopicMismatch("; ".join(problems))
        return created

    async def problems(self, domains: Sequence[str]) -> list[str]:
        """One sentence for each way in which these domains' topics aren't as they must be."""
        return await self.log.admin.check(self._topics_of(domains))

    def _topics_of(self, domains: Sequence[str]) -> list[Topic]:
        topics = self.settings.topics
        found = [*topics.shared(), *(topic for domain in domains for topic in topics.of(domain))]
        return list({topic.name: topic for topic in found}.values())

    async def append(self, domain: str, event: Event | DefinitionsDeclared, subject: str, name: str) -> Stamp:
        """Append an event of ours to a domain's journal; `name` is its id."""
        wrapped = envelope(event, name, "everfresh/cli", subject, SystemClock().now_ms())
        journal = self.settings.topics.journal(domain).name
        return (await self.log.log.append([Record(journal, encode(wrapped), None, HEADERS, partition=0)]))[0]


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Site]:
    """Open the log that the settings name. Raises LogUnavailable, SettingError."""
    kafka = KafkaSettings(replication_factor=settings.replication, session_timeout_ms=settings.session_ms)
    log = await open_log(settings.log, settings.topics, kafka)
    try:
        yield Site(settings, log)
    finally:
        await log.close()


async def domains(site: Site) -> list[str]:
    """The domains that were ever deployed on this log, sorted: those that have a journal."""
    prefix = site.settings.topics.journal("").name
    return sorted(name.removeprefix(prefix) for name in await site.log.admin.names(prefix))


async def in_force(site: Site, name: str) -> Domain:
    """A domain's state now; an empty one where it was never deployed."""
    return await now(site.log, site.settings.topics, name) if name in await domains(site) else Domain()


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deploy did. `changed=False`: the definitions are those that were there, and nothing was appended."""

    domain: str
    deploy: int
    changed: bool
    assets: int


async def deploy(site: Site, app: App) -> Deployed:
    """Declare what an app defines, if that isn't in force already. Raises DefinitionError for what makes no sense."""
    graph = compile_graph(app.manifest(0))  # before a topic is made for what makes no sense
    # What it reads of other domains it asks for in their journals, be they deployed by now or not.
    await site.prepare(sorted({app.domain, *(key.partition("/")[0] for key in graph.foreign)}))
    domain = await now(site.log, site.settings.topics, app.domain)
    before = domain.state.manifest
    manifest = app.manifest((before.deploy if before is not None else 0) + 1)
    if before is not None and before.hash == manifest.hash:
        return Deployed(app.domain, before.deploy, changed=False, assets=len(before.assets))
    check_succession(domain, graph)
    for number, event in enumerate(in_parts(manifest)):
        name = f"deploy-{app.domain}-{manifest.deploy}-{manifest.hash}-{number}"
        await site.append(app.domain, event, app.domain, name)
    after = (await now(site.log, site.settings.topics, app.domain)).state.manifest
    if after is None or after.hash != manifest.hash:
        raise EverfreshError(f"deploy {manifest.deploy} of {app.domain!r} lost against another one; deploy again")
    return Deployed(app.domain, manifest.deploy, changed=True, assets=len(manifest.assets))
