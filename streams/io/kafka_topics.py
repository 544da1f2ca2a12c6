"""Makes topics and checks them."""

from collections.abc import Sequence
from typing import Any

from aiokafka import errors
from aiokafka.protocol.admin import CreateTopicsRequest, DescribeConfigsRequest

from streams.errors import TopicMismatch
from streams.io.kafka_errors import asking
from streams.io.kafka_link import KafkaLink
from streams.io.topics import Found, differences
from streams.topics import Topic

TOPIC_RESOURCE = 2
COMPARED = ["cleanup.policy", "message.timestamp.type"]


class KafkaTopics:
    """TopicAdmin on Kafka."""

    def __init__(self, link: KafkaLink) -> None:
        self._link = link

    async def create(self, topics: Sequence[Topic]) -> list[str]:
        if not topics:
            return []
        factor, deadline_ms = self._link.settings.replication_factor, self._link.settings.deadline_ms
        wanted: list[Any] = [(one.name, one.partitions, factor, [], list(one.settings.items())) for one in topics]
        async with asking(self._link.address, "creating topics", deadline_ms):
            answer = await self._link.to_controller(CreateTopicsRequest(wanted, deadline_ms, False))
            made = [name for name, code, message in answer.topic_errors if _is_new(name, code, message)]
        for name in made:
            await self._link.partitions(name, wait=True)  # all brokers have yet to hear of it
        return made

    async def check(self, topics: Sequence[Topic]) -> list[str]:
        found = await self._find([topic.name for topic in topics]) if topics else {}
        return [one for topic in topics for one in differences(topic, found.get(topic.name))]

    async def names(self, prefix: str) -> list[str]:
        async with asking(self._link.address, "listing topics", self._link.settings.deadline_ms):
            return sorted(name for name in await self._link.metadata([]) if name.startswith(prefix))

    async def _find(self, names: list[str]) -> dict[str, Found]:
        async with asking(self._link.address, "checking topics", self._link.settings.deadline_ms):
            leaders = {name: one for name, one in (await self._link.metadata(names)).items() if one is not None}
            request = DescribeConfigsRequest([(TOPIC_RESOURCE, name, COMPARED) for name in leaders])
            answer = await self._link.send(request)
        found = {}
        for _, _, _, name, entries in answer.resources:
            settings = {entry[0]: entry[1] for entry in entries}
            partitions = len(leaders[name])
            policy = ",".join(sorted(settings["cleanup.policy"].split(",")))
            found[name] = Found(partitions, policy, settings["message.timestamp.type"] == "LogAppendTime")
        return found


def _is_new(name: str, code: int, message: str | None) -> bool:
    error = errors.for_code(code)
    if error is errors.TopicAlreadyExistsError:
        return False
    if error is not errors.NoError:
        raise TopicMismatch(f"topic {name} could not be created: {message or error.__name__}")
    return True
