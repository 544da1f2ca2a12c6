"""Writes docs/contract/README.md from the code: topics and events as they are.

    python -m tools.contract > docs/contract/README.md

tests/docs/test_pages.py compares the two.
"""

import inspect
from collections.abc import Iterator
from types import NoneType
from typing import get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from streams.cloudevents import CONTENT_TYPE, SIZE_MAX
from streams.events import (
    EVENTS,
    Alert,
    AlertResolved,
    AlertUpdated,
    AssetChanged,
    AssetMaterialized,
    JournalGap,
    OverridesSet,
    RunCancelled,
    RunGranted,
)
from streams.topics import DAY_MS, Topic, Topics

HEAD = f"""# The contract

Topics and events as this version has them. Written by `python -m tools.contract` from the code; don't edit it.

Every event is a CloudEvent 1.0, at most {SIZE_MAX // 1024} KiB, written as structured JSON
(`content-type: {CONTENT_TYPE}`); structured and binary are read. What the reactor emits has these
extension attributes:

- `partitionkey`: what orders it
- `sequence`: grows within a domain, and so for each key: drop what isn't higher than the last you saw of that key
- `journaloffset`: the journal's entry that it follows from

`id` is the same whenever it is sent again, so drop what you have seen. Nothing is ordered across topics. Fields
are added over time: ignore those you don't know.

How to write and read them, in several languages: [Publishing changes](../publishing.md) and
[Consuming alerts and other events](../consuming.md).

## Topics

The prefix `{Topics().prefix}` is a setting. `<domain>` is a domain's name.

| topic | key | partitions | kept |
|---|---|---|---|
"""

EVENTS_HEAD = """
## Events

`?` marks what may be missing: what would be null isn't written. An instant is RFC 3339 text; `…_ms` is whole
milliseconds, `…_seconds` a number.

| type | stands in | fields of `data` | what it says |
|---|---|---|---|
"""


NOT_YET = (AlertUpdated, JournalGap)
"""events that nothing writes yet"""


def page() -> str:
    """The whole page."""
    topics = Topics()
    rows = [_topic(topic) for topic in topics.of("<domain>")]
    events = [_event(name, model) for name, model in sorted(EVENTS.items())]
    return HEAD + "".join(rows) + EVENTS_HEAD + "".join(events)


def _topic(topic: Topic) -> str:
    if topic.cleanup == "compact":
        kept = "the newest of each key"
    else:
        kept = "all" if topic.retention_ms is None else f"{topic.retention_ms // DAY_MS} days"
    return f"| `{topic.name}` | {topic.key or 'none'} | {topic.partitions} | {kept} |\n"


def _event(name: str, model: type[BaseModel]) -> str:
    fields = ", ".join(_fields(model))
    about = " ".join((inspect.getdoc(model) or "").split()).replace("|", "\\|")
    about += " (Nothing writes it yet.)" if model in NOT_YET else ""
    return f"| `{name}` | {_home(model)} | {fields} | {about} |\n"


def _home(model: type[BaseModel]) -> str:
    """The topic, without the prefix; what isn't said here stands in a journal."""
    if model is AssetChanged:
        return "changes, journal"
    if model is OverridesSet:
        return "overrides"
    if model in {RunGranted, RunCancelled}:
        return "journal, runs" if model is RunGranted else "runs"
    if model.__module__ != AssetMaterialized.__module__:
        return "journal"
    topic = Topics("").output(model.TYPE).name.removesuffix(".v1")  # type: ignore[attr-defined]
    is_state = issubclass(model, Alert) and model is not AlertResolved  # what is over leaves a tombstone there
    return f"{topic}, alert-state" if is_state else topic


def _fields(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"`{name}{'?' if _may_be_missing(field) else ''}`"


def _may_be_missing(field: FieldInfo) -> bool:
    return not field.is_required() or NoneType in get_args(field.annotation)


if __name__ == "__main__":
    print(page(), end="")
