"""A member of a consumer group."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from streams.errors import LogUnavailable
from streams.io.entries import PositionLost
from streams.io.kafka_consumer import consumer_for, start, stopped
from streams.io.kafka_errors import asking, unavailable
from streams.io.kafka_link import KafkaLink
from streams.io.watchdog import Watchdog
from streams.ports import Entry

Partition = tuple[str, int]


class KafkaSubscription:
    """The records are aiokafka's own, nothing is copied.

    A rebalance happens whenever the broker says so, even while a batch is being worked on: a commit of what isn't this
    member's any more is dropped, and counted. `restarts` counts how often the watchdog had to step in.
    """

    def __init__(
        self, link: KafkaLink, group: str, topics: Sequence[str], start: Literal["earliest", "latest"]
    ) -> None:
        self.group = group
        self.closed = False
        self.dropped_commits = 0
        self.restarts = 0
        self._link = link
        self._topics = list(topics)
        self._start = start
        self._partitions = Partitions()
        self._lost: set[Partition] = set()
        self._watchdog = Watchdog(link.settings.starving_ms / 1_000)
        self._consumer: AIOKafkaConsumer | None = None

    async def join(self) -> None:
        """Become a member; returns once partitions are dealt out and the start is fixed."""
        settings = self._link.settings
        for topic in self._topics:
            await self._link.partitions(topic)  # a missing one would be waited for
        # The other members have a session's time to come to the rebalance.
        patience_ms = settings.session_timeout_ms + settings.deadline_ms
        self._partitions = Partitions()
        consumer = consumer_for(
            self._link,
            group_id=self.group,
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
            session_timeout_ms=settings.session_timeout_ms,
            heartbeat_interval_ms=max(settings.session_timeout_ms // 4, 250),
            request_timeout_ms=patience_ms,
        )
        consumer.subscribe(self._topics, listener=self._partitions)
        await start(self._link, consumer, patience_ms)
        self._consumer = consumer
        async with asking(self._link.address, f"joining {self.group}", patience_ms):
            await self._partitions.dealt.wait()
        await self._begin(consumer, [TopicPartition(*one) for one in self.owned()])
        self._watchdog.fed()

    async def fetch(self, limit: int = 500, wait_ms: int = 200) -> Mapping[Partition, Sequence[Entry]]:
        consumer = await self._joined()
        found: Mapping[Partition, Sequence[Entry]] = {}
        try:
            async with asyncio.timeout(wait_ms / 1_000 + 0.1):  # amid a rebalance aiokafka would wait for its end
                found = await consumer.getmany(timeout_ms=wait_ms, max_records=limit)
        except TimeoutError:
            pass
        except NoOffsetForPartitionError as error:  # dealt in a rebalance, for the first time or so it seems
            await self._begin(consumer, [error.args[0]])
        except OffsetOutOfRangeError as error:
            raise await self._gap(error.args[0]) from None
        except KafkaError as error:
            raise unavailable(self._link.address, f"reading as {self.group}", error) from error
        if found:
            self._watchdog.fed()
        elif self._watchdog.wants_a_look():
            await self._look(consumer)
        return found

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        mine = {TopicPartition(*one): offset for one, offset in positions.items() if one in self.owned()}
        self.dropped_commits += len(positions) - len(mine)
        consumer = self._consumer
        if not mine or consumer is None:
            return
        try:
            async with asking(self._link.address, f"committing for {self.group}", self._link.settings.deadline_ms):
                await consumer.commit(mine)
        except LogUnavailable as error:
            if not isinstance(error.__cause__, CommitFailedError | IllegalStateError):
                raise
            self.dropped_commits += len(mine)  # a rebalance came between
            return
        for partition in mine.keys() & self._lost:
            self._lost.discard(partition)
            consumer.seek(partition, mine[TopicPartition(*partition)])

    def owned(self) -> frozenset[Partition]:
        return self._partitions.owned

    async def position(self, topic: str, partition: int) -> int:
        consumer = await self._joined()
        async with asking(self._link.address, "asking for a position", self._link.settings.deadline_ms):
            return int(await consumer.position(TopicPartition(topic, partition)))

    def behind(self, topic: str, partition: int) -> bool:
        if self._consumer is None or (topic, partition) not in self.owned():
            return False
        left = _known_left(self._consumer, TopicPartition(topic, partition), self._link.settings.isolation)
        return left is None or left > 0  # before the broker's first answer a backlog must be expected

    async def close(self) -> None:
        self.closed = True
        self._partitions.owned = frozenset()
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await stopped(consumer)

    async def _joined(self) -> AIOKafkaConsumer:
        if self.closed:
            raise LogUnavailable("this member has left its group; subscribe again")
        if self._consumer is None:  # the watchdog stopped it, and then nobody could be reached
            await self.join()
        return self._consumer

    async def _begin(self, consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]) -> None:
        """Go to the group's position; where it has none yet, start as told and commit that.

        Without the commit `latest` would skip whatever comes before the first one. The consumer itself isn't asked for
        the position: aiokafka takes a coordinator that has yet to load the group for one that knows of none.
        """
        for partition in partitions:
            offset = (await self._link.positions(self.group, partition.topic)).get(partition.partition)
            fresh = offset is None
            if offset is None:
                first, end = (await self._link.bounds(partition.topic))[partition.partition]
                offset = first if self._start == "earliest" else end
            if partition in self.owned():
                consumer.seek(partition, offset)
                if fresh:
                    await self.commit({partition: offset})

    async def _gap(self, offsets: Mapping[TopicPartition, int]) -> PositionLost:
        ((partition, offset),) = offsets.items()  # aiokafka gives them one by one
        self._lost.add(partition)
        return PositionLost(partition, offset, (await self._link.bounds(partition.topic))[partition.partition])

    async def _look(self, consumer: AIOKafkaConsumer) -> None:
        """Compare this member's position with the log's end, and start anew if it has been starving."""
        try:
            ends = await self._link.ends(self._topics)
        except LogUnavailable:
            self._watchdog.fed()  # nobody can read now; when the broker is back, patience begins again
            return
        if self._watchdog.starving(await self._lag(consumer, ends)):
            self.restarts += 1
            self._consumer = None
            self._partitions.owned = frozenset()
            await stopped(consumer)
            await self.join()

    async def _lag(self, consumer: AIOKafkaConsumer, ends: Mapping[Partition, int]) -> int | None:
        """Records that wait for this member; None if that can't be said: it has no partitions yet, or no position."""
        if not self._partitions.dealt.is_set():
            return None
        lag = 0
        for one in self.owned():
            try:
                async with asyncio.timeout(1.0):
                    lag += max(0, ends[one] - await consumer.position(TopicPartition(*one)))
            except (TimeoutError, KafkaError):
                return None
        return lag


def _known_left(consumer: AIOKafkaConsumer, partition: TopicPartition, isolation: str) -> int | None:
    """Records past the consumer's position, by the end that came with its last fetch; None before the first."""
    subscribed = consumer._subscription.subscription
    assignment = None if subscribed is None else subscribed.assignment
    if assignment is None or partition not in assignment.tps:
        return None
    state = assignment.state_value(partition)
    end = state.lso if isolation == "read_committed" else state.highwater
    return None if end is None or not state.has_valid_position else max(0, end - state.position)


class Partitions(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """What the broker dealt to one consumer."""

    def __init__(self) -> None:
        self.owned: frozenset[Partition] = frozenset()
        self.dealt = asyncio.Event()

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002  # all are
        self.owned = frozenset()
        self.dealt.clear()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self.owned = frozenset(assigned)
        self.dealt.set()
