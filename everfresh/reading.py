"""What is going on now, for the command line: the newest snapshot and the journal's tail, folded. Writes nothing."""

from collections.abc import AsyncIterator
from typing import NamedTuple

from reactors.domain import Domain, Output
from reactors.entries import fold
from reactors.history import History
from reactors.io.keeping import restored, restored_whole
from reactors.io.overrides import skipped
from reactors.stops import FoldFailed
from streams.cloudevents import Envelope
from streams.errors import TopicMismatch
from streams.io.urls import Log
from streams.ports import Entry
from streams.topics import Topics

BATCH = 5_000
"""entries that are read at once"""


class Folded(NamedTuple):
    """An entry of a journal and what followed from it; the event is None where it can't be read or is passed over."""

    entry: Entry
    event: Envelope | None
    outputs: list[Output]


class Reading:
    """A domain's journal, folded on and on as a reactor does it. `begin` first.

    Raises FoldFailed where a reactor stops too.
    """

    def __init__(self, log: Log, topics: Topics, name: str) -> None:
        self.name = name
        self.domain = Domain()
        self.next = 0  # offset of the next entry to fold
        self._log, self._topics = log, topics
        self._skips: frozenset[int] = frozenset()

    async def begin(self, whole: bool = False) -> None:
        """Stand at the newest snapshot, or, with `whole`, as far back as the journal is kept.

        Raises TopicMismatch where the domain was never deployed, Gap where nothing leads to what is kept.
        """
        first, _ = await bounds(self._log, self._topics, self.name)
        self._skips = await skipped(self._log.log, self._topics.overrides.name, self.name)
        begin = restored_whole if whole else restored
        self.domain, self.next = await begin(self._log.snapshots, self.name, first)

    async def more(self, wait_ms: int = 0) -> list[Folded]:
        """Fold what is there, or what comes within `wait_ms`; a large backlog takes several calls."""
        entries = await self._log.log.read(self._topics.journal(self.name).name, 0, self.next, BATCH, wait_ms)
        return [self._fold(entry) for entry in entries]

    async def to_end(self, end: int | None = None) -> AsyncIterator[Folded]:
        """Fold all entries before `end`, by default all that are there now."""
        if end is None:
            _, end = await bounds(self._log, self._topics, self.name)
        async for entry in entries(self._log, self._topics.journal(self.name).name, 0, self.next, end):
            yield self._fold(entry)

    def _fold(self, entry: Entry) -> Folded:
        try:
            event, outputs = fold(self.domain, entry, self._skips)
        except Exception as error:
            raise FoldFailed(self.name, entry.offset, entry.timestamp, error) from error
        self.next = entry.offset + 1
        return Folded(entry, event, outputs)


async def entries(log: Log, topic: str, partition: int, first: int, end: int) -> AsyncIterator[Entry]:
    """The entries [first, end) of one partition."""
    while first < end:
        batch = await log.log.read(topic, partition, first, limit=BATCH, wait_ms=1_000)
        if not batch:
            return
        for entry in batch:
            if entry.offset >= end:
                return
            yield entry
        first = batch[-1].offset + 1


async def bounds(log: Log, topics: Topics, name: str) -> tuple[int, int]:
    """The journal's first and next offset. Raises TopicMismatch where the domain was never deployed."""
    topic = topics.journal(name).name
    try:
        return (await log.log.bounds(topic))[0]
    except TopicMismatch as error:  # of a log that is away another way leads out
        raise TopicMismatch(f"domain {name!r} isn't there: {error}; deploy it with `everfresh deploy APP`") from None


async def caught_up(log: Log, topics: Topics, name: str) -> Reading:
    """A reading of the domain that stands at its journal's end, and may go on from there."""
    reading = Reading(log, topics, name)
    await reading.begin()
    async for _ in reading.to_end():
        pass
    return reading


async def now(log: Log, topics: Topics, name: str) -> Domain:
    """The domain's state at the journal's end."""
    return (await caught_up(log, topics, name)).domain


async def history(log: Log, topics: Topics, name: str) -> tuple[Domain, History]:
    """The domain's state and its runs, as far back as the journal is kept; without its beginning, since a snapshot."""
    reading, runs = Reading(log, topics, name), History()
    await reading.begin(whole=True)
    async for folded in reading.to_end():
        for output in folded.outputs:
            runs.take(output)
    return reading.domain, runs


async def behind(log: Log, group: str, topic: str) -> int:
    """How many entries of a topic a group has yet to take in."""
    standing = await log.admin.positions(group, topic)
    edges = await log.log.bounds(topic)
    return sum(max(0, end - max(first, standing.get(partition, first))) for partition, (first, end) in edges.items())
