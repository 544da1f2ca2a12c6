"""A worker's intake on Kafka: the grants and cancels that name it, from the topic of its domain's runs.

Each process reads as a group of its own, from the end on: a grant is for one process, and what was granted before this
one lived is for the leases to settle. Offsets guard nothing here; they only say where to go on after a crash of Faust.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from reactors.io.ingress import dead_letter
from streams.cloudevents import Envelope, parse
from streams.errors import Gap, LogUnavailable
from streams.events import RunCancelled, RunGranted
from streams.io.faust import (
    EventApp,
    FaustEnded,
    FaustSettings,
    Retries,
    event_topic,
    faust_app,
    guarded,
    running,
)
from streams.io.faust_positions import Places
from streams.io.kafka_settings import KafkaSettings
from streams.io.racing import first_of
from streams.ports import Entry, EventLog
from streams.topics import Topics

logger = logging.getLogger("everfresh.worker")

AGAIN_SECONDS = (0.2, 5.0)
"""the first wait before Faust is started anew, and the longest; they double"""
COMMIT_SECONDS = 10.0
STEADY_SECONDS = 30.0
"""after so long without a failure the waits begin at the first again"""


@dataclass(frozen=True, slots=True)
class Hands:
    """Who takes what comes in. Both return as soon as it is taken in: nothing else is read meanwhile."""

    take: Callable[[RunGranted], Awaitable[object]]
    cancel: Callable[[RunCancelled], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Wire:
    """Where an intake listens. `log` is for dead letters."""

    bootstrap: str
    log: EventLog
    topics: Topics
    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    retries: Retries = field(default_factory=Retries)


class Intake:
    """Hands one worker what is addressed to it. `run` until told to stop; `ready` says when it listens."""

    def __init__(self, worker: str, domains: Sequence[str], hands: Hands, wire: Wire) -> None:
        self.worker = worker
        self.starts = 0  # how often Faust was started
        self.app: EventApp | None = None  # the Faust app just now
        self._key = worker.encode()
        self._topics = [wire.topics.runs(domain).name for domain in domains]
        self._hands, self._wire = hands, wire
        self._next: Places = {}
        self._listening = asyncio.Event()

    @property
    def listening(self) -> bool:
        """Whether what is granted now is taken without delay. A later grant isn't lost either way."""
        return self._listening.is_set()

    async def ready(self) -> None:
        """Return once it is assigned and stands at its place: whatever is granted from then on is taken."""
        await self._listening.wait()

    async def run(self, stop: asyncio.Event) -> None:
        """Take until `stop` is set. What fails on the way is started anew, from where it was.

        Raises GivenUp when an event can neither be taken nor be kept as a dead letter, TopicMismatch when a domain has
        no topic of runs.
        """
        loop = asyncio.get_running_loop()
        wait, longest = AGAIN_SECONDS
        while not stop.is_set():
            began = loop.time()
            try:
                await first_of(stop.wait(), self._listen())
            except (LogUnavailable, FaustEnded, Gap) as error:
                logger.warning("worker %s hears nothing, trying again: %s", self.worker, error)
                wait = AGAIN_SECONDS[0] if loop.time() - began > STEADY_SECONDS else wait
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), wait)
                wait = min(2 * wait, longest)
            finally:
                self._listening.clear()

    async def _listen(self) -> None:
        """One Faust app's life, in a group of its own: an older one's member might still be waited for."""
        self.app = self._app(self._wire.topics.group(f"worker-{self.worker}-{uuid4().hex[:8]}"))
        async with running(self.app) as faust:
            self._next = self.app.places | self._next
            self.starts += 1
            self._listening.set()
            await faust.ended()

    def _app(self, group: str) -> EventApp:
        settings = FaustSettings(
            start=dict(self._next) or "latest", passing=True, commit_seconds=COMMIT_SECONDS, kafka=self._wire.kafka
        )
        app = faust_app(group, self._wire.bootstrap, settings)
        agent = guarded(self._handle, self._letter, app.give_up, self._wire.retries)
        app.agent(event_topic(app, *self._topics), name="intake")(agent)
        return app

    async def _handle(self, event: Envelope, entry: Entry) -> None:
        place = (entry.topic, entry.partition)
        if entry.offset < self._next.get(place, 0):
            return  # a crash came before the commit
        if entry.key == self._key:
            await self._hand_over(event)
        self._next[place] = entry.offset + 1

    async def _hand_over(self, event: Envelope) -> None:
        if event["type"] not in (RunGranted.TYPE, RunCancelled.TYPE):
            return  # a newer reactor may say more than this worker knows
        said = parse(event)
        if isinstance(said, RunGranted) and said.worker == self.worker:
            await self._hands.take(said)
        elif isinstance(said, RunCancelled) and said.worker == self.worker:
            await self._hands.cancel(said)

    async def _letter(self, entry: Entry, error: str) -> None:
        if entry.key == self._key or entry.key is None:
            await self._wire.log.append([dead_letter(self._wire.topics, entry, error)])
        self._next[entry.topic, entry.partition] = entry.offset + 1
