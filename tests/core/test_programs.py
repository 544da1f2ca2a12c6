"""Programs outside that make a source: what is folded of their reports."""

from typing import Any

import pytest

from reactors.apply import apply
from reactors.domain import Output
from reactors.programs import failure
from reactors.snapshots import restore
from streams.cloudevents import encode, envelope
from streams.events import (
    AlertOpened,
    AlertResolved,
    AlertUpdated,
    CostIncurred,
    CostItem,
    DeadLetter,
    DefinitionsDeclared,
    RunReported,
)
from streams.policies import Eager
from tests.core.worlds import DAY, HOUR, SECOND, Journal, derived, domain_of, source, told


def journal() -> Journal:
    return Journal(domain_of(source("d/s", owner="checkout"), source("d/t"), derived("d/a", "d/s", policy=Eager())))


def report(journal: Journal, exit_code: int = 0, name: str = "", **fields: Any) -> list[Output]:
    """Append how a program ended, a second later."""
    journal.clock += SECOND
    said: dict[str, Any] = {"run": f"r{len(journal.entries)}", "asset": "d/s", "exit_code": exit_code}
    said |= {"outcome": "failed" if exit_code else "succeeded", "started_at": 0, "finished_at": journal.clock}
    said |= {"error": f"'load.sh' ended with exit code {exit_code}" if exit_code else ""}
    return journal.append(RunReported(**said | fields), str(fields.get("asset", "d/s")), name)


def written_by_hand(journal: Journal, **fields: Any) -> list[Output]:
    """The same with data that no model of ours has checked."""
    right = RunReported(run="r", asset="d/s", outcome="succeeded", started_at=0, finished_at=0)
    event = envelope(right, "e", "test", "d/s", journal.clock)
    event["data"] |= fields
    return apply(journal.domain, len(journal.entries), journal.clock, event)


def costs(outputs: list[Output]) -> list[CostIncurred]:
    return [event for one in outputs if isinstance(event := one.event(), CostIncurred)]


def letter(outputs: list[Output]) -> str:
    """The reason of the one dead letter."""
    (said,) = [event for one in outputs if isinstance(event := one.event(), DeadLetter)]
    return said.error


def test_a_program_that_fails_fires_until_one_ends_well() -> None:
    world = journal()
    (opened,) = [one.event() for one in report(world, 3)]
    assert isinstance(opened, AlertOpened)
    assert (opened.rule, opened.asset, opened.owner, opened.actual) == ("run.failing", "d/s", "checkout", "exit code 3")
    assert opened.summary == "the program that makes d/s failed: 'load.sh' ended with exit code 3"
    assert failure(world.domain, "d/s") == opened.summary
    assert report(world, 3) == []
    (updated,) = [one.event() for one in report(world, 4)]
    assert isinstance(updated, AlertUpdated)
    assert report(world, asset="d/t") == []
    (resolved,) = [one.event() for one in report(world)]
    assert isinstance(resolved, AlertResolved)
    assert failure(world.domain, "d/s") is None


def test_a_report_alone_is_no_change() -> None:
    world = journal()
    report(world)
    report(world, 1)
    assert world.domain.state.roots["d/s"].commits == []
    assert world.domain.state.changes == 0


def test_what_it_used_is_a_cost_of_its_source_named_after_the_run() -> None:
    items = (CostItem(resource="wall", quantity=2.5, unit="seconds"), CostItem(resource="cpu", quantity=1, unit="s"))
    for exit_code in (0, 1):
        wall, cpu = costs(report(journal(), exit_code, run="r", costs=items))
        assert (wall.asset, wall.run, wall.cost_id, wall.quantity) == ("d/s", "r", "r/1/wall", 2.5)
        assert (cpu.cost_id, cpu.method, cpu.status) == ("r/1/cpu", "measured", "estimated")


