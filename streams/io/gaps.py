"""What was trimmed away before a group read it: found where a fetch raised Gap, so that it can be announced."""

from typing import NamedTuple

from streams.errors import Gap
from streams.ports import EventLog, Subscription


class Missed(NamedTuple):
    """Entries `first` to `last` of a partition are no longer in the log, and the group never had them."""

    topic: str
    partition: int
    first: int
    last: int


async def missed(log: EventLog, subscription: Subscription, group: str) -> list[Missed]:
    """What this member missed of its partitions; it may commit behind that, once it is announced.

    Raises Gap where a topic ends before the group's position: it isn't the topic that the group read.
    """
    found = []
    for topic, partition in sorted(subscription.owned()):
        position = await subscription.position(topic, partition)
        first, end = (await log.bounds(topic))[partition]
        if position > end:
            raise Gap(
                f"group {group!r} stands at {position} of {topic}/{partition}, which ends at {end}: "
                "the topic was made anew or cut short; find out why, then delete the group, or give it another name"
            )
        if position < first:
            found.append(Missed(topic, partition, position, first - 1))
    return found
