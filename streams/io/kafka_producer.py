"""The idempotent producer, and what becomes of it when it fails.

aiokafka retries for ever and wedges for good on a lost sequence (aiokafka #1017), so each append has a deadline, and a
producer that let one down is given up with all it held: none of that may arrive after its caller has heard of the
failure, except what was on the wire at that moment.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerClosed
from aiokafka.structs import RecordMetadata

from streams.errors import LogUnavailable
from streams.io.entries import check_sizes, partition_of
from streams.io.kafka_errors import asking
from streams.io.kafka_link import KafkaLink
from streams.io.kafka_settings import BATCH_BYTES
from streams.ports import Record, Stamp

BULK = 64
"""records from which on batches are built here and sent whole: 3 times as fast, but others' records don't join in"""

Placed = tuple[Record, int]
Ack = asyncio.Future[RecordMetadata]


class KafkaProducer:
    """Appends; concurrent ones share batches. A producer is started when the first record comes."""

    def __init__(self, link: KafkaLink) -> None:
        self._link = link
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._leaving: set[asyncio.Task[None]] = set()
        self._closed = False
        self.restarts = 0

    async def append(self, records: Sequence[Record]) -> list[Stamp]:
        """Send all, in order per partition, and wait for the acknowledgements."""
        check_sizes(records)
        placed = [(record, partition_of(record, await self._link.partitions(record.topic))) for record in records]
        producer: AIOKafkaProducer | None = None
        acks: list[Ack] = []
        try:
            async with asking(self._link.address, "appending", self._link.settings.deadline_ms):
                producer = await self._ready()
                if len(placed) < BULK:
                    for record, partition in placed:
                        acks.append(await _send(producer, record, partition))
                    return [_stamp(ack) for ack in await asyncio.gather(*acks)]
                return await self._append_bulk(producer, placed)
        except LogUnavailable:
            if producer is not None:
                self._give_up(producer)
            raise
        finally:
            for ack in acks:
                ack.add_done_callback(_heard)

    async def close(self) -> None:
        """Flush and let go."""
        self._closed = True
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                async with asyncio.timeout(self._link.settings.deadline_ms / 1_000):
                    await producer.stop()
            except (TimeoutError, KafkaError):
                await abandon(producer)
        if self._leaving:
            await asyncio.wait(self._leaving)

    async def _append_bulk(self, producer: AIOKafkaProducer, placed: Sequence[Placed]) -> list[Stamp]:
        """Build the batches here; partitions side by side, and the batches of one in order."""
        by_partition: dict[tuple[str, int], list[int]] = defaultdict(list)
        for at, (record, partition) in enumerate(placed):
            by_partition[record.topic, partition].append(at)
        stamps = [Stamp(partition, -1, 0) for _, partition in placed]
        await asyncio.gather(
            *(
                _send_batches(producer, partition, [(at, placed[at][0]) for at in places], stamps)
                for (_, partition), places in by_partition.items()
            )
        )
        return stamps

    async def _ready(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._closed:
                raise LogUnavailable(f"the log at {self._link.address} is closed; open it again")
            if self._producer is None:
                self._producer = await started(self._link)
            return self._producer

    def _give_up(self, producer: AIOKafkaProducer) -> None:
        if self._producer is producer:
            self._producer = None
            self.restarts += 1
            leaving = asyncio.create_task(abandon(producer))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)


async def started(link: KafkaLink, **options: Any) -> AIOKafkaProducer:
    """A producer that is connected; nothing is left behind if that fails."""
    producer = AIOKafkaProducer(
        bootstrap_servers=link.address,
        client_id="everfresh",
        enable_idempotence=True,
        acks="all",
        linger_ms=0,
        max_batch_size=BATCH_BYTES,
        request_timeout_ms=link.settings.deadline_ms,
        **options,
        **link.settings.client,
    )
    try:
        await producer.start()
    except BaseException:
        await abandon(producer)
        raise
    return producer


async def abandon(producer: AIOKafkaProducer) -> None:
    """Stop a producer without flushing: aiokafka's stop() waits for a flush that may never end.

    Its parts are taken one by one, in the order that lets each of them end; nothing of it sends afterwards.
    """
    producer._closed = True
    kept = producer._message_accumulator
    kept.fail_all(ProducerClosed())
    # Told of its end, a batch takes itself out of those that are being sent; one to be sent again isn't among them.
    kept._pending_batches.update(chain.from_iterable(kept._batches.values()))
    sender = producer._sender.sender_task
    if sender is not None:
        # All it would do is done here; where there is no transaction it fails itself, and asyncio logs a traceback.
        sender.remove_done_callback(producer._sender._fail_all)
        sender.cancel()
    await producer.client.close()
    for _ in range(3):  # on a first cancel it waits for its requests, on a second one it cancels them too
        if sender is not None and not sender.done():
            await asyncio.wait([sender], timeout=0.5)
            sender.cancel()
    await producer.client.close()  # a request may have opened a connection meanwhile
    for one in _failed(producer):
        _heard(one)


def _failed(producer: AIOKafkaProducer) -> Iterable[Ack | None]:
    """What aiokafka set a failure on that nobody waits for; it would be logged when it is thrown away."""
    kept = producer._message_accumulator
    for batch in [*chain.from_iterable(kept._batches.values()), *kept._pending_batches]:
        yield from (batch.future, batch._drain_waiter)
    yield producer._sender.sender_task
    yield getattr(producer._txn_manager, "_transaction_waiter", None)


async def _send(producer: AIOKafkaProducer, record: Record, partition: int) -> Ack:
    ack: Ack = await producer.send(
        record.topic, record.value, key=record.key, partition=partition, headers=list(record.headers)
    )
    return ack


async def _send_batches(
    producer: AIOKafkaProducer, partition: int, records: Iterable[tuple[int, Record]], stamps: list[Stamp]
) -> None:
    """Send one partition's records in batches of BATCH_BYTES, and enter their stamps."""
    now_ms = time.time_ns() // 1_000_000
    sent: list[tuple[Ack, list[int]]] = []
    builder, topic = producer.create_batch(), ""
    places: list[int] = []
    for at, record in records:
        topic, headers = record.topic, list(record.headers)
        if builder.append(timestamp=now_ms, key=record.key, value=record.value, headers=headers) is None:
            builder.close()
            sent.append((await producer.send_batch(builder, topic, partition=partition), places))
            builder, places = producer.create_batch(), []
            builder.append(timestamp=now_ms, key=record.key, value=record.value, headers=headers)
        places.append(at)
    builder.close()
    sent.append((await producer.send_batch(builder, topic, partition=partition), places))
    for ack, batch in sent:
        ack.add_done_callback(_heard)
        base = _stamp(await ack)
        at_ms = base.timestamp if base.timestamp >= 0 else now_ms  # -1: the topic keeps the producer's time
        for number, at in enumerate(batch):
            stamps[at] = Stamp(partition, base.offset + number, at_ms)


def _stamp(ack: RecordMetadata) -> Stamp:
    if ack.offset < 0:  # the broker took it for a repetition of what it can no longer find
        raise KafkaError("the records are kept, but the broker can't say at which offset")
    return Stamp(ack.partition, ack.offset, -1 if ack.timestamp is None else ack.timestamp)


def _heard(ack: Ack | None) -> None:
    """Take note of a failure that nobody waits for any more."""
    if ack is not None and ack.done() and not ack.cancelled():
        ack.exception()
