"""The one Faust app factory. Every Faust app here is made by it, so that each of Faust's traps is met once.

An app is started with `running`, its agents are made by `guarded`; both are handed on from here.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any

import faust

from streams.io.faust_agents import Gone, Handler, Letter, Retries, guarded
from streams.io.faust_positions import Places, Start, forget, settle
from streams.io.faust_recovery import Tables
from streams.io.faust_running import FaustEnded, GivenUp, Running, running
from streams.io.faust_transport import EventTransport
from streams.io.kafka_errors import quieten
from streams.io.kafka_link import KafkaLink
from streams.io.kafka_settings import BATCH_BYTES, KafkaSettings

__all__ = [
    "EventApp",
    "FaustEnded",
    "FaustSettings",
    "GivenUp",
    "Gone",
    "Handler",
    "Letter",
    "Retries",
    "Running",
    "event_topic",
    "faust_app",
    "guarded",
    "running",
]

QUIET = {
    "faust": logging.WARNING,
    "mode": logging.WARNING,
    "mode.timers": logging.ERROR,
    "streams.io.faust": logging.WARNING,
    "streams.io.faust_transport": logging.WARNING,
}
"""each of Faust's services says when it starts and stops, and each of its timers when it is late"""


@dataclass(frozen=True, slots=True)
class FaustSettings:
    """What an app is told beside its id and the brokers."""

    start: Start = "earliest"  # only where the group has no position yet
    passing: bool = False  # the group serves this app only, and is deleted with it
    threaded: bool = False  # the consumer on a thread of its own: for handlers that may block the loop
    produces: bool = False  # Faust's own producer, for `topic.send`, tables and the like
    commit_seconds: float = 2.8  # how much may be seen again after a crash
    grace_seconds: float = 0.0  # how long a stop waits for the event that is being handled
    kafka: KafkaSettings = field(default_factory=KafkaSettings)


class _Monitor(faust.Monitor):  # type: ignore[misc]  # Faust is untyped
    """Faust's reports zeros; this one doesn't wake every second to compute them."""

    mundane_level = "debug"

    @faust.Service.task  # type: ignore[untyped-decorator]
    async def _sampler(self) -> None:
        """Nothing is sampled."""


class EventApp(faust.App):  # type: ignore[misc]
    """A Faust app that writes no folders, skips no lost position, and talks to Kafka as our other readers do."""

    mundane_level = "debug"  # how loudly it says that it starts and stops

    def __init__(self, group: str, bootstrap: str, settings: FaustSettings, **options: Any) -> None:
        super().__init__(group, broker=[f"kafka://{server}" for server in bootstrap.split(",")], **options)
        self.boot_strategy.enable_kafka_producer = settings.produces
        self.group, self.bootstrap, self.settings = group, bootstrap, settings
        self.places: Places = {}  # where it began
        self.handled, self.idle = 0, asyncio.Event()  # `guarded` says: events so far, and whether it has none now
        self.idle.set()
        self.given_up, self.reason = asyncio.Event(), ""
        self.link: KafkaLink | None = None

    def give_up(self, reason: str) -> None:
        """What `guarded` tells when nothing may be acknowledged any more; `Running.ended` raises GivenUp then."""
        self.reason = self.reason or reason
        self.given_up.set()

    async def on_start(self) -> None:
        """Fix where the group begins, before there is a consumer: with none of that it would begin anywhere."""
        await super().on_start()
        topics = sorted({topic for agent in self.agents.values() for topic in agent.get_topic_names()})
        link = KafkaLink(self.bootstrap, self.settings.kafka)
        try:
            await link.connect()
        except BaseException:
            await link.close()
            raise
        self.link = link
        self.places = await settle(self.link, self.group, topics, self.settings.start)

    async def unlink(self) -> None:
        """Let go of what `on_start` connected; idempotent."""
        link, self.link = self.link, None
        if link is not None:
            if self.settings.passing:
                await forget(link, self.group)
            await link.close()

    def _create_directories(self) -> None:
        """Faust would make a folder named after the app wherever it is started."""

    def _new_transport(self) -> EventTransport:
        return EventTransport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> EventTransport:
        return EventTransport(self.conf.broker_producer, self)


def faust_app(group: str, bootstrap: str, settings: FaustSettings | None = None) -> EventApp:
    """A Faust app that reads as consumer group `group` from `bootstrap`, `host:port,…`.

    One app, one group, one destination: the agents of an app share a consumer, and one that is stuck stops the others.
    Nothing is connected, and no event loop is touched, before it is started.
    """
    settings = settings or FaustSettings()
    quieten()
    for name, level in QUIET.items():
        if logging.getLogger(name).level == logging.NOTSET:  # whoever set one has it his way
            logging.getLogger(name).setLevel(level)
    return EventApp(
        group,
        bootstrap,
        settings,
        broker_client_id="everfresh",
        broker_commit_every=1_000,
        broker_commit_interval=settings.commit_seconds,
        broker_max_poll_records=500,
        broker_request_timeout=max(settings.kafka.deadline_ms, settings.kafka.session_timeout_ms) / 1_000,
        broker_session_timeout=settings.kafka.session_timeout_ms / 1_000,
        consumer_auto_offset_reset="none",
        key_serializer="raw",
        value_serializer="raw",
        producer_acks=-1,
        producer_max_batch_size=BATCH_BYTES,
        Monitor=_Monitor,
        TableManager=Tables,
        store="memory://",
        stream_wait_empty=False,
        stream_buffer_maxsize=1_024,  # events in memory, each up to 256 KiB
        table_standby_replicas=0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
    )


def event_topic(app: EventApp, *names: str) -> Any:
    """The Faust topic of these names, as raw bytes: what Faust can't decode it acknowledges, so it isn't asked to."""
    return app.topic(*names, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
