"""Sends what a publisher says within a bounded wait, after what waited in the spool."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from everfresh.cli.place import check_there
from everfresh.cli.screen import note
from everfresh.cli.words import counted
from everfresh.config import Settings
from everfresh.publisher import record_of
from everfresh.site import Site
from everfresh.spool import Spool, read
from streams.cloudevents import Envelope
from streams.errors import BadEvent, LogUnavailable
from streams.io.kafka_settings import KafkaSettings
from streams.io.urls import open_log

PATIENCE_SECONDS = 5.0
"""how long the log may take for anything that is asked of it"""

Result = TypeVar("Result")


@dataclass(slots=True)
class Sender:
    """An open log, and what was sent to it so far."""

    site: Site
    spool: Spool
    sent: list[Envelope] = field(default_factory=list)

    async def send(self, events: Sequence[Envelope]) -> None:
        """Append; returns once the log has them. Raises LogUnavailable, TopicMismatch, EventTooLarge."""
        topics = self.site.settings.topics
        await in_time(self.site.log.log.append([record_of(event, topics) for event in events]), self.site.settings)
        self.sent += events

    async def empty_spool(self) -> None:
        """Send what waited, oldest first; each file goes once the log has what is in it. Raises what `send` raises."""
        for file in self.spool.waiting():
            try:
                events = read(file)
            except BadEvent as error:
                note(f"{file} isn't sent: {error}; mend it, or move it away")
                continue
            if events:
                await self.send(events)
            file.unlink(missing_ok=True)


@asynccontextmanager
async def reached(settings: Settings, spool: Spool) -> AsyncIterator[Sender]:
    """The log, if it is there within a few seconds. Raises LogUnavailable."""
    kafka = KafkaSettings(deadline_ms=round(PATIENCE_SECONDS * 1_000))
    log = await in_time(open_log(check_there(settings).log, settings.topics, kafka), settings)
    try:
        yield Sender(Site(settings, log), spool)
    finally:
        await log.close()


async def in_time(work: Awaitable[Result], settings: Settings) -> Result:
    """What comes of it. Raises LogUnavailable where that takes too long."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await work
    except TimeoutError:
        raise LogUnavailable(
            f"the log {settings.log} didn't answer within {PATIENCE_SECONDS:g} s; check that it runs and isn't held up"
        ) from None


async def send_spooled(settings: Settings) -> list[Envelope]:
    """Send what waits for this log, and say what waits for another one. Raises LogUnavailable, TopicMismatch."""
    spool = Spool(settings.log, settings.topics)
    sent: list[Envelope] = []
    if spool.waiting():
        async with reached(settings, spool) as sender:
            try:
                await sender.empty_spool()
            finally:
                sent = sender.sent
                note(f"sent {counted(len(sent), 'event')} that waited in {spool.folder}")
    else:
        note(f"nothing waits in {spool.folder} for this log")
    elsewhere = spool.elsewhere()
    if elsewhere:
        what = f"{counted(elsewhere, 'file')} in {spool.folder} {'waits' if elsewhere == 1 else 'wait'}"
        note(f"{what} for another log or prefix; name that one by --log or EVERFRESH_PREFIX to send it")
    return sent
