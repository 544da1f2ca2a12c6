"""Where a consumer group begins: fixed and committed before it reads.

A group without a position starts wherever `auto_offset_reset` says *each time* it is dealt a partition: with "latest" a
rebalance before the first commit skips events, and with "earliest" a trimmed position starts over. With positions
committed beforehand and no reset at all neither can happen.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from typing import Literal

from aiokafka import errors
from aiokafka.protocol.admin import DeleteGroupsRequest
from aiokafka.protocol.commit import OffsetFetchRequest

from streams.errors import LogUnavailable
from streams.io.entries import PositionLost
from streams.io.kafka_errors import asking
from streams.io.kafka_link import RETRY_SECONDS, KafkaLink

logger = logging.getLogger("everfresh.faust")

FORGET_MS = 1_000
"""how long deleting a group may take; it is only tidiness"""

Places = dict[tuple[str, int], int]
"""(topic, partition) → offset of the next event to read"""
Start = Literal["earliest", "latest"] | Mapping[tuple[str, int], int]
"""where a group begins that has no position; with places, the end of those that aren't named"""


async def settle(link: KafkaLink, group: str, topics: Sequence[str], start: Start) -> Places:
    """Give the group a position wherever it has none; returns all its positions.

    Raises TopicMismatch for a topic that isn't there, PositionLost for a position that was trimmed away,
    LogUnavailable if the group has members that don't read one of the topics: only they may commit.
    """
    places, new = await _found(link, group, topics, start)
    if not new or await link.move(group, new):
        return places | new
    # It has members, then; perhaps another process was quicker and has given it what it lacked.
    places, new = await _found(link, group, topics, start)
    if not new:
        return places
    names = ", ".join(sorted({topic for topic, _ in new}))
    raise LogUnavailable(f"group {group} has members that don't read {names}; stop them first, then try again")


async def _found(link: KafkaLink, group: str, topics: Sequence[str], start: Start) -> tuple[Places, Places]:
    """The positions that the group has, and where it is to begin where it has none."""
    places: Places = {}
    new: Places = {}
    for topic in topics:
        bounds = await link.bounds(topic)
        committed = await _committed(link, group, topic, list(bounds))
        for partition, (first, end) in bounds.items():
            place = (topic, partition)
            if partition not in committed:
                new[place] = _beginning(place, (first, end), start)
            elif not first <= committed[partition] <= end:
                raise PositionLost(place, committed[partition], (first, end))
            else:
                places[place] = committed[partition]
    return places, new


def _beginning(place: tuple[str, int], bounds: tuple[int, int], start: Start) -> int:
    first, end = bounds
    if start == "earliest":
        return first
    if start == "latest" or place not in start:
        return end
    if not first <= start[place] <= end:
        logger.error("%s/%d has no entry %d any more; going on from %d", *place, start[place], first)
        return first
    return start[place]


async def ends(link: KafkaLink, topics: Sequence[str]) -> Places:
    """The offset that each partition's next event will have."""
    return {(topic, one): end for topic in topics for one, (_, end) in (await link.bounds(topic)).items()}


async def _committed(link: KafkaLink, group: str, topic: str, partitions: list[int]) -> dict[int, int]:
    request = OffsetFetchRequest(group, [(topic, partitions)])
    async with asking(link.address, f"asking where {group} is", link.settings.deadline_ms):
        while True:
            answer = await link._coordinate(group, request)
            found = [one for _, ones in answer.topics for one in ones]
            codes = {answer.error_code, *(code for *_, code in found)}
            failed = {kind for code in codes if (kind := errors.for_code(code)) is not errors.NoError}
            if not failed:
                return {partition: offset for partition, offset, *_ in found if offset >= 0}
            if not all(kind.retriable for kind in failed):
                raise failed.pop()(group)
            await asyncio.sleep(RETRY_SECONDS)  # the coordinator has just moved, or starts


async def forget(link: KafkaLink, group: str) -> None:
    """Delete a group that nobody will use again, as far as that can be done; the broker would keep it for a week."""
    with contextlib.suppress(LogUnavailable):
        async with asking(link.address, f"deleting {group}", FORGET_MS):
            await link._coordinate(group, DeleteGroupsRequest([group]))