def test_a_cost_belongs_to_the_day_on_which_the_program_ended_and_never_to_one_to_come() -> None:
    item = (CostItem(resource="wall", quantity=1, unit="seconds"),)
    world = journal()
    periods = [
        cost.period
        for finished_at in (world.clock - DAY, world.clock + DAY)
        for cost in costs(report(world, finished_at=finished_at, costs=item))
    ]
    assert periods == ["2025-12-31", "2026-01-01"]


@pytest.mark.parametrize(("finished_at", "period"), [(-(10**17), "1970-01-01"), (10**17, "2026-01-01")])
def test_a_moment_that_no_calendar_has_stops_nobody(finished_at: int, period: str) -> None:
    item = {"resource": "wall", "quantity": 1, "unit": "seconds"}
    (cost,) = costs(written_by_hand(journal(), finished_at=finished_at, costs=[item]))
    assert cost.period == period


def test_a_repeat_changes_nothing() -> None:
    world = journal()
    item = (CostItem(resource="wall", quantity=1, unit="seconds"),)
    assert told(report(world, 1, name="once", costs=item)) == ["cost.incurred", "alert.opened"]
    assert report(world, 1, name="once", costs=item) == []
    assert report(world, 0, name="once") == [], "whatever it says"
    assert told(report(world)) == ["alert.resolved"]


def test_a_report_that_waited_somewhere_costs_and_says_nothing_of_now() -> None:
    world = journal()
    item = (CostItem(resource="wall", quantity=1, unit="seconds"),)
    before = world.clock
    world.clock += HOUR
    report(world)
    assert told(report(world, 1, finished_at=before, costs=item)) == ["cost.incurred"]
    assert told(report(world, 1)) == ["alert.opened"]
    assert told(report(world, 0, finished_at=before, costs=item)) == ["cost.incurred"]
    assert failure(world.domain, "d/s") is not None


def test_a_clock_that_was_ahead_mutes_nobody() -> None:
    world = journal()
    report(world, finished_at=world.clock + 300 * DAY)
    assert told(report(world, 1)) == ["alert.opened"]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"asset": "d/other"}, "report of 'd/other': domain 'd' declares no such source; deploy it first, or correct"),
        ({"asset": "d/a"}, "report of 'd/a': it is computed here, so only its runs may publish it"),
        ({"partition": "eu"}, "report of 'd/s': 'partition' names a partition, but the asset has none"),
    ],
)
def test_a_report_of_what_is_no_source_is_a_dead_letter(fields: dict[str, str], why: str) -> None:
    world = journal()
    assert letter(report(world, 1, **fields)).startswith(why)
    assert failure(world.domain, "d/s") is None


LONG = "x" * 250_000


@pytest.mark.parametrize(
    "spoilt",
    [
        {"run": LONG},
        {"asset": LONG},
        {"error": LONG},
        {"started_at": LONG},
        {"outcome": "odd"},
        {"costs": [{"resource": LONG, "quantity": 1, "unit": "seconds"}]},
        {"costs": [{"resource": "wall", "quantity": 1, "unit": "seconds"}] * 101},
        {"costs": [{"resource": "wall", "quantity": None, "unit": "seconds"}]},
    ],
    ids=lambda spoilt: next(iter(spoilt)),
)
def test_a_report_that_makes_no_sense_is_a_dead_letter_that_fits_into_an_event(spoilt: dict[str, Any]) -> None:
    outputs = written_by_hand(journal(), **spoilt)
    assert letter(outputs)
    assert all(encode(one.envelope("d", "j")) for one in outputs)
    assert costs(outputs) == []


def test_a_failure_outlives_a_restart_and_ends_with_its_source() -> None:
    world = journal()
    report(world, 1)
    restored = restore(world.domain.dump())
    assert restored is not None
    assert failure(restored, "d/s") == failure(world.domain, "d/s") is not None
    world.clock += SECOND
    manifest = domain_of(source("d/t"), derived("d/a", "d/t", policy=Eager())).model_copy(update={"deploy": 2})
    outputs = world.append(DefinitionsDeclared(**manifest.model_dump()), "d")
    assert "alert.resolved" in told(outputs)
    assert failure(world.domain, "d/s") is None
