"""How Faust's consumer and producer talk to Kafka here: our client settings, and two ways to host the consumer.

Faust starts a second thread with an event loop of its own for every consumer, so that a handler that blocks the loop
can't cost the member its place in the group. Each event then crosses threads twice: 0.4 ms and a third of the CPU, and
what is told from the wrong thread (aiokafka isn't thread-safe) is a trap. So the consumer lives on the app's own loop,
unless the app asks for the thread.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiokafka
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from faust.transport.drivers import aiokafka as driver
from mode.services import Service
from mode.threads import WorkerThread
from mode.utils.futures import maybe_async

from streams.io.kafka_settings import FETCH_BYTES

logger = logging.getLogger("everfresh.faust")

FETCH_WAIT_MS = 2_500
"""how long the broker holds an idle fetch: the answer to a new event comes at once, an idle one is asked for seldom"""
COMMIT_SECONDS = 2.0
"""how long a member that must give partitions back tries to commit what it did with them"""
POLL_SECONDS = 2.5
"""how long Faust waits for records before it looks whether it should stop; it can be cancelled meanwhile"""


class _Consuming(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust is untyped
    """Hosts an aiokafka consumer as our other readers have it: read_committed, round-robin, our client settings."""

    mundane_level = "debug"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._last: dict[Any, int] = {}  # offset of the last record fetched since the position was set

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf, kafka = self.app.conf, self.app.settings.kafka
        tables = bool(self.app.tables.changelog_topics)
        self._assignor = self.app.assignor if tables else RoundRobinPartitionAssignor
        return aiokafka.AIOKafkaConsumer(
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            client_id=conf.broker_client_id,
            group_id=conf.id,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="none",  # where to begin is fixed before, so a lost position is never skipped in silence
            isolation_level=kafka.isolation,  # Faust would read what a fenced writer's aborted transaction left
            max_poll_records=conf.broker_max_poll_records,
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1_000),
            max_partition_fetch_bytes=FETCH_BYTES // 8,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            consumer_timeout_ms=FETCH_WAIT_MS,  # 200 by default: two thirds of what an idle consumer costs
            request_timeout_ms=max(kafka.deadline_ms, 2 * FETCH_WAIT_MS),
            session_timeout_ms=kafka.session_timeout_ms,
            rebalance_timeout_ms=kafka.session_timeout_ms,
            heartbeat_interval_ms=max(kafka.session_timeout_ms // 3, 250),
            **kafka.client,
        )

    async def _fetch_records(self, consumer: Any, active_partitions: Any, **options: Any) -> Any:
        """Note with each record which one came before it, so that `guarded` can see whether Faust dropped that one."""
        fetched = await super()._fetch_records(consumer, active_partitions, **options)
        for place, records in fetched.items():
            for record in records:
                record.checksum = self._last.get(place)  # Kafka has none any more, and Faust hands it on
                self._last[place] = record.offset
        return fetched

    async def seek_to_committed(self) -> Mapping[Any, int]:
        """Go back to what is committed. Faust leaves out a position of 0, and so loses what it had read since."""
        return await self.call_thread(self._seek_to_committed)  # type: ignore[no-any-return]

    async def _seek_to_committed(self) -> Mapping[Any, int]:
        consumer = self._ensure_consumer()
        committed = {place: await consumer.committed(place) for place in consumer.assignment()}
        found = {place: offset for place, offset in committed.items() if offset is not None}
        for place, offset in found.items():
            consumer.seek(place, offset)
        self._last.clear()
        return found


class _OnOurLoop(_Consuming):
    """A consumer "thread" that is none: it is started, asked and stopped on the app's loop."""

    wait_for_shutdown = False  # a thread would say when it is gone

    def __init__(self, consumer: Any, **options: Any) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(consumer, **{**options, "loop": loop, "thread_loop": loop})

    async def maybe_start(self) -> bool:
        return bool(await Service.maybe_start(self))

    async def start(self) -> None:
        await Service.start(self)

    async def stop(self) -> None:
        await Service.stop(self)

    async def on_stop(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()

    async def crash(self, exc: BaseException) -> None:
        await Service.crash(self, exc)

    async def call_thread(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return await maybe_async(fun(*args, **kwargs))

    async def on_partitions_revoked(self, revoked: Any) -> None:
        await self.consumer.on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: Any, generation_id: int = 0) -> None:
        await self.consumer.on_partitions_assigned(assigned, generation_id)

    def _stopped_set(self) -> None:
        self._stopped.set()

    def set_shutdown(self) -> None:
        self._shutdown.set()

    async def _stop_children(self) -> None:
        await self._default_stop_children()

    async def _stop_futures(self) -> None:
        await self._default_stop_futures()

    async def _stop_exit_stacks(self) -> None:
        await self._default_stop_exit_stacks()

    @Service.task  # type: ignore[untyped-decorator]
    async def _thread_keepalive(self) -> None:
        """Nothing to keep alive: without a thread nobody waits to be woken."""


class _Thread(WorkerThread):  # type: ignore[misc]  # mode is untyped
    """mode's joins the thread on the event loop, and would keep the process alive for a consumer that hangs."""

    def __init__(self, service: Any, **options: Any) -> None:
        super().__init__(service, **options)
        self.daemon = True

    def stop(self) -> None:
        """Don't wait here: `streams.io.faust_running` does, without blocking the loop."""


class _OnItsThread(_Consuming):
    """Faust's own way, for handlers that may block: heartbeats go on meanwhile."""

    Worker = _Thread

    def on_crash(self, msg: str, *fmt: Any, **_: Any) -> None:
        logger.error(msg.format(*fmt))  # mode prints it, with a trace, to stderr

    @property
    def thread(self) -> threading.Thread | None:
        """The thread, once started."""
        return self._thread  # type: ignore[no-any-return]


class _Consumer(driver.Consumer):  # type: ignore[misc]
    mundane_level = "debug"
    _dealt_at = -1

    def _new_consumer_thread(self) -> _Consuming:
        if self.app.settings.threaded:
            return _OnItsThread(self, loop=self.loop, beacon=self.beacon)
        return _OnOurLoop(self, beacon=self.beacon)

    @property
    def settled(self) -> bool:
        """No rebalance has begun since partitions were dealt out last."""
        return bool(self.app.rebalancing_count == self._dealt_at)

    async def on_partitions_assigned(self, assigned: Any, generation_id: int = 0) -> None:
        self._dealt_at = self.app.rebalancing_count
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Commit first: Faust forgets what was acknowledged since the last commit, and it would all come again."""
        self.stop_flow()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(COMMIT_SECONDS):
                await self.commit()
        await super().on_partitions_revoked(revoked)

    def _getmany(self, active_partitions: Any, timeout: float) -> Awaitable[Any]:
        return super()._getmany(active_partitions, max(timeout, POLL_SECONDS))  # type: ignore[no-any-return]

    def verify_event_path(self, now: float, tp: Any) -> None:
        """Say nothing: Faust compares a monotonic clock with the time of day, and so complains for ever or never.

        Whoever hosts the app compares its progress with the log's end instead.
        """


class _Producer(driver.Producer):  # type: ignore[misc]
    mundane_level = "debug"

    def _settings_auth(self) -> Mapping[str, Any]:
        return dict(self.app.settings.kafka.client)

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}


class EventTransport(driver.Transport):  # type: ignore[misc]
    """Faust's transport with the parts above."""

    Consumer = _Consumer
    Producer = _Producer
