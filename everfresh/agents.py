"""Your own agents on everfresh's topics: a configured Faust app, typed events, none of the losses Faust is known for.

    # pager.py
    from everfresh.agents import Alert, Received, agents

    pager = agents("shop", "kafka://localhost:9092", name="pager")

    @pager.agent(pager.topic("alerts"))
    async def page(received: Received[Alert]) -> None:
        alert = received.event
        print(alert.TYPE, alert.severity, alert.asset, alert.summary)

    if __name__ == "__main__":
        pager.run()

An event is acknowledged once the function has returned. One whose function raises is tried again, and then goes to the
dead letters; so does one that can't be read. After a crash the last few seconds' events come again: let (source, id) of
the envelope tell a repeat. What ends an app for good is raised by `run`: have the process started again.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from everfresh.app import App
from sinks.letters import dead_letter
from streams.cloudevents import Envelope, parse
from streams.definitions import NAME
from streams.errors import DefinitionError, SettingError
from streams.events import (
    EVENTS,
    Alert,
    AssetChanged,
    CheckEvaluated,
    CostIncurred,
    DeadLetter,
    Event,
    FreshnessChanged,
    Publication,
    RunEnded,
)
from streams.io.faust_agents import Retries
from streams.io.kafka_settings import KafkaSettings
from streams.io.urls import kafka_servers, open_log
from streams.ports import Entry, EventLog
from streams.topics import Topic, Topics

if TYPE_CHECKING:
    from streams.io.faust import EventApp, Running

__all__ = ["AgentSettings", "Agents", "EventTopic", "Received", "agents"]

E = TypeVar("E", bound=Event)

Gone = Callable[[str], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class EventTopic(Generic[E]):
    """A topic and what its events are; other events on it, which a newer everfresh may write, are passed over."""

    topic: Topic
    carries: tuple[type[E], ...]


@dataclass(frozen=True, slots=True)
class Received(Generic[E]):
    """An event, with its CloudEvents envelope (`id`, `source`, `subject`, `time`, …) and where it stands in Kafka."""

    event: E
    envelope: Envelope
    entry: Entry


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """What may be said about an app of agents; every field has a default."""

    topics: Topics = field(default_factory=Topics)
    start: Literal["earliest", "latest"] = "latest"  # for a new name only; from then on it goes on where it was
    retries: Retries = field(default_factory=Retries)
    produces: bool = False  # Faust's own producer, for `faust.topic(…).send`
    kafka: KafkaSettings = field(default_factory=KafkaSettings)


class Agents:
    """One consumer group with one agent. `faust` is the Faust app itself, for timers and the like."""

    def __init__(self, group: str, log_url: str, settings: AgentSettings) -> None:
        from streams.io.faust import FaustSettings, faust_app

        if not log_url.startswith("kafka:"):
            raise SettingError(f"agents work on Kafka, not on {log_url!r}; write kafka://host:port,…")
        self.group, self.settings = group, settings
        self._url = log_url
        self._log: EventLog | None = None
        said = FaustSettings(
            start=settings.start,
            threaded=True,  # so that a function that blocks doesn't cost the member its place
            produces=settings.produces,
            grace_seconds=10.0,
            kafka=settings.kafka,
        )
        self.faust: EventApp = faust_app(group, kafka_servers(log_url), said)

    @overload
    def topic(self, name: Literal["alerts", "alert_state"]) -> EventTopic[Alert]: ...
    @overload
    def topic(self, name: Literal["materializations"]) -> "EventTopic[Publication | RunEnded]": ...
    @overload
    def topic(self, name: Literal["freshness"]) -> EventTopic[FreshnessChanged]: ...
    @overload
    def topic(self, name: Literal["checks"]) -> EventTopic[CheckEvaluated]: ...
    @overload
    def topic(self, name: Literal["costs"]) -> EventTopic[CostIncurred]: ...
    @overload
    def topic(self, name: Literal["changes"]) -> EventTopic[AssetChanged]: ...
    @overload
    def topic(self, name: Literal["dead_letters"]) -> EventTopic[DeadLetter]: ...
    def topic(self, name: str) -> EventTopic[Any]:
        """One of everfresh's topics, with what it carries."""
        if name not in _CARRIES:
            raise DefinitionError(f"there is no topic {name!r} for agents; there are {', '.join(_CARRIES)}")
        return EventTopic(getattr(self.settings.topics, name), _CARRIES[name])

    def agent(
        self, topic: EventTopic[E], *, gone: Gone | None = None
    ) -> Callable[[Callable[[Received[E]], Awaitable[object]]], Callable[[Received[E]], Awaitable[object]]]:
        """Have a function handle each event of a topic, one after the other; it stays callable.

        On a topic that keeps the newest of each key only (`freshness`, `alert_state`), `gone` is told the keys that are
        no more. BadEvent, raised by the function, says that trying again is of no use.
        """
        from streams.io.faust import event_topic, guarded

        if self.faust.agents:
            raise DefinitionError(
                f"{self.group} has an agent already; two in one app share a consumer, and one that hangs stops the "
                "other: make another app, agents(…, name=…)"
            )

        def declare(
            function: Callable[[Received[E]], Awaitable[object]],
        ) -> Callable[[Received[E]], Awaitable[object]]:
            async def handle(wrapped: Envelope, entry: Entry) -> None:
                if issubclass(EVENTS.get(wrapped["type"], object), topic.carries):
                    event: Any = parse(wrapped)
                    await function(Received(event, wrapped, entry))

            async def tell(entry: Entry) -> None:
                if gone is not None:
                    await gone((entry.key or b"").decode("utf-8", "replace"))

            kept = tell if topic.topic.cleanup == "compact" else None
            made = guarded(handle, self._letter, self.faust.give_up, self.settings.retries, kept)
            self.faust.agent(event_topic(self.faust, topic.topic.name), name=self.group)(made)
            return function

        return declare

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Running"]:
        """Work inside a program of yours: `async with pager.running() as faust: await faust.ended()`. Once an app.

        Raises LogUnavailable, TopicMismatch, and Gap where events were trimmed away before they were read.
        """
        from streams.io.faust import running

        log = await open_log(self._url, self.settings.topics, self.settings.kafka)
        self._log = log.log
        try:
            async with running(self.faust) as faust:
                yield faust
        finally:
            await log.close()

    async def serve(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; raises what ended it otherwise: FaustEnded, GivenUp."""
        from streams.io.racing import first_of

        async with self.running() as faust:
            await first_of(stop.wait(), faust.ended())

    def run(self) -> None:
        """Work until SIGTERM or SIGINT; raises what ended it otherwise."""
        from everfresh.cli.running import on_a_loop, stop_on_signals

        async def main() -> None:
            await self.serve(stop_on_signals())

        on_a_loop(main(), logging.INFO)

    async def _letter(self, entry: Entry, error: str) -> None:
        if self._log is None:
            raise SettingError(f"{self.group} was started without `running`, so it has nowhere to put dead letters")
        await self._log.append([dead_letter(self.settings.topics, self.group, entry, error)])


def agents(app: App | str, log_url: str, name: str, settings: AgentSettings | None = None) -> Agents:
    """A Faust app for an agent of yours on a log's topics: `agents("shop", "kafka://localhost:9092", name="pager")`.

    `app` is the domain it belongs to, or its App; `name` is unique in it, and with it names the consumer group. Several
    processes of one name share the work. Nothing is connected before it is started.
    """
    domain = app if isinstance(app, str) else app.domain
    for said in (domain, name):
        if not NAME.fullmatch(said):
            raise DefinitionError(f"{said!r} is no name; write letters, digits, '.', '-' and '_'")
    return Agents(f"everfresh-agents-{domain}-{name}", log_url, settings or AgentSettings())


_CARRIES: dict[str, tuple[type[Event], ...]] = {
    "alerts": (Alert,),
    "alert_state": (Alert,),
    "materializations": (Publication, RunEnded),
    "freshness": (FreshnessChanged,),
    "checks": (CheckEvaluated,),
    "costs": (CostIncurred,),
    "changes": (AssetChanged,),
    "dead_letters": (DeadLetter,),
}
