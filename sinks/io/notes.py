"""What a sink must still know after a restart, or in another process: in a compacted topic."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, Self, TypeVar

from sinks.io.following import Following
from streams.ports import Entry, EventLog, Record
from streams.topics import Topics


class Noted(Protocol):
    """A note: it says of itself whether it is newer than another of its name."""

    def encoded(self) -> bytes:
        """As it is kept."""

    def is_newer(self, than: Self) -> bool:
        """Whether it was written about something later."""


Note = TypeVar("Note", bound=Noted)


class Notes(Generic[Note]):
    """One sink's notes by their names; whoever asks for one has read the topic to its end."""

    def __init__(self, log: EventLog, topics: Topics, sink: str, decoded: Callable[[bytes], Note]) -> None:
        self._log, self._topic = log, topics.sink_state.name
        self._prefix, self._decoded = f"{sink}/".encode(), decoded
        self._following = Following(log, {self._topic: None})
        self._known: dict[str, Note] = {}
        self._owed: set[str] = set()
        self._reading = asyncio.Lock()

    async def find(self, name: str) -> Note | None:
        """The newest note, whoever wrote it; one that couldn't be kept before is kept now. Raises LogUnavailable."""
        async with self._reading:
            async for entry in self._following.more():
                if entry.key is not None and entry.key.startswith(self._prefix):
                    self._take(entry.key.removeprefix(self._prefix).decode("utf-8", "replace"), entry)
        if name in self._owed:
            await self.keep(name, self._known[name])
        return self._known.get(name)

    async def keep(self, name: str, note: Note) -> None:
        """Known from now on, and kept when this returns. Raises LogUnavailable; then `find` tries it again."""
        self._known[name] = note
        self._owed.add(name)
        await self._log.append([Record(self._topic, note.encoded(), self._prefix + name.encode())])
        self._owed.discard(name)

    async def forget(self, name: str) -> None:
        """Needed no more."""
        await self._log.append([Record(self._topic, None, self._prefix + name.encode())])
        self._known.pop(name, None)

    def __iter__(self) -> Iterator[tuple[str, Note]]:
        return iter(list(self._known.items()))

    def _take(self, name: str, entry: Entry) -> None:
        if name in self._owed:
            return
        if entry.value is None:
            self._known.pop(name, None)
            return
        try:
            note = self._decoded(entry.value)
        except (ValueError, TypeError):  # a later version's: who wrote it knows it
            return
        known = self._known.get(name)
        if known is None or note.is_newer(known):
            self._known[name] = note
