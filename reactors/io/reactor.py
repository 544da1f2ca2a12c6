"""The reactor's loop for one domain: read, fold, emit, post. It has no rules of its own."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reactors.admission import next_instant, propose
from reactors.domain import Domain, Output, digest_of
from reactors.entries import fold
from reactors.granting import Terms
from reactors.io.clock import JournalClock, SystemClock
from reactors.io.emission import Emission
from reactors.io.emitter import Emitter
from reactors.io.keeping import Keeper, Trim, restored
from reactors.io.overrides import skipped
from reactors.io.refusals import Refusals
from reactors.stops import FoldFailed, opened
from streams.cloudevents import HEADERS, envelope, event_id
from streams.errors import EventTooLarge, LogUnavailable
from streams.events import Event, Pause, ReactorStopped, RunGranted, TimerFired
from streams.ports import Entry, EventLog, FencedWriter, Fencing, Position, Record, Snapshot, Snapshots, Stamp
from streams.sizes import shortened
from streams.topics import Topics

logger = logging.getLogger("everfresh.reactor")

ROLE = "reactors"
"""its consumer group, behind the prefix"""
APPLY_TRIES = 3
"""how often an entry is folded again after the fold itself failed, before the domain stops"""


FACT_SPARE = 8_192
"""bytes that a fact leaves for what follows from it: a publication tells its inputs again, and where it lies"""

SPARING = 10
"""a snapshot comes no sooner than so many times what the last one took"""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a reactor needs of the world."""

    log: EventLog
    snapshots: Snapshots
    fencing: Fencing
    clock: SystemClock
    topics: Topics
    transactional: bool  # the log moves a position in the same transaction as it appends
    decided: Callable[[str, float], None] = lambda _domain, _seconds: None  # is told how long each turn took
    trim: Trim | None = None  # without, all of a journal is kept


@dataclass(frozen=True, slots=True)
class Pace:
    """How often what may wait is done."""

    flush_ms: int = 100  # states to compacted topics, and positions where the log isn't transactional
    snapshot_entries: int = 50_000
    snapshot_ms: int = 60_000
    keep_ms: int | None = None  # how long a journal is kept at least; None: for good


