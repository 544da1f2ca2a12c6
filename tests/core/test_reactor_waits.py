"""How long a reactor's loop waits for entries: never in a spin, for whoever spins starves what it waits for."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from reactors.io.clock import SystemClock
from reactors.io.reactor import DomainReactor, Parts
from reactors.io.reactor_host import ReactorHost
from streams.io.urls import open_log
from streams.ports import Entry
from streams.topics import Topics


async def parts() -> Parts:
    log, topics = await open_log("memory:"), Topics()
    await log.admin.create(topics.of("d"))
    return Parts(log.log, log.snapshots, log.fencing, SystemClock(), topics, transactional=False)


@pytest.fixture(autouse=True)
def something_is_overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reactors.io.reactor.next_instant", lambda _domain: 1)


async def test_what_is_due_is_done_at_once() -> None:
    reactor = DomainReactor("d", await parts())
    reactor.clock.see(2)
    assert reactor.next_wait_ms(1_000, caught_up=True) == 0


async def test_entries_that_stand_in_the_log_are_waited_for_before_what_is_due() -> None:
    assert DomainReactor("d", await parts()).next_wait_ms(1_000, caught_up=False) == 1_000


async def test_own_facts_that_others_entries_stand_before_are_waited_for_too() -> None:
    reactor = DomainReactor("d", await parts())
    reactor._end = 5
    assert reactor.next_wait_ms(1_000, caught_up=True) == 1_000


class Hasty:
    """A member that has nothing, and says so without waiting."""

    async def fetch(self, _limit: int, _wait_ms: int) -> Mapping[tuple[str, int], Sequence[Entry]]:
        return {}

    def owned(self) -> frozenset[tuple[str, int]]:
        return frozenset()

    def behind(self, *_place: object) -> bool:
        return False


async def test_a_loop_without_anything_to_wait_for_lets_others_work() -> None:
    host, worked = ReactorHost(["d"], await parts()), asyncio.Event()
    asyncio.get_running_loop().call_soon(worked.set)
    await host.turn(Hasty())  # type: ignore[arg-type]
    assert worked.is_set()
