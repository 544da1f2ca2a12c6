"""The worker: takes the grants that name it, runs them, reports, and says every now and then that it lives."""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from reactors.io.outbox import Outbox
from reactors.ports import Clock, Done, Executor, Failed, Task
from reactors.recipes import Code
from streams.errors import EverfreshError
from streams.events import Attempt, Held, RunFailed, RunGranted, RunRejected, RunStarted, RunSucceeded, WorkerHeartbeat

logger = logging.getLogger("everfresh.worker")

REMEMBERED = 10_000
"""attempts whose grant counts as a repeat"""

ERROR_MAX = 4_000
"""characters of a report's error"""

Key = tuple[str, int]
"""run and attempt"""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a worker is. `name` is unique among all that ever live: a lost worker's name must not come back."""

    name: str
    slots: int = 2
    lease_ms: int = 30_000  # how long it may be silent


@dataclass(slots=True)
class Flight:
    """A grant that is being run."""

    grant: RunGranted
    started_at: int  # instant
    began_ms: int  # on the monotonic clock
    work: "asyncio.Task[None]" = field(init=False)


class Worker:
    """Runs what is granted to it. `start` it, `take` what comes, `drain` it.

    It never queues: what it can't begin at once it refuses, and the run is wanted again elsewhere.
    """

    def __init__(self, terms: Terms, code: Code, executor: Executor, outbox: Outbox, clock: Clock) -> None:
        self.terms = terms
        self._code, self._executor, self._outbox, self._clock = code, executor, outbox, clock
        self._flights: dict[Key, Flight] = {}
        self._taken: OrderedDict[Key, None] = OrderedDict()
        self._letting_go: set[asyncio.Task[None]] = set()
        self._leaving = False
        self._born_at, self._beats = clock.now_ms(), 0

    async def run(self, stop: asyncio.Event, grace_ms: int) -> None:
        """Live until `stop` is set, then drain. Raises what a log refuses for good; one that is away is waited for."""
        try:
            async with asyncio.TaskGroup() as group:
                living = [group.create_task(self._outbox.run()), group.create_task(self._beat())]
                await self._executor.start()
                await stop.wait()
                await self.drain(grace_ms)
                for one in living:
                    one.cancel()
        finally:
            await self._executor.close()

    def take(self, grant: RunGranted, now_ms: int | None = None) -> None:
        """Take a grant in; its run goes on by itself. `now_ms` is the journal's time, by default as last heard of.

        One for another worker, or taken before, is nothing. One past its `claim_by`, or for code or a slot that isn't
        there, is refused by a report.
        """
        key = (grant.run, grant.attempt)
        if grant.worker != self.terms.name or key in self._taken:
            return
        self._remember(key)
        for older in [one for one in self._flights if one[0] == grant.run]:
            self.cancel(*older)  # given up for lost: two attempts of one run needn't both go on here
        refusal = self._refusal(grant, self._outbox.journal.now_ms() if now_ms is None else now_ms)
        if refusal is not None:
            logger.info("refused %s %s.%d: %s", grant.asset, grant.run, grant.attempt, refusal)
            self._say(RunRejected(**_attempt(grant), reason=refusal))
            return
        flight = Flight(grant, self._clock.now_ms(), self._clock.monotonic_ms())
        self._flights[key] = flight
        # The task before the report: one that ends without waiting is reported, start and end, in one append.
        flight.work = asyncio.create_task(self._fly(key, flight), name=f"{grant.asset} {grant.run}.{grant.attempt}")
        self._say(RunStarted(**_attempt(grant)))

    def cancel(self, run: str, attempt: int | None = None) -> None:
        """Stop a run, or one attempt of it, without a report: whoever cancels has written it down already."""
        for key in [one for one in self._flights if one[0] == run and attempt in {None, one[1]}]:
            work = self._flights.pop(key).work
            work.cancel()
            self._letting_go.add(work)
            work.add_done_callback(self._letting_go.discard)

    def heartbeat(self) -> WorkerHeartbeat:
        """What there is to say of this worker now."""
        return WorkerHeartbeat(
            worker=self.terms.name,
            slots=self.terms.slots,
            code_versions=self._code.versions,
            holds=tuple(Held(run=run, attempt=attempt) for run, attempt in self._flights),
            leaving=self._leaving,
        )

    def beat(self) -> None:
        """Say it, in its turn among the reports."""
        self._beats += 1
        self._outbox.say(self.heartbeat(), self.terms.name, self._born_at, self._beats)

    async def drain(self, grace_ms: int) -> None:
        """Take nothing more, let runs end for up to `grace_ms`, hand back the others, and leave."""
        self._leaving = True
        self.beat()
        works = [flight.work for flight in self._flights.values()]
        if works:
            await asyncio.wait(works, timeout=grace_ms / 1_000)
        for key, flight in list(self._flights.items()):
            self.cancel(*key)
            self._say(RunRejected(**_attempt(flight.grant), reason="the worker was stopped before the run ended"))
        await asyncio.gather(*self._letting_go, return_exceptions=True)
        await self._executor.close()
        self.beat()
        try:
            async with asyncio.timeout(max(grace_ms, self.terms.lease_ms) / 1_000):
                await self._outbox.emptied()
        except TimeoutError:
            self._outbox.give_up()

    async def _beat(self) -> None:
        """At once, then each third of a lease. One that still waits for the log is not said again."""
        while True:
            if not self._outbox.has(WorkerHeartbeat.TYPE):
                self.beat()
            await self._clock.sleep(self.terms.lease_ms // 3)

    async def _fly(self, key: Key, flight: Flight) -> None:
        """Run it to its end and report that."""
        grant = flight.grant
        task = Task.of(grant, flight.started_at)
        try:
            result = await self._executor.run(task, grant.timeout_ms)
        except Exception as error:
            logger.exception("%s %s.%d: the executor itself failed", grant.asset, grant.run, grant.attempt)
            result = Failed(kind="died", error=f"the worker failed to run it: {type(error).__name__}: {error}")
        if self._flights.pop(key, None) is not flight:
            return  # cancelled while it ended
        try:
            self._report(flight, result)
        except (ValueError, TypeError, EverfreshError) as error:
            logger.exception("%s %s.%d: its report can't be written", grant.asset, grant.run, grant.attempt)
            self._report(flight, Failed(kind="bad_result", error=f"its report can't be written: {error}"[:ERROR_MAX]))

    def _report(self, flight: Flight, result: Done | Failed) -> None:
        fields: dict[str, Any] = {
            **_attempt(flight.grant),
            **dict(result),
            "started_at": flight.started_at,
            "finished_at": self._clock.now_ms(),
            "duration_ms": self._clock.monotonic_ms() - flight.began_ms,
        }
        self._say(RunSucceeded(**fields) if isinstance(result, Done) else RunFailed(**fields))

    def _refusal(self, grant: RunGranted, now_ms: int) -> str | None:
        """Why a grant can't be begun at once, if it can't."""
        if self._leaving:
            return "the worker is leaving"
        if now_ms > grant.claim_by:
            return f"the grant came {now_ms - grant.claim_by} ms past its claim_by"
        version = self._code.versions.get(grant.asset)
        if version != grant.code_version:
            has = "doesn't know the asset" if version is None else f"has code version {version!r}"
            return f"the grant is for code version {grant.code_version!r}; this worker {has}"
        if len(self._flights) >= self.terms.slots:
            return f"all {self.terms.slots} slots are taken"
        return None

    def _say(self, report: Attempt) -> None:
        self._outbox.say(report, report.run, report.attempt)

    def _remember(self, key: Key) -> None:
        self._taken[key] = None
        if len(self._taken) > REMEMBERED:
            self._taken.popitem(last=False)


def _attempt(grant: RunGranted) -> dict[str, Any]:
    """What every report about this attempt names."""
    return {name: getattr(grant, name) for name in Attempt.model_fields}
