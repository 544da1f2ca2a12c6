"""Entries of one key in their order, those of different keys side by side."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import NamedTuple

from sinks.io.attempts import Leaving
from sinks.window import Place, Window
from streams.ports import Entry

Lane = tuple[str, int, bytes | None]
"""(topic, partition, key)"""


class Room(NamedTuple):
    """How far a destination may run ahead of its position."""

    unfinished: int = 1_000
    """entries held in memory"""
    span: int = 10_000
    """entries that a crash repeats at most"""


class Lanes:
    """A task per key that has entries under way. `work` settles one entry; when it raises, nothing after it moves."""

    def __init__(self, work: Callable[[Entry], Awaitable[None]], room: Room) -> None:
        self._work, self._room = work, room
        self._window = Window()
        self._queues: dict[Lane, deque[Entry]] = {}
        self._tasks: dict[Lane, asyncio.Task[None]] = {}
        self._settled = asyncio.Event()
        self._failure: BaseException | None = None

    def put(self, entry: Entry) -> None:
        """Take an entry in, behind those of its key."""
        if not self._window.begin((entry.topic, entry.partition), entry.offset):
            return
        lane = (entry.topic, entry.partition, entry.key)
        queue = self._queues.setdefault(lane, deque())
        queue.append(entry)
        if lane not in self._tasks:
            self._tasks[lane] = asyncio.create_task(self._follow(lane, queue))

    @property
    def busy(self) -> bool:
        """Whether anything is under way, or settled and not asked for by `moved`."""
        return bool(self._tasks) or self._window.owes

    @property
    def room(self) -> int:
        """How many entries more may be put now."""
        return max(0, min(self._room.unfinished - self._window.unfinished, self._room.span - self._window.span))

    def moved(self) -> Mapping[Place, int]:
        """Positions that may be committed now, where they differ from the last answer's."""
        return self._window.moved()

    def check(self) -> None:
        """Raise what stopped a lane."""
        if self._failure is not None:
            raise self._failure

    def keep(self, places: Collection[Place]) -> None:
        """Stop what is under way of other partitions: they are somebody else's now."""
        for place in self._window.places - frozenset(places):
            self._window.drop(place)
            for lane in [lane for lane in self._tasks if lane[:2] == place]:
                self._tasks.pop(lane).cancel()
                del self._queues[lane]

    async def roomy(self, seconds: float) -> None:
        """Return when there is room, a lane was stopped, or the time is up."""
        try:
            async with asyncio.timeout(seconds):
                while not self.room and self._failure is None:
                    self._settled.clear()
                    await self._settled.wait()
        except TimeoutError:
            pass

    async def end(self, grace_seconds: float) -> None:
        """Wait for what is under way, at most so long; what is left is cancelled."""
        tasks = list(self._tasks.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _follow(self, lane: Lane, queue: deque[Entry]) -> None:
        try:
            while queue:
                entry = queue[0]
                await self._work(entry)
                queue.popleft()
                self._window.finish((entry.topic, entry.partition), entry.offset)
                self._settled.set()
        except Leaving:
            return
        except Exception as error:
            self._failure = error
        if self._tasks.get(lane) is asyncio.current_task():
            del self._tasks[lane], self._queues[lane]
        self._settled.set()
