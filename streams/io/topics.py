"""What a log says about its topics against what is declared."""

from typing import NamedTuple

from streams.topics import Topic


class Found(NamedTuple):
    """A topic as the log has it."""

    partitions: int
    cleanup: str
    log_append_time: bool

    @classmethod
    def of(cls, topic: Topic | None) -> "Found | None":
        return None if topic is None else cls(topic.partitions, topic.cleanup, topic.log_append_time)


def missing(topic: str) -> str:
    """The sentence for a topic that isn't there."""
    return f"topic {topic} is missing; create it with `everfresh topics create`"


def differences(declared: Topic, found: Found | None) -> list[str]:
    """One sentence for each way in which the topic isn't as declared. Retention is the operator's, so it is let be."""
    if found is None:
        return [missing(declared.name)]
    problems = []
    if found.partitions != declared.partitions:
        problems.append(
            f"topic {declared.name} has {found.partitions} partitions, declared are {declared.partitions}; a key would "
            "change its partition and lose its order: make it anew, or set another EVERFRESH_PREFIX, under which all "
            "topics are new"
        )
    if found.cleanup != declared.cleanup:
        problems.append(
            f"topic {declared.name} has cleanup.policy={found.cleanup}, declared is {declared.cleanup}; set it back, "
            "or entries vanish that are still needed"
        )
    if found.log_append_time != declared.log_append_time:
        kinds = {True: "LogAppendTime", False: "CreateTime"}
        problems.append(
            f"topic {declared.name} has message.timestamp.type={kinds[found.log_append_time]}, declared is "
            f"{kinds[declared.log_append_time]}; set it back, or time would be taken from the wrong clock"
        )
    return problems
