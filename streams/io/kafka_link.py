"""A plain connection to the cluster, for what is neither producing nor consuming: topics, bounds, positions.

The admin client of aiokafka isn't used: it lets a broker create the topic that is only asked about.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from aiokafka import errors
from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.protocol.admin import DeleteRecordsRequest
from aiokafka.protocol.api import Request
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.offset import OffsetRequest

from streams.errors import TopicMismatch
from streams.io.kafka_errors import asking, unavailable
from streams.io.kafka_settings import KafkaSettings
from streams.io.topics import missing

EARLIEST, LATEST = -2, -1
RETRY_SECONDS = 0.05
MEMBERS_ONLY = {errors.UnknownMemberIdError, errors.IllegalGenerationError, errors.RebalanceInProgressError}

TopicPartition = tuple[str, int]
Leaders = dict[TopicPartition, int]
"""(topic, partition) → broker"""


class KafkaLink:
    """One client, started by connect()."""

    def __init__(self, address: str, settings: KafkaSettings) -> None:
        self.address = address
        self.settings = settings
        self._known: dict[str, int] = {}
        self._client = AIOKafkaClient(
            bootstrap_servers=address,
            client_id="everfresh",
            request_timeout_ms=settings.deadline_ms,
            **settings.client,
        )

    async def connect(self) -> None:
        """Raise LogUnavailable if nobody answers there."""
        async with asking(self.address, "connecting", self.settings.deadline_ms):
            await self._client.bootstrap()

    async def close(self) -> None:
        await self._client.close()

    async def partitions(self, topic: str, wait: bool = False) -> int:
        """How many a topic has. Raises TopicMismatch if there is no such topic, unless it is to be waited for."""
        if topic not in self._known:
            self._known[topic] = len(await self.leaders([topic], wait))
        return self._known[topic]

    async def leaders(self, topics: list[str], wait: bool = False) -> Leaders:
        """The broker that leads each partition. Raises TopicMismatch if there is no such topic."""
        async with asking(self.address, f"asking for topic {', '.join(topics)}", self.settings.deadline_ms):
            while True:
                found = await self.metadata(topics)
                absent = [topic for topic, leaders in found.items() if leaders is None]
                if absent and not wait:
                    raise TopicMismatch(missing(absent[0]))
                led = {
                    (topic, number): node
                    for topic, leaders in found.items()
                    for number, node in (leaders or {}).items()
                }
                if not absent and all(found.values()) and -1 not in led.values():
                    return led
                await asyncio.sleep(RETRY_SECONDS)  # between two leaders, or just created

    async def metadata(self, topics: list[str]) -> dict[str, dict[int, int] | None]:
        """The partitions of each topic and who leads them (-1: nobody just now); None if there is no such topic.

        Without names it tells of all there are.
        """
        answer = await self.send(MetadataRequest(topics or None, allow_auto_topic_creation=False))
        found: dict[str, dict[int, int] | None] = {}
        for code, topic, _, partitions in answer.topics:
            error = errors.for_code(code)
            if error in (errors.UnknownTopicOrPartitionError, errors.InvalidTopicError):
                found[topic] = None
            elif error in (errors.NoError, errors.LeaderNotAvailableError):
                found[topic] = {number: leader for _, number, leader, *_ in partitions}
            else:
                raise error(topic)
        return found

    async def bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        """Partition → (first offset kept, end). The end leaves out what an open transaction hides from readers."""
        firsts, ends = await asyncio.gather(self._offsets([topic], EARLIEST), self._offsets([topic], LATEST))
        return {number: (first, ends[topic, number]) for (_, number), first in sorted(firsts.items())}

    async def ends(self, topics: list[str]) -> dict[TopicPartition, int]:
        """(topic, partition) → end, with one question to each broker."""
        return await self._offsets(topics, LATEST)

    async def trim(self, topic: str, partition: int, before: int) -> None:
        """Delete the records below `before`."""
        leaders = await self.leaders([topic])
        if (topic, partition) not in leaders:
            raise TopicMismatch(f"topic {topic} has no partition {partition}")
        first, end = (await self.bounds(topic))[partition]
        if before <= first:
            return
        request = DeleteRecordsRequest([(topic, [(partition, min(before, end))])], self.settings.deadline_ms)
        async with asking(self.address, f"trimming {topic}", self.settings.deadline_ms):
            answer = await self.send(request, leaders[topic, partition])
        error = errors.for_code(answer.topics[0][1][0][2])
        if error is not errors.NoError:
            raise unavailable(self.address, f"trimming {topic}", error())

    async def positions(self, group: str, topic: str) -> dict[int, int]:
        """Partition → next offset that the group will read; where it never stood is left out."""
        request = OffsetFetchRequest(group, [(topic, list(range(await self.partitions(topic))))])
        async with asking(self.address, f"asking where {group} stands", self.settings.deadline_ms):
            answer = await self.coordinate(group, request)
            while errors.for_code(answer.error_code).retriable:  # it has yet to load the group; no topics are said then
                await asyncio.sleep(RETRY_SECONDS)
                answer = await self.coordinate(group, request)
            check(answer.error_code)
            found = [one for _, partitions in answer.topics for one in partitions]
            for _, _, _, code in found:
                check(code)
        return {number: offset for number, offset, *_ in sorted(found) if offset >= 0}

    async def move(self, group: str, positions: Mapping[TopicPartition, int]) -> bool:
        """Commit for a group that has no members just now; False if it has, for then only they may."""
        by_topic: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
        for (topic, partition), offset in positions.items():
            by_topic[topic].append((partition, offset, ""))
        request = OffsetCommitRequest(group, -1, "", -1, list(by_topic.items()))
        async with asking(self.address, f"committing for {group}", self.settings.deadline_ms):
            while True:
                answer = await self.coordinate(group, request)
                failed = {errors.for_code(code) for _, partitions in answer.topics for _, code in partitions}
                if failed & MEMBERS_ONLY:
                    return False
                failed -= {errors.NoError}
                if not failed:
                    return True
                if not all(one.retriable for one in failed):
                    raise failed.pop()()
                await asyncio.sleep(RETRY_SECONDS)

    async def send(self, request: Request[Any], node: int | None = None) -> Any:
        """Ask one broker; if not said, any that can be reached."""
        nodes = [broker.nodeId for broker in self._client.cluster.brokers()] if node is None else [node]
        random.shuffle(nodes)
        for one in nodes[:-1]:
            if await self._client.ready(one):
                return await self._client.send(one, request)
        return await self._client.send(nodes[-1], request)

    async def to_controller(self, request: Request[Any]) -> Any:
        """Ask the broker that may change topics."""
        await self._client.force_metadata_update()
        return await self.send(request, self._client.cluster.controller.nodeId)

    async def _offsets(self, topics: list[str], when: int) -> dict[TopicPartition, int]:
        """The first or the next offset of each partition; a leader that moves meanwhile is looked up again."""
        async with asking(self.address, f"asking for the bounds of {', '.join(topics)}", self.settings.deadline_ms):
            while True:
                leaders = await self.leaders(topics)
                found: dict[TopicPartition, int] = {}
                for node, partitions in _by_node(leaders).items():
                    found.update(await self._offsets_at(node, partitions, when))
                if found.keys() == leaders.keys():
                    return found
                await asyncio.sleep(RETRY_SECONDS)

    async def _offsets_at(self, node: int, partitions: list[TopicPartition], when: int) -> dict[TopicPartition, int]:
        """What this broker says; less than was asked for if it isn't the leader any more."""
        isolation = 1 if self.settings.isolation == "read_committed" else 0
        wanted: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for topic, number in partitions:
            wanted[topic].append((number, when))
        found: dict[TopicPartition, int] = {}
        try:
            answer = await self.send(OffsetRequest(-1, isolation, list(wanted.items())), node)
        except errors.KafkaError as error:
            if not error.retriable:
                raise
            return found
        for topic, told in answer.topics:
            for number, code, _, offset in told:
                kind = errors.for_code(code)
                if kind is errors.NoError:
                    found[topic, number] = offset
                elif not kind.retriable:
                    raise kind(topic)
        return found

    async def coordinate(self, group: str, request: Request[Any]) -> Any:
        """Ask the broker that keeps the group, until it answers; the caller sets the deadline."""
        while True:
            try:
                node = await self._client.coordinator_lookup(CoordinationType.GROUP, group)
                return await self._client.send(node, request, group=ConnectionGroup.COORDINATION)
            except errors.KafkaError as error:
                if not error.retriable:
                    raise
                await asyncio.sleep(RETRY_SECONDS)

    _coordinate = coordinate  # as faust_positions.py still calls it


def check(code: int) -> None:
    """Raise the error of a code that isn't 0."""
    error = errors.for_code(code)
    if error is not errors.NoError:
        raise error()


def _by_node(leaders: Leaders) -> dict[int, list[TopicPartition]]:
    by_node: dict[int, list[TopicPartition]] = defaultdict(list)
    for partition, node in leaders.items():
        by_node[node].append(partition)
    return by_node
