"""Runs a Faust app inside a loop that others use too: no Worker, no signals, no logging taken over."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.errors import KafkaError

from streams.errors import EverfreshError, LogUnavailable
from streams.io.faust_positions import ends
from streams.io.kafka_consumer import stopped
from streams.io.kafka_errors import unavailable
from streams.io.racing import first_of
from streams.io.watchdog import Watchdog

logger = logging.getLogger("everfresh.faust")

START_SECONDS = 60.0
STOP_SECONDS = 10.0


class FaustEnded(EverfreshError):
    """A Faust app crashed or hung; what it had not committed comes again when a new one is started."""


class GivenUp(EverfreshError):
    """An event can neither be handled nor be put among the dead letters. It isn't acknowledged: a restart sees it."""


class Running:
    """An app that was started. Its agents may be at work; `ended` says when they no longer are."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def ended(self) -> None:
        """Wait until the app works no more; raises FaustEnded if it crashed or hangs, GivenUp if an agent gave up."""
        waits = (self.app.wait_until_stopped(), self.app.given_up.wait(), self._starved())
        await first_of(*waits)
        if self.app.given_up.is_set():
            raise GivenUp(f"{self.app.group} stops: {self.app.reason}")
        reason = self.app.crash_reason
        raise FaustEnded(f"the Faust app {self.app.group} ended: {reason!r}") from reason

    async def _starved(self) -> None:
        """Raise FaustEnded if nothing comes though there is something, and no handler is busy (aiokafka #1154)."""
        patience = self.app.settings.kafka.starving_ms / 1_000
        dog, handled = Watchdog(patience), self.app.handled
        while True:
            await asyncio.sleep(patience / 2)
            try:
                lag = await self._lag()
            except LogUnavailable:
                dog.fed()  # nobody can read now; when the broker is back, patience begins again
                continue
            if self.app.handled != handled or not self.app.idle.is_set():
                handled = self.app.handled
                dog.fed()
            elif dog.starving(lag):
                raise FaustEnded(f"the Faust app {self.app.group} got nothing for {patience:g} s; it is {lag} behind")

    async def _lag(self) -> int | None:
        """Events that wait for this member; None if that can't be said: it has no partitions yet, or no position."""
        if self.app.rebalancing:
            return None
        mine = self.app.consumer.assignment()
        there = await ends(self.app.link, sorted({topic for topic, _ in mine}))
        try:
            async with asyncio.timeout(1.0):
                return sum([max(0, there.get(one, 0) - int(await self.app.consumer.position(one))) for one in mine])
        except (TimeoutError, KafkaError):
            return None


@asynccontextmanager
async def running(app: Any) -> AsyncIterator[Running]:
    """Start the app; inside, its agents are assigned and positioned. On leaving it is stopped, whatever state it is in.

    Raises LogUnavailable if Kafka can't be reached. An app is started once: for another start make another app.
    """
    try:
        try:
            async with asyncio.timeout(START_SECONDS):
                await app.start()
        except TimeoutError as error:
            raise LogUnavailable(
                f"Kafka at {app.bootstrap} didn't let group {app.group} begin within {START_SECONDS:g} s; try again"
            ) from error
        except (KafkaError, OSError) as error:
            raise unavailable(app.bootstrap, f"starting {app.group}", error) from error
        except EverfreshError:
            raise
        except Exception as error:
            raise FaustEnded(f"the Faust app {app.group} didn't start: {error!r}") from error
        yield Running(app)
    finally:
        await _stop(app)


async def _stop(app: Any) -> None:
    """Stop in good order, and tear down what doesn't stop by itself: a member left behind would keep its partitions."""
    try:
        await _drain(app)
        async with asyncio.timeout(STOP_SECONDS):
            await app.stop()
    except Exception as error:
        logger.warning("Faust app %s didn't stop in good order: %r", app.group, error)
    finally:
        for service in _services(app):
            service._stopped.set()
            for task in list(service._futures):
                task.cancel()
        for actor in [actor for agent in app.agents.values() for actor in agent._actors]:
            actor.actor_task.cancel()  # Faust waits for ever for one that was replaced within the last five seconds
        if app._consumer is not None:
            await _end_consumer(app._consumer._thread)
        await app.unlink()


async def _drain(app: Any) -> None:
    """Let nothing more in, and let the event that is being handled come to its end, within the grace."""
    if app._consumer is None or app.should_stop or app.given_up.is_set():
        return
    app._consumer.stop_flow()
    app.flow_control.suspend()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(app.settings.grace_seconds):
            await app.idle.wait()


async def _end_consumer(host: Any) -> None:
    if host.thread_loop is not asyncio.get_running_loop():
        if host.thread is not None:
            await asyncio.to_thread(host.thread.join, STOP_SECONDS)
        if not host.thread_loop.is_running():  # it never was
            host.thread_loop.close()
        return
    consumer = host._consumer
    if consumer is not None and not consumer._closed:
        await stopped(consumer)


def _services(app: Any) -> Iterator[Any]:
    """What runs on this loop for the app; what has a thread ends itself there."""
    loop = asyncio.get_running_loop()
    for node in app.beacon.traverse():
        service = getattr(node, "data", node)
        if hasattr(service, "_futures") and service.loop is loop:
            yield service
