"""Consumers that read one partition from an offset on; nobody's group, nobody's position."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from streams.errors import LogUnavailable, TopicMismatch
from streams.io.entries import PositionLost
from streams.io.kafka_errors import asking
from streams.io.kafka_link import KafkaLink
from streams.io.kafka_settings import FETCH_BYTES
from streams.ports import Entry

IDLE_MAX = 16
IDLE_SECONDS = 30.0
"""so many readers are kept for the next read, and so long: each asks the broker twice a second"""


class KafkaReaders:
    """A read goes on with the reader that stands where it begins, else with any of that partition, else with a new one.

    So two who follow the same partition don't throw each other back.
    """

    def __init__(self, link: KafkaLink) -> None:
        self._link = link
        self._idle: dict[TopicPartition, list[KafkaReader]] = defaultdict(list)
        self._closing: set[asyncio.Task[None]] = set()

    async def read(self, partition: TopicPartition, offset: int, limit: int, wait_ms: int) -> Sequence[Entry]:
        """Up to `limit` entries from `offset` on."""
        reader = await self._take(partition, offset)
        try:
            found = await reader.read(offset, limit, wait_ms)
        except BaseException:
            await reader.close()
            raise
        await self._give_back(reader)
        return found

    async def close(self) -> None:
        readers = [reader for readers in self._idle.values() for reader in readers]
        self._idle.clear()
        await asyncio.gather(*(reader.close() for reader in readers), *self._closing)

    async def _take(self, partition: TopicPartition, offset: int) -> "KafkaReader":
        idle = self._idle[partition]
        if idle:
            at = next((at for at, reader in enumerate(idle) if reader.next == offset), 0)
            return idle.pop(at)
        if partition.partition >= await self._link.partitions(partition.topic):
            raise TopicMismatch(f"topic {partition.topic} has no partition {partition.partition}")
        return KafkaReader(self._link, partition)

    async def _give_back(self, reader: "KafkaReader") -> None:
        self._idle[reader.partition].append(reader)
        reader.reads += 1
        asyncio.get_running_loop().call_later(IDLE_SECONDS, self._retire, reader, reader.reads)
        if sum(map(len, self._idle.values())) > IDLE_MAX:
            fullest = max(self._idle.values(), key=len)
            await fullest.pop(0).close()

    def _retire(self, reader: "KafkaReader", reads: int) -> None:
        """Close a reader that nobody has used since."""
        if reader.reads == reads and reader in self._idle[reader.partition]:
            self._idle[reader.partition].remove(reader)
            closing = asyncio.get_running_loop().create_task(reader.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)


class KafkaReader:
    """One partition, read by one at a time. `next` is the offset it stands at."""

    def __init__(self, link: KafkaLink, partition: TopicPartition) -> None:
        self.partition = partition
        self.next = -1
        self.reads = 0
        self._link = link
        self._consumer: AIOKafkaConsumer | None = None

    async def read(self, offset: int, limit: int, wait_ms: int) -> Sequence[Entry]:
        """Raises PositionLost outside the bounds.

        An empty answer is checked against the log's end, which is also how a consumer that hangs is found out:
        LogUnavailable, and the caller's next read has a new one.
        """
        consumer = await self._at(offset)
        found = await self._get(consumer, limit, wait_ms)
        if not found and await self._behind(consumer):
            found = await self._get(consumer, limit, self._link.settings.deadline_ms)
            if not found and await self._behind(consumer):
                raise LogUnavailable(
                    f"Kafka at {self._link.address} gave nothing of {self.partition.topic} from {offset} on, though "
                    "there is something; reading starts anew, try again"
                )
        if found:
            self.next = found[-1].offset + 1
        return found

    async def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await stopped(consumer)

    async def _at(self, offset: int) -> AIOKafkaConsumer:
        consumer = self._consumer
        if consumer is None:
            consumer = consumer_for(self._link)
            await start(self._link, consumer, self._link.settings.deadline_ms)
            self._consumer = consumer
            consumer.assign([self.partition])  # nothing else runs before the seek, so no default position is sought
        if self.next != offset:
            consumer.seek(self.partition, offset)
            self.next = offset
        return consumer

    async def _get(self, consumer: AIOKafkaConsumer, limit: int, wait_ms: int) -> Sequence[Entry]:
        async with asking(self._link.address, "reading", wait_ms + self._link.settings.deadline_ms):
            try:
                found = await consumer.getmany(self.partition, timeout_ms=wait_ms, max_records=limit)
            except OffsetOutOfRangeError:
                raise PositionLost(self.partition, self.next, await self._bounds()) from None
        return cast(Sequence[Entry], found.get(self.partition, ()))

    async def _behind(self, consumer: AIOKafkaConsumer) -> bool:
        bounds = await self._bounds()
        if not bounds[0] <= self.next <= bounds[1]:
            raise PositionLost(self.partition, self.next, bounds)
        return bool(await consumer.position(self.partition) < bounds[1])

    async def _bounds(self) -> tuple[int, int]:
        return (await self._link.bounds(self.partition.topic))[self.partition.partition]


def consumer_for(link: KafkaLink, **options: Any) -> AIOKafkaConsumer:
    """A consumer that isn't started yet."""
    return AIOKafkaConsumer(
        bootstrap_servers=link.address,
        client_id="everfresh",
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level=link.settings.isolation,
        fetch_max_bytes=2 * FETCH_BYTES,
        max_partition_fetch_bytes=FETCH_BYTES,
        **{"request_timeout_ms": link.settings.deadline_ms, **options},
        **link.settings.client,
    )


async def start(link: KafkaLink, consumer: AIOKafkaConsumer, deadline_ms: int) -> None:
    """Start a consumer; nothing is left behind if that fails."""
    try:
        async with asking(link.address, "starting a reader", deadline_ms):
            await consumer.start()
    except BaseException:
        await stopped(consumer)
        raise


async def stopped(consumer: AIOKafkaConsumer, patience_seconds: float = 5.0) -> None:
    """Stop a consumer, whatever state it is in.

    One that doesn't end by itself is torn down, or it would keep its partitions for ever. It is stopped in a task of
    its own: aiokafka lets the cancellation of its fetches out, which would look like ours.
    """
    stopping = asyncio.create_task(consumer.stop())
    await asyncio.wait([stopping], timeout=patience_seconds)
    if not stopping.done() or stopping.cancelled() or stopping.exception() is not None:
        stopping.cancel()
        await _torn_down(consumer)


async def _torn_down(consumer: AIOKafkaConsumer) -> None:
    coordinator, fetcher = consumer._coordinator, consumer._fetcher
    tasks = [
        getattr(part, name, None)
        for part, name in (
            (coordinator, "_coordination_task"),
            (coordinator, "_heartbeat_task"),
            (coordinator, "_commit_refresh_task"),
            (coordinator, "_reset_committed_task"),
            (fetcher, "_fetch_task"),
        )
    ]
    running = [task for task in tasks if task is not None and not task.done()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running, timeout=1.0)
    await consumer._client.close()
