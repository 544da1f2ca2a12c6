"""What an export holds: the journal in its order, and each output once, in the order of its causes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from tests.checker.violation import Invariant, Violation

Json = dict[str, Any]

JOURNAL = "journal.v1"
NOT_OURS = ("changes.v1", "snapshots.v1", "overrides.v1")
"""Topics that hold no outputs: what came in, and what the reactors keep for themselves."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of the journal; `now` never goes back."""

    offset: int
    now: int
    event: Json


@dataclass(frozen=True, slots=True)
class Output:
    """One event that the reactors published, caused by the journal's event at `cause`."""

    topic: str
    cause: int | None
    event: Json


@dataclass(frozen=True, slots=True)
class Export:
    """The journal and the outputs, sorted; `outputs` holds each id of a topic once, `repeats` counts the others."""

    journal: list[Entry]
    outputs: list[Output]
    repeats: int = 0
    problems: list[Violation] = field(default_factory=list)


def load(path: Path) -> Iterator[Json]:
    """The records of a JSONL file; empty lines are passed over."""
    with path.open("rb") as lines:
        for line in lines:
            if line.strip():
                yield orjson.loads(line)


def gather(records: Iterable[Mapping[str, Any]]) -> Export:
    """Sort the records into journal and outputs. Raises ValueError when they hold two domains' journals."""
    entries: dict[int, Mapping[str, Any]] = {}
    outputs: dict[tuple[str, str], Output] = {}
    topics: set[str] = set()
    repeats, problems = 0, list[Violation]()
    for record in records:
        topic, event = record["topic"], record["event"]
        if JOURNAL in topic:
            topics.add(topic)
            known = entries.setdefault(record["offset"], record)["event"]
        elif topic.endswith(NOT_OURS):
            continue
        else:
            repeats += (topic, event["id"]) in outputs
            known = outputs.setdefault((topic, event["id"]), Output(topic, _cause(event), event)).event
        if known is not event and orjson.dumps(known) != orjson.dumps(event):
            problems.append(_unequal(record))
    if len(topics) > 1:
        raise ValueError(f"the export holds the journals {sorted(topics)}; check one domain at a time")
    return Export(_in_order(entries), _by_cause(outputs.values()), repeats, problems)


def _cause(event: Json) -> int | None:
    cause = event.get("journaloffset")
    return None if cause is None else int(cause)


def _in_order(entries: dict[int, Mapping[str, Any]]) -> list[Entry]:
    journal, now = [], 0
    for offset in sorted(entries):
        now = max(now, entries[offset]["timestamp"])
        journal.append(Entry(offset, now, entries[offset]["event"]))
    return journal


def _by_cause(outputs: Iterable[Output]) -> list[Output]:
    """By offset, then by `sequence`: two reactors' outputs of one asset may interleave in the topic."""
    return sorted(outputs, key=lambda one: (one.cause or 0, str(one.event.get("sequence", ""))))


def _unequal(record: Mapping[str, Any]) -> Violation:
    event = record["event"]
    asset, run = event.get("subject"), event["data"].get("run")
    where = f"{record['topic']}/{record['partition']}/{record['offset']}"
    text = f"{event['type']} {event['id']} stands in {where} with another content than before"
    return Violation(Invariant.ACCOUNTING, asset, run, _cause(event), text)
