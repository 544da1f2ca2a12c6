"""A grant that the fold doesn't take isn't proposed for ever: its asset is paused, and the others go on."""

from typing import Any

import pytest

from reactors import apply, runs
from reactors.domain import Domain
from reactors.io.refusals import TRIES, Refusals
from streams.errors import BadEvent
from streams.events import AssetChanged, DefinitionsDeclared, Pause, RunGranted, TimerFired, WorkerHeartbeat
from streams.policies import Eager
from tests.core.test_large_events import Reactor
from tests.core.worlds import derived, domain_of, source

MANIFEST = domain_of(source("d/s"), derived("d/a", "d/s", policy=Eager()), derived("d/b", "d/s", policy=Eager()))


NAMED: dict[str, Any] = {"run": "a.1", "asset": "d/a", "partition": "", "attempt": 1}
GRANT = RunGranted.model_construct(**NAMED)


def grant(attempt: int = 1) -> RunGranted:
    return GRANT.model_copy(update={"attempt": attempt})


def test_the_same_attempt_may_be_granted_three_times_in_a_row() -> None:
    refusals = Refusals()
    rounds = [refusals.checked([TimerFired(at=1), grant()]) for _ in range(TRIES + 1)]
    assert all(one == [TimerFired(at=1), grant()] for one in rounds[:TRIES])
    timer, pause = rounds[TRIES]
    assert timer == TimerFired(at=1)
    assert isinstance(pause, Pause)
    assert (pause.asset, pause.by) == ("d/a", "its reactor")
    assert "run a.1 was granted 3 times" in pause.reason


@pytest.mark.parametrize("between", ["another attempt", "a round without it", "another's entry"])
def test_what_was_granted_before_something_else_came_counts_for_nothing(between: str) -> None:
    refusals = Refusals()
    for _ in range(TRIES):
        refusals.checked([grant()])
    if between == "another attempt":
        assert refusals.checked([grant(attempt=2)]) == [grant(attempt=2)]
    elif between == "a round without it":
        assert refusals.checked([]) == []
    else:
        refusals = Refusals()  # as each turn of a reactor has its own
    assert refusals.checked([grant()]) == [grant()]


@pytest.mark.parametrize("how", ["silently", "with a dead letter"])
async def test_a_reactor_whose_fold_refuses_an_assets_grants_pauses_it_and_goes_on_with_others(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[RunGranted] = []

    def granted(domain: Domain, fact: RunGranted) -> None:
        if fact.asset != "d/a":
            runs.granted(domain, fact)
            return
        refused.append(fact)
        if how == "with a dead letter":
            raise BadEvent("a bug in the fold")

    monkeypatch.setitem(apply._ENTRIES, RunGranted.TYPE, granted)
    beat = WorkerHeartbeat(worker="w", slots=4, code_versions={"d/a": "1", "d/b": "1"})
    reactor = await Reactor.of(("d", DefinitionsDeclared(**MANIFEST.model_dump())), ("w", beat))
    await reactor.hear(("d/s", AssetChanged(version="1")))
    nodes = reactor.reactor.domain.state.nodes
    assert len(refused) == TRIES
    assert "which is a bug in everfresh" in (nodes["d/a"].paused or "")
    run = nodes["d/b"].run
    assert run is not None
    assert run.live
