"""The log on Kafka; each of its nouns has a file beside this one."""

from collections.abc import Sequence
from typing import Literal

from aiokafka import TopicPartition

from streams.io.kafka_consumer import KafkaReaders
from streams.io.kafka_errors import quieten
from streams.io.kafka_link import KafkaLink
from streams.io.kafka_producer import KafkaProducer
from streams.io.kafka_settings import KafkaSettings
from streams.io.kafka_subscription import KafkaSubscription
from streams.io.kafka_topics import KafkaTopics
from streams.io.kafka_writers import KafkaFencedWriter
from streams.ports import Entry, Position, Record, Stamp
from streams.topics import Topic


class KafkaLog:
    """EventLog, Fencing and TopicAdmin in one, made by `await KafkaLog.connect("host:port,host:port")`.

    LogUnavailable means that an append wasn't acknowledged in time; some of it may have been kept even so, as always
    when an answer is lost on a network.
    """

    def __init__(self, link: KafkaLink) -> None:
        self.link = link
        self._producer = KafkaProducer(link)
        self._readers = KafkaReaders(link)
        self._topics = KafkaTopics(link)
        self._members: list[KafkaSubscription] = []
        self.dropped_commits = 0

    @classmethod
    async def connect(cls, bootstrap: str, settings: KafkaSettings | None = None) -> "KafkaLog":
        """Raise LogUnavailable if no broker answers there."""
        quieten()
        link = KafkaLink(bootstrap, settings or KafkaSettings())
        try:
            await link.connect()
        except BaseException:
            await link.close()
            raise
        return cls(link)

    async def append(self, records: Sequence[Record], position: Position | None = None) -> list[Stamp]:
        stamps = await self._producer.append(records) if records else []
        if position is not None:
            await self._move(position)
        return stamps

    async def read(
        self, topic: str, partition: int, offset: int, limit: int = 500, wait_ms: int = 0
    ) -> Sequence[Entry]:
        return await self._readers.read(TopicPartition(topic, partition), offset, limit, wait_ms)

    async def bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        return await self.link.bounds(topic)

    async def subscribe(
        self, group: str, topics: Sequence[str], start: Literal["earliest", "latest"] = "earliest"
    ) -> KafkaSubscription:
        member = KafkaSubscription(self.link, group, topics, start)
        try:
            await member.join()
        except BaseException:
            await member.close()
            raise
        self._members = [one for one in self._members if not one.closed] + [member]
        return member

    async def trim(self, topic: str, partition: int, before: int) -> None:
        """Delete the records below `before`."""
        await self.link.trim(topic, partition, before)

    async def claim(self, name: str) -> KafkaFencedWriter:
        return await KafkaFencedWriter.claim(self.link, name)

    async def create(self, topics: Sequence[Topic]) -> list[str]:
        return await self._topics.create(topics)

    async def check(self, topics: Sequence[Topic]) -> list[str]:
        return await self._topics.check(topics)

    async def names(self, prefix: str) -> list[str]:
        return await self._topics.names(prefix)

    async def positions(self, group: str, topic: str) -> dict[int, int]:
        return await self.link.positions(group, topic)

    async def close(self) -> None:
        await self._producer.close()
        for member in self._members:
            await member.close()
        await self._readers.close()
        await self.link.close()

    async def _move(self, position: Position) -> None:
        """Commit through the member of this log that owns the partition.

        A broker takes a group's positions from its members only, unless it has none. So without an owner here the
        commit goes out as from nobody; if the group lives elsewhere it is dropped, as any commit of what one lost.
        """
        partition = (position.topic, position.partition)
        for member in self._members:
            if member.group == position.group and partition in member.owned():
                await member.commit({partition: position.offset})
                return
        if not await self.link.move(position.group, {partition: position.offset}):
            self.dropped_commits += 1
