"""Writes docs/contract from the code: README.md, a JSON Schema and an example of each event, AsyncAPI over them.

    python -m tools.contract            # what there is now
    python -m tools.contract released   # at a release: what the next ones must be compatible with

tests/contract/ compares it all.
"""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import get_args

import orjson
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from everfresh.contract import contract
from streams.cloudevents import CONTENT_TYPE, SIZE_MAX
from streams.events import EVENTS
from streams.examples import without_example
from streams.homes import DOMAIN, homes
from streams.topics import DAY_MS, Topic, Topics

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "contract"
RELEASED = ROOT / "tests" / "contract" / "released"
"""a file a release: what all that come after must be compatible with"""

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

Each type has a JSON Schema and an example, which is the bytes as they stand in a topic; [asyncapi.json](asyncapi.json)
says which topic carries what. `everfresh schema export` writes all of them, with the prefix that is set.

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


def page() -> str:
    """The page README.md."""
    rows = [_topic(topic) for topic in Topics().of(DOMAIN)]
    events = [_event(name, model) for name, model in sorted(EVENTS.items())]
    return HEAD + "".join(rows) + EVENTS_HEAD + "".join(events)


def files() -> dict[str, bytes]:
    """All that stands in docs/contract: path → content."""
    return {"README.md": page().encode(), **dict(contract(Topics()).files())}


def _topic(topic: Topic) -> str:
    if topic.cleanup == "compact":
        kept = "the newest of each key"
    else:
        kept = "all" if topic.retention_ms is None else f"{topic.retention_ms // DAY_MS} days"
    return f"| `{topic.name}` | {topic.key or 'none'} | {topic.partitions} | {kept} |\n"


def _event(name: str, model: type[BaseModel]) -> str:
    fields = ", ".join(_fields(model))
    about = " ".join((inspect.getdoc(model) or "").split()).replace("|", "\\|")
    beside = f"[schema](schemas/{name}.json), [example](examples/{name}.json)"
    return f"| `{name}` {beside} | {', '.join(homes(model))} | {fields} | {about} |\n"


def _fields(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"`{name}{'?' if _may_be_missing(field) else ''}`"


def _may_be_missing(field: FieldInfo) -> bool:
    return not field.is_required() or NoneType in get_args(field.annotation)


def write() -> None:
    """Write docs/contract anew; what no longer belongs there is removed."""
    if missing := without_example():
        sys.exit(
            f"no example of {', '.join(missing)}: tell one in streams/story_journal.py or streams/story_outputs.py"
        )
    wanted = files()
    for path in FOLDER.rglob("*.json"):
        if str(path.relative_to(FOLDER)) not in wanted:
            path.unlink()
    for name, content in wanted.items():
        (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / name).write_bytes(content)


def release() -> None:
    """Keep the schemas as those of this version."""
    made = contract(Topics())
    RELEASED.mkdir(parents=True, exist_ok=True)
    content = orjson.dumps(made.schemas, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    (RELEASED / f"{made.asyncapi['info']['version']}.json").write_bytes(content)


if __name__ == "__main__":
    release() if sys.argv[1:] == ["released"] else write()
