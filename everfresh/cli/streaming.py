"""Reads topics side by side: what is there by time, then what comes."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from heapq import heapify, heappop, heapreplace
from typing import Literal

from everfresh.cli.command import UsedWrongly
from everfresh.cli.screen import line, say
from everfresh.cli.words import about, short, told
from everfresh.options import meant
from everfresh.reading import BATCH, entries
from streams.cloudevents import Envelope, decode
from streams.errors import BadEvent
from streams.events import EVENTS, FROM_OUTSIDE, OverridesSet, RunCancelled, RunEnded, RunGranted
from streams.io.urls import Log
from streams.ports import Entry
from streams.topics import Topics
from streams.units import rfc3339

TO_WORKERS = frozenset((RunGranted.TYPE, RunCancelled.TYPE))
_NOUNS = frozenset(("asset", "freshness", "check", "cost", "alert", "dead"))
OUTPUTS = TO_WORKERS | {
    kind
    for kind in EVENTS
    if kind == RunEnded.TYPE or (short(kind).split(".")[0] in _NOUNS and kind not in FROM_OUTSIDE)
}
"""types that stand in the output topics; the others stand in a journal only"""

Place = tuple[str, int]
Form = Literal["text", "json", "export"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events are meant. Raises UsedWrongly for types that stand nowhere it looks."""

    types: frozenset[str]
    domains: tuple[str, ...]
    narrowed: bool  # only these domains' events, not what belongs to none
    journal: bool
    since: int | None

    def __post_init__(self) -> None:
        if not self.journal and not self.types & OUTPUTS:
            listed = ", ".join(sorted(map(short, self.types)))
            raise UsedWrongly(f"{listed} stands in the journal only; add --journal")

    def topics(self, topics: Topics) -> list[str]:
        """Where such events stand."""
        found = [topics.output(kind).name for kind in sorted(self.types & OUTPUTS - TO_WORKERS)]
        for domain in self.domains:
            found += [topics.runs(domain).name] if self.types & TO_WORKERS else []
            found += [topics.journal(domain).name] if self.journal else []
        if self.journal and OverridesSet.TYPE in self.types:  # what a journal's reader must know
            found.append(topics.overrides.name)
        return list(dict.fromkeys(found))

    def chosen(self, entry: Entry) -> Envelope | None:
        """The entry's event, if it is meant."""
        try:
            event = decode(entry.value, entry.headers)
        except BadEvent:
            return None
        from_journal = is_journal(entry.topic)
        if event["type"] not in self.types or not (from_journal or self._is_ours(event)):
            return None
        if self.since is None:
            return event
        cause = entry.offset if from_journal else event.get("journaloffset")
        return event if cause is not None and int(cause) >= self.since else None

    def _is_ours(self, event: Envelope) -> bool:
        owner = event["source"].removeprefix("everfresh/")
        return not self.narrowed or owner in self.domains or about(event).partition("/")[0] in self.domains


def is_journal(topic: str) -> bool:
    """Whether a topic is a domain's journal, under whatever prefix."""
    return ".journal.v1." in f".{topic}"


def types_of(patterns: Sequence[str]) -> frozenset[str]:
    """The types that these name, in full, without what all share, or by their noun alone. Raises UsedWrongly."""
    return frozenset(kind for pattern in patterns for kind in _named(pattern))


def _named(pattern: str) -> list[str]:
    names = {kind: short(kind) for kind in EVENTS}
    found = [
        kind
        for kind, name in names.items()
        if fnmatchcase(kind, pattern) or fnmatchcase(name, pattern) or pattern == name.split(".")[0]
    ]
    if not found:
        raise UsedWrongly(f"no event is of type {pattern!r}; {meant(pattern, names.values())}")
    return found


def printed(form: Form, entry: Entry, event: Envelope) -> None:
    """Print one event."""
    if form == "export":
        at = {"topic": entry.topic, "partition": entry.partition, "offset": entry.offset, "timestamp": entry.timestamp}
        line(at | {"event": event})
    elif form == "json":
        line(event)
    else:
        say(f"{rfc3339(entry.timestamp)}  {short(event['type']):20}  {about(event)}  {told(event)}".rstrip())


async def stream(log: Log, topics: Sequence[str], since: int | None, follow: bool) -> AsyncIterator[Entry]:
    """What stands in the topics, oldest first; with `follow` then what comes, as it comes."""
    bounds: dict[Place, tuple[int, int]] = {}
    for topic in topics:
        for partition, (first, end) in (await log.log.bounds(topic)).items():
            start = max(first, min(since or 0, end)) if is_journal(topic) else first
            bounds[topic, partition] = (start, end)
    async for entry in merged([entries(log, *place, *bound) for place, bound in bounds.items() if bound[0] < bound[1]]):
        yield entry
    if follow:
        async for entry in _coming(log, {place: end for place, (_, end) in bounds.items()}):
            yield entry


async def merged(sources: Sequence[AsyncIterator[Entry]]) -> AsyncIterator[Entry]:
    """The entries of all, by time; those of one source in its own order."""
    firsts = await asyncio.gather(*(anext(source, None) for source in sources))
    heap = [(entry.timestamp, number, entry) for number, entry in enumerate(firsts) if entry is not None]
    heapify(heap)
    while heap:
        _, number, entry = heap[0]
        yield entry
        following = await anext(sources[number], None)
        if following is None:
            heappop(heap)
        else:
            heapreplace(heap, (following.timestamp, number, following))


async def _coming(log: Log, places: Mapping[Place, int]) -> AsyncIterator[Entry]:
    """What is appended from these offsets on, for ever. Raises what reading raises."""
    queue: asyncio.Queue[Sequence[Entry] | Exception] = asyncio.Queue(maxsize=100)
    tasks = [asyncio.create_task(_follow(log, place, offset, queue)) for place, offset in places.items()]
    try:
        while True:
            found = await queue.get()
            if isinstance(found, Exception):
                raise found
            for entry in found:
                yield entry
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _follow(log: Log, place: Place, offset: int, queue: "asyncio.Queue[Sequence[Entry] | Exception]") -> None:
    try:
        while True:
            found = await log.log.read(*place, offset, BATCH, wait_ms=1_000)
            if found:
                offset = found[-1].offset + 1
                await queue.put(found)
    except Exception as error:
        await queue.put(error)
