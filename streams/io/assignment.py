"""Who of a group reads which partition, for the logs that have no broker to say it."""

from collections.abc import Collection, Mapping
from itertools import cycle, islice

TopicPartition = tuple[str, int]


def share(members: Mapping[int, Collection[str]], partitions: Mapping[str, int]) -> dict[TopicPartition, int]:
    """Deal the partitions out in turn among the members that subscribed to their topic; same arguments, same shares.

    `members` is member → its topics, `partitions` topic → count. This is what Kafka's RoundRobinAssignor does.

    >>> share({1: ["a"], 2: ["a", "b"]}, {"a": 2, "b": 1})
    {('a', 0): 1, ('a', 1): 2, ('b', 0): 2}
    """
    shares: dict[TopicPartition, int] = {}
    turn = cycle(sorted(members))
    for topic, count in sorted(partitions.items()):
        for partition in range(count):
            taker = next((one for one in islice(turn, len(members)) if topic in members[one]), None)
            if taker is not None:
                shares[topic, partition] = taker
    return shares
