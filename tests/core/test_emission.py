"""What the lane beside the reactor's turns promises: order, who goes first, and a position that passes nothing."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from reactors.domain import Output
from reactors.io.emission import AT_ONCE, ROOM, Emission
from streams.errors import LogUnavailable
from streams.events import AssetVerified, Event, RunCancelled, RunGranted
from streams.ports import EventLog, Position, Record, Stamp


class Slow:
    """Of a log what a lane asks for: each append waits until it is let through."""

    def __init__(self) -> None:
        self.kept: list[bytes | None] = []
        self.asked = asyncio.Semaphore(0)
        self._gate = asyncio.Semaphore(0)
        self.broken: Exception | None = None

    async def append(self, records: Sequence[Record], position: Position | None = None) -> list[Stamp]:
        self.asked.release()
        await self._gate.acquire()
        if self.broken is not None:
            raise self.broken
        self.kept += [one.value for one in records]
        return []

    def let_through(self, times: int = 1) -> None:
        for _ in range(times):
            self._gate.release()


def lane_on(log: Slow, offset: int = 0) -> Emission:
    return Emission(cast(EventLog, log), encoded, offset)


def encoded(outputs: Sequence[Output]) -> list[Record]:
    return [Record("t", one.subject.encode()) for one in outputs]


def output(subject: str, offset: int, model: type[Event] = AssetVerified) -> Output:
    return Output(model, subject, offset, 0, 0, {})


async def test_what_workers_wait_for_overtakes_what_only_describes() -> None:
    log = Slow()
    lane = lane_on(log)
    await lane.add([output("a", 0), output("grant", 0, RunGranted), output("b", 0)], 1)
    await log.asked.acquire()
    await lane.add([output("c", 1), output("cancel", 1, RunCancelled)], 2)
    log.let_through(9)
    await lane.emptied()
    assert log.kept == [b"grant", b"cancel", b"a", b"b", b"c"]


async def test_out_never_passes_what_is_not_acknowledged() -> None:
    log = Slow()
    lane = lane_on(log, 5)
    await lane.add([], 7)
    assert lane.out == 7, "nothing to send: nothing to wait for"
    await lane.add([output("a", 7)], 8)
    await log.asked.acquire()
    await lane.add([output("b", 8)], 9)
    await lane.add([], 10)
    assert lane.out == 7
    log.let_through()
    await log.asked.acquire()
    assert lane.out == 8
    log.let_through()
    await lane.emptied()
    assert lane.out == 10


async def test_many_go_in_parts_and_each_part_counts() -> None:
    log = Slow()
    lane = lane_on(log)
    await lane.add([output(str(number), number) for number in range(AT_ONCE + 1)], AT_ONCE + 1)
    log.let_through()
    for _ in range(2):
        await log.asked.acquire()
    assert lane.out == AT_ONCE
    log.let_through()
    await lane.emptied()
    assert lane.out == AT_ONCE + 1
    assert log.kept == [str(number).encode() for number in range(AT_ONCE + 1)]


async def test_a_turn_waits_while_too_much_is_on_its_way() -> None:
    log = Slow()
    lane = lane_on(log)
    await lane.add([output("a", number) for number in range(ROOM + AT_ONCE + 1)], 1)
    await log.asked.acquire()
    turn = asyncio.create_task(lane.add([output("z", 1)], 2))
    await asyncio.sleep(0.01)
    assert not turn.done()
    log.let_through(20)
    await turn
    await lane.emptied()
    assert log.kept[-1] == b"z"


async def test_a_failure_is_raised_by_the_next_call_and_nothing_follows_it() -> None:
    log = Slow()
    log.broken = LogUnavailable("gone")
    lane = lane_on(log)
    await lane.add([output("a", 0)], 1)
    log.let_through(9)
    await asyncio.sleep(0.01)
    with pytest.raises(LogUnavailable, match="gone"):
        await lane.add([output("b", 1)], 2)
    assert lane.out == 0
    assert log.kept == []
    await lane.close()
    await lane.close()