class DomainReactor:
    """Folds one domain's journal and posts what it proposes. `restore` first, then `turn` and `tick`, for ever."""

    def __init__(self, name: str, parts: Parts, terms: Terms | None = None, pace: Pace | None = None) -> None:
        self.name, self.parts = name, parts
        self.terms, self.pace = terms or Terms(), pace or Pace()
        self.topic, self.group = parts.topics.journal(name).name, parts.topics.group(ROLE)
        self.clock = JournalClock(parts.clock)
        self.domain = Domain()
        self.next = 0  # offset of the next entry to fold
        self.committed = 0  # the group's position, as far as this process moved it
        self.skips: frozenset[int] = frozenset()
        self.overruled = 0  # what operators said before this offset is known
        self._emitter = Emitter(parts.topics, name, "")
        self._emission = Emission(parts.log, self._emitted)
        self._keeper = (
            Keeper(parts.log, parts.snapshots, parts.trim, self.pace.keep_ms)
            if parts.trim is not None and self.pace.keep_ms is not None
            else None
        )
        self._writer: FencedWriter | None = None
        self._failures: dict[int, int] = {}
        self._snapshot_at, self._snapshot_offset, self._snapshot_took, self._moved_at = 0, 0, 0, 0
        self._no_loss_before = 0
        self._end = 0  # nothing is proposed before so much is folded: the journal's end, or the newest own fact

    async def restore(self, position: int) -> None:
        """Come to where the group stood: snapshot, then the tail up to `position` without emitting it again."""
        self._writer = await self.parts.fencing.claim(self.parts.topics.group(f"reactor-{self.name}"))
        self.overruled = (await self.parts.log.bounds(self.parts.topics.overrides.name))[0][1]
        self.skips = await skipped(self.parts.log, self.parts.topics.overrides.name, self.name)
        await self._refold(position)
        self._emitter = Emitter(self.parts.topics, self.name, self.domain.state.incarnation)
        self._end = (await self.parts.log.bounds(self.topic))[0][1]
        self._no_loss_before = self.clock.monotonic_ms() + self.terms.lease_ms
        self._snapshot_at = self._moved_at = self.clock.monotonic_ms()
        self.committed = self.next
        self._emission = Emission(self.parts.log, self._emitted, self.next)

    async def _refold(self, position: int) -> None:
        first, _ = (await self.parts.log.bounds(self.topic))[0]
        self.domain, self.next = await restored(self.parts.snapshots, self.name, first, position)
        if self.next:
            self.clock.see(self.domain.state.now)
        self._snapshot_offset = self.next
        while self.next < position:
            entries = await self.parts.log.read(self.topic, 0, self.next, limit=5_000, wait_ms=1_000)
            for entry in entries:
                if entry.offset < position:
                    try:
                        self._fold(entry)
                    except Exception as error:
                        self._failed(entry, error)
                        await self._refold(position)
                        return
            if not entries:
                break
        self.next = max(self.next, position)  # what an offset was given for but isn't kept won't come any more

    async def turn(self, entries: Sequence[Entry], caught_up: bool) -> None:
        """Fold one batch, emit its outputs, and post what is proposed once there is nothing left to read.

        The position moves last: a crash repeats the turn, with the same ids, and never skips it.
        """
        begun = self.parts.clock.precise_seconds()
        outputs: list[Output] = []
        for entry in entries:
            if entry.offset >= self.next:
                outputs += await self._folded(entry)
        await self._advance(outputs, caught_up)
        self.parts.decided(self.name, self.parts.clock.precise_seconds() - begun)

    async def tick(self, caught_up: bool) -> None:
        """What time asks for: proposals that fell due, a position to move, a snapshot, a sign of life in a long run."""
        now = self.clock.monotonic_ms()
        if caught_up and self.next >= self._end and self._is_due():
            await self._advance([], caught_up)
        if self.parts.transactional and self.next > self.committed and now - self._moved_at >= self.pace.flush_ms:
            await self._move()
        folded = self.next - self._snapshot_offset
        waited = now - self._snapshot_at >= self.pace.snapshot_ms
        # The one before must be of use to whoever begins where the group stands; and a big state takes its time.
        may = self._snapshot_offset <= self.committed and now - self._snapshot_at >= SPARING * self._snapshot_took
        if may and (folded >= self.pace.snapshot_entries or (waited and folded)):
            await self._keep(await self.snapshot())

    @property
    def unsettled(self) -> bool:
        """There are states to flush, or a position to move."""
        return self._emitter.waiting > 0 or self._emission.out > self.committed

    def next_wait_ms(self, longest: int, caught_up: bool) -> int:
        """How long the loop may wait for entries before something falls due.

        While more entries stand in the log than were folded, nothing is done about what is due: they are waited for.
        """
        at = next_instant(self.domain) if caught_up and self.next >= self._end else None
        return longest if at is None else min(longest, max(0, at - self.clock.now_ms()))

    async def flush(self) -> int:
        """Write the newest states; then the group's position may move to what is returned.

        It may run beside a turn. Raises Fenced once another reactor has taken over.
        """
        out = self._emission.out
        if self._writer is not None and self._emitter.waiting:
            await self._emitter.flush(self._writer)
        return out

    async def _move(self) -> None:
        """Move the position past what had no outputs."""
        self._moved_at = self.clock.monotonic_ms()
        await self.parts.log.append([], Position(self.group, self.topic, 0, self.next))
        self.committed = self.next

    async def snapshot(self) -> Snapshot:
        """Save the state as it is now."""
        begun, self._snapshot_offset = self.clock.monotonic_ms(), self.next
        state = self.domain.dump()
        found = Snapshot(self.name, self.next, digest_of(state), state)
        await self.parts.snapshots.save(found)
        self._snapshot_at = self.clock.monotonic_ms()
        self._snapshot_took = self._snapshot_at - begun
        return found

    async def _keep(self, snapshot: Snapshot) -> None:
        """Let go of what the journal needn't keep any more."""
        if self._keeper is None:
            return
        try:
            await self._keeper.saved(self.topic, snapshot, self.clock.now_ms())
        except LogUnavailable as error:  # nothing depends on it
            logger.warning("domain %s: %s; its journal is trimmed after another snapshot", self.name, error)

    async def sent(self) -> None:
        """Return once all is out that follows from what was folded."""
        await self._emission.emptied()

    async def stop(self, said: ReactorStopped) -> None:
        """Say aloud that it goes no further; again and again is once.

        The journal hears it first: an alert that is open must be one that whoever folds on can resolve.
        """
        if self._writer is None:
            return
        await self.parts.log.append([self._record(said)])
        # Its source isn't the fold's, of which readers would miss what it says of the same entry, once that is folded.
        emitter = Emitter(self.parts.topics, f"{self.name}/reactor", self.domain.state.incarnation)
        await self.parts.log.append(emitter.records([opened(self.domain, self.name, said)]))
        await emitter.flush(self._writer)

    async def close(self) -> None:
        """Flush, keep a snapshot, let go of the name."""
        await self.sent()
        await self.flush()
        if self.parts.transactional and self.next > self.committed:
            await self._move()
        if self.next > self._snapshot_offset:
            await self.snapshot()
        await self.let_go()

    async def let_go(self) -> None:
        """Let go of the name without a last word; idempotent. What wasn't sent is repeated by whoever comes next."""
        await self._emission.close()
        if self._writer is not None:
            await self._writer.close()

    def _is_due(self) -> bool:
        if self.domain.flights and self.clock.silent_ms() > self.terms.lease_ms // 3:
            return True
        at = next_instant(self.domain)
        return at is not None and at <= self.clock.now_ms()

    def _fold(self, entry: Entry) -> list[Output]:
        self.clock.see(entry.timestamp)
        _, outputs = fold(self.domain, entry, self.skips)
        self.next = entry.offset + 1
        return outputs

    async def _folded(self, entry: Entry) -> list[Output]:
        """A fold that fails may leave the state half changed: start from the snapshot again, and give up in the end."""
        while True:
            try:
                return self._fold(entry)
            except Exception as error:
                self._failed(entry, error)
                await self._refold(entry.offset)

    def _failed(self, entry: Entry, error: Exception) -> None:
        """Count it. Raises FoldFailed when it was the last try."""
        at, tries = entry.offset, self._failures.get(entry.offset, 0) + 1
        self._failures[at] = tries
        logger.error("%s: folding offset %d failed (%d of %d)", self.name, at, tries, APPLY_TRIES, exc_info=error)
        if tries >= APPLY_TRIES:
            raise FoldFailed(self.name, at, entry.timestamp, error) from error

    async def _advance(self, outputs: list[Output], caught_up: bool) -> None:
        """Emit what follows, append what is proposed, fold the new facts at once where nothing came between, and again.

        Where the log can do that, outputs, facts and position are one transaction. Elsewhere the facts are waited for,
        for grants go out only after theirs, and the outputs are on their way meanwhile; the position moves last, so a
        crash repeats what it must.
        """
        refusals = Refusals()
        while True:
            proposals = refusals.checked(self._proposals()) if caught_up and self.next >= self._end else []
            facts = [self._record(one) for one in proposals]
            if self.parts.transactional:
                emitted = self._emitted(outputs)
                records = [*self._emitter.states(), *emitted, *facts]
                position = Position(self.group, self.topic, 0, self.next)
                stamps = await self.parts.log.append(records, position) if records else []
                self.committed = position.offset if records else self.committed
            else:
                await self._emission.add(outputs, self.next)
                stamps = await self.parts.log.append(facts) if facts else []
            if not proposals:
                return
            # Until they are folded, whatever stands between, the same would only be proposed again.
            self._end = max(self._end, stamps[-1].offset + 1)
            outputs, caught_up = await self._fold_own(facts, stamps[-len(facts) :])

    async def _fold_own(self, records: Sequence[Record], stamps: Sequence[Stamp]) -> tuple[list[Output], bool]:
        """The outputs of the facts just appended, up to where another's entry stands between; whether to the end."""
        outputs: list[Output] = []
        for record, stamp in zip(records, stamps, strict=True):
            if stamp.offset != self.next:
                return outputs, False  # the loop reads on from here, in order
            outputs += await self._folded(_Own(record, stamp))
        return outputs, True

    def _emitted(self, outputs: Sequence[Output]) -> list[Record]:
        if outputs and not self._emitter.named:
            self._emitter = self._emitter.renamed(self.domain.state.incarnation)
        return self._emitter.records(outputs)

    def _proposals(self) -> list[Event]:
        if self.domain.state.manifest is None:
            return []
        now = self.clock.monotonic_ms()
        silent = self.clock.silent_ms()
        if silent > self.terms.lease_ms // 2:
            self._no_loss_before = now + self.terms.lease_ms
        if not self.clock.now_ms() or (self.domain.flights and silent > self.terms.lease_ms // 3):
            return [TimerFired(at=self.domain.state.now)]  # learns the log's time, or shows that it still answers
        return propose(self.domain, self.clock.now_ms(), self.terms, may_lose=now >= self._no_loss_before)

    def _record(self, event: Event) -> Record:
        subject = getattr(event, "asset", self.name)
        parts = (self.domain.state.incarnation, event.TYPE, subject, event.model_dump_json())
        wrapped = envelope(event, event_id(*parts), f"everfresh/{self.name}/reactor", subject, self.clock.now_ms())
        try:
            return Record(self.topic, shortened(wrapped, FACT_SPARE), None, HEADERS, partition=0)
        except EventTooLarge as error:
            if not isinstance(event, RunGranted):
                raise
            logger.error("%s: a grant of %s can't be written: %s", self.name, event.asset, error)
            why = f"its grant is too large to be written: it names {len(event.inputs)} inputs"
            return self._record(Pause(asset=event.asset, partition=event.partition, by="its reactor", reason=why))


class _Own:
    """An entry that this reactor appended itself, as it would read it."""

    __slots__ = ("headers", "key", "offset", "partition", "timestamp", "topic", "value")

    def __init__(self, record: Record, stamp: Stamp) -> None:
        self.topic, self.key, self.value, self.headers = record.topic, record.key, record.value, record.headers
        self.partition, self.offset, self.timestamp = stamp.partition, stamp.offset, stamp.timestamp
