"""Where each type of event stands, and who writes and reads each topic: docs/contract is made from this."""

from typing import NamedTuple

from pydantic import BaseModel

from streams.events import (
    FROM_OUTSIDE,
    Alert,
    AlertResolved,
    AssetMaterialized,
    OverridesSet,
    RunCancelled,
    RunGranted,
)
from streams.topics import Topic, Topics

DOMAIN = "<domain>"
"""stands for a domain's name"""


class Traffic(NamedTuple):
    """Who of everfresh's own writes a topic, and who reads it; an empty text: none of ours does."""

    senders: str
    receivers: str


TRAFFIC = {
    "changes": Traffic("publishers, the gateway, and whoever else may", "ingress"),
    "snapshots": Traffic("reactors", "reactors, the command line"),
    "overrides": Traffic("operators", "reactors, before they fold"),
    "materializations": Traffic("reactors", "sinks"),
    "freshness": Traffic("reactors", "sinks"),
    "checks": Traffic("reactors", "sinks"),
    "costs": Traffic("reactors", "sinks"),
    "alerts": Traffic("reactors: every transition", "sinks"),
    "alert-state": Traffic("reactors: what fires now; what is over leaves a tombstone", "sinks"),
    "sink-state": Traffic("sinks", "sinks"),
    "dead-letters": Traffic("ingress, sinks, reactors", "sinks, `everfresh dead-letters`"),
    "journal": Traffic("ingress, the domain's workers and reactor, other domains' reactors, operators", "reactors"),
    "runs": Traffic("the domain's reactor, once the fact is in the journal", "the domain's workers"),
}
"""topic, without prefix and version → its traffic"""


def named(topics: Topics) -> dict[str, Topic]:
    """The topics by their names without prefix and version; a domain's own are those of DOMAIN.

    >>> named(Topics())["journal"].name
    'everfresh.journal.v1.<domain>'
    """
    return {topic.name.removeprefix(topics.prefix).partition(".v1")[0]: topic for topic in topics.of(DOMAIN)}


def homes(model: type[BaseModel]) -> tuple[str, ...]:
    """The topics that an event stands in, named as above; what isn't said here stands in a journal.

    >>> homes(RunGranted)
    ('journal', 'runs')
    """
    kind: str = model.TYPE  # type: ignore[attr-defined]
    if kind in FROM_OUTSIDE:
        return "changes", "journal"
    if model is OverridesSet:
        return ("overrides",)
    if model in {RunGranted, RunCancelled}:
        return ("journal", "runs") if model is RunGranted else ("runs",)
    if model.__module__ != AssetMaterialized.__module__:
        return ("journal",)
    topic = Topics("").output(kind).name.removesuffix(".v1")
    return (topic, "alert-state") if issubclass(model, Alert) and model is not AlertResolved else (topic,)
