"""A worker on the bench, with a log, a clock and an executor that do what the test says."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import everfresh as ef
from reactors.io.outbox import Address, Outbox
from reactors.io.worker import Terms, Worker
from reactors.ports import Done, Failed, Task
from reactors.recipes import Code
from streams.cloudevents import decode, parse
from streams.events import RunGranted
from streams.ports import Record, Stamp

LEASE_MS = 30_000


class Timeless:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = 1_000_000
        self.before_waking: Callable[[], None] = lambda: None
        self._sleepers: list[tuple[int, asyncio.Future[None]]] = []

    def now_ms(self) -> int:
        return self.at

    def monotonic_ms(self) -> int:
        return self.at

    async def sleep(self, duration_ms: int) -> None:
        woken = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.at + duration_ms, woken))
        await woken

    async def advance(self, duration_ms: int) -> None:
        await settled()
        end = self.at + duration_ms
        while due := [one for one in self._sleepers if one[0] <= end]:
            first = min(due, key=lambda one: one[0])
            self._sleepers.remove(first)
            self.at = max(self.at, first[0])
            self.before_waking()
            if not first[1].done():
                first[1].set_result(None)
            await settled()
        self.at = end


class Journal:
    """A log that keeps what is appended, or is away."""

    def __init__(self, clock: Timeless) -> None:
        self.clock = clock
        self.batches: list[list[Any]] = []
        self.ids: list[str] = []
        self.error: Exception | None = None
        self.tries = 0
        self.skew_ms = 0

    async def append(self, records: Sequence[Record]) -> list[Stamp]:
        self.tries += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        wrapped = [decode(record.value) for record in records]
        assert {(record.topic, record.partition) for record in records} == {("everfresh.journal.v1.shop", 0)}
        self.batches.append([parse(one) for one in wrapped])
        self.ids += [one["id"] for one in wrapped]
        return [Stamp(0, offset, self.clock.at + self.skew_ms) for offset in range(len(records))]

    @property
    def events(self) -> list[Any]:
        return [event for batch in self.batches for event in batch]

    def of(self, *models: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, models)]


@dataclass
class Told:
    """An executor that ends an attempt when, and as, it is told."""

    at_once: Done | Failed | Exception | None = None
    stubborn: bool = False  # ends well, cancelled or not
    log: list[str] = field(default_factory=list)
    running: dict[tuple[str, int], "asyncio.Future[Done | Failed]"] = field(default_factory=dict)

    async def start(self) -> None:
        self.log.append("start")

    async def run(self, task: Task, timeout_ms: int) -> Done | Failed:
        self.log.append(f"run {task.run}.{task.attempt} {timeout_ms}")
        if isinstance(self.at_once, Exception):
            raise self.at_once
        if self.at_once is not None:
            return self.at_once
        ending: asyncio.Future[Done | Failed] = asyncio.get_running_loop().create_future()
        self.running[task.run, task.attempt] = ending
        try:
            return await ending
        except asyncio.CancelledError:
            self.log.append(f"stopped {task.run}.{task.attempt}")
            if self.stubborn:
                return Done(version="too late")
            raise

    async def close(self) -> None:
        self.log.append("close")


def code() -> Code:
    app = ef.App("shop")

    @app.asset(code_version="2")
    def revenue() -> None: ...

    @app.asset()
    def report() -> None: ...

    return app.code()


class Bench:
    """A worker on the bench: `async with` runs its outbox alone, unless it is to live as a whole."""

    def __init__(self, at_once: Done | Failed | Exception | None = None, slots: int = 2, lives: bool = False) -> None:
        self.lives = lives
        self.clock = Timeless()
        self.journal = Journal(self.clock)
        self.executor = Told(at_once)
        self.outbox = Outbox(Address("everfresh.journal.v1.shop", "w1"), self.journal.append, self.clock)
        self.worker = Worker(Terms("w1", slots, LEASE_MS), code(), self.executor, self.outbox, self.clock)
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self._tasks.append(asyncio.create_task(work))
        return self._tasks[-1]

    async def __aenter__(self) -> "Bench":
        self.begin(self.worker.run(asyncio.Event(), grace_ms=0) if self.lives else self.outbox.run())
        await settled()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks, tasks = [], self._tasks
        await asyncio.gather(*tasks, return_exceptions=True)

    def take(self, run: str = "7-a", attempt: int = 1, **fields: Any) -> None:
        self.worker.take(self.grant(run, attempt, **fields), fields.get("now_ms", self.clock.at))

    def grant(self, run: str = "7-a", attempt: int = 1, **fields: Any) -> RunGranted:
        given: dict[str, Any] = {
            "run": run,
            "number": 7,
            "asset": "shop/revenue",
            "attempt": attempt,
            "wave": "w",
            "worker": "w1",
            "claim_by": self.clock.at + 15_000,
            "basis": 1,
            "cut_at": 1,
            "inputs": {},
            "cut": {},
            "covers": {},
            "deadline": 0,
            "lease_ms": LEASE_MS,
            "timeout_ms": 5_000,
            "code_version": "2",
            "reason": "due",
        }
        fields.pop("now_ms", None)
        return RunGranted(**(given | fields))

    async def end(self, result: Done | Failed, run: str = "7-a", attempt: int = 1) -> None:
        self.executor.running.pop((run, attempt)).set_result(result)
        await settled()


async def settled() -> None:
    """Let everything that can go on, go on."""
    for _ in range(20):
        await asyncio.sleep(0)
