"""Fenced writers: a transactional producer each."""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from streams.errors import Fenced, LogUnavailable
from streams.io.entries import check_sizes, partition_of
from streams.io.kafka_errors import asking
from streams.io.kafka_link import KafkaLink
from streams.io.kafka_producer import abandon, started
from streams.io.kafka_settings import TRANSACTION_MS
from streams.io.memory_writers import fenced_sentence
from streams.ports import Record


class KafkaFencedWriter:
    """Each append is one transaction under the name as `transactional.id`: 27 ms, so batch what goes in.

    After LogUnavailable it can't be known whether this writer still is the one: it writes no more, claim it again.
    """

    def __init__(self, link: KafkaLink, name: str, producer: AIOKafkaProducer) -> None:
        self._link = link
        self._name = name
        self._producer: AIOKafkaProducer | None = producer
        self._turn = asyncio.Lock()
        self._end = Fenced(fenced_sentence(name, closed=True))

    @classmethod
    async def claim(cls, link: KafkaLink, name: str) -> "KafkaFencedWriter":
        """Take over the name."""
        async with asking(link.address, f"claiming {name}", link.settings.deadline_ms):
            producer = await started(link, transactional_id=name, transaction_timeout_ms=TRANSACTION_MS)
        return cls(link, name, producer)

    async def append(self, records: Sequence[Record]) -> None:
        check_sizes(records)
        if not records:
            return
        placed = [(record, partition_of(record, await self._link.partitions(record.topic))) for record in records]
        async with self._turn:
            if self._producer is None:
                raise self._end
            try:
                async with asking(self._link.address, f"writing as {self._name}", self._link.settings.deadline_ms):
                    await _transact(self._producer, placed)
            except LogUnavailable as error:
                await self._give_up()
                if isinstance(error.__cause__, ProducerFenced | InvalidProducerEpoch):
                    self._end = Fenced(fenced_sentence(self._name, closed=False))
                    raise self._end from error
                raise

    async def close(self) -> None:
        async with self._turn:
            producer, self._producer = self._producer, None
            if producer is not None:
                try:
                    async with asyncio.timeout(self._link.settings.deadline_ms / 1_000):
                        await producer.stop()
                except (TimeoutError, KafkaError):
                    await abandon(producer)

    async def _give_up(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await abandon(producer)  # the broker aborts what it left open


async def _transact(producer: AIOKafkaProducer, placed: Sequence[tuple[Record, int]]) -> None:
    await producer.begin_transaction()
    acks = [
        await producer.send(
            record.topic, record.value, key=record.key, partition=partition, headers=list(record.headers)
        )
        for record, partition in placed
    ]
    try:
        await asyncio.gather(*acks)
        await producer.commit_transaction()
    finally:
        for ack in acks:
            ack.add_done_callback(lambda done: done.cancelled() or done.exception())
