"""Bills from outside: a later revision replaces the one before, a repeat changes nothing, what can't count says so."""

from typing import Any

import pytest

import reactors.billed
from reactors.apply import apply
from reactors.domain import Output
from reactors.snapshots import restore
from sinks.metrics import Board
from streams.budgets import Budget
from streams.cloudevents import envelope
from streams.costs import amount_of, idle_of, query_tag, tagged
from streams.events import Alert, CostIncurred, CostItem, CostReported, DeadLetter, RunReported
from streams.policies import Eager
from tests.core.worlds import DAY, SECOND, Journal, derived, domain_of, source

BILL: dict[str, Any] = {
    "asset": "d/a",
    "cost_id": "bill/x/1",
    "resource": "warehouse.credits",
    "quantity": 2.0,
    "unit": "credits",
    "amount": "4.10",
    "currency": "USD",
    "period": "2026-01-01",
}


def journal(*budgets: Budget) -> Journal:
    manifest = domain_of(source("d/s"), derived("d/a", "d/s", policy=Eager()))
    return Journal(manifest.model_copy(update={"budgets": budgets}))


def bill(world: Journal, name: str = "", **fields: Any) -> list[Output]:
    world.clock += SECOND
    said = CostReported(**BILL | fields)
    return world.append(said, said.asset, name)


def by_hand(world: Journal, **fields: Any) -> list[Output]:
    """The same with data that no model of ours has checked."""
    event = envelope(CostReported(**BILL), "e", "test", "d/a", world.clock)
    event["data"] |= fields
    return apply(world.domain, len(world.entries), world.clock, event)


def costs(outputs: list[Output]) -> list[CostIncurred]:
    return [event for one in outputs if isinstance(event := one.event(), CostIncurred)]


def letters(outputs: list[Output]) -> list[str]:
    return [event.error for one in outputs if isinstance(event := one.event(), DeadLetter)]


def alerts(outputs: list[Output]) -> list[str | None]:
    return [event.actual for one in outputs if isinstance(event := one.event(), Alert)]


def counted(outputs: list[Output]) -> float:
    """What Prometheus shows of the credits."""
    board = Board()
    for place, one in enumerate(outputs):
        board.take(one.envelope("d", "j") | {"sequence": f"{place:06}"})
    (family,) = [one for one in board.families(0) if one.name == "everfresh_cost_total"]
    rows: Any = family.rows
    return float(sum(value for labels, value in rows if "warehouse.credits" in labels))


def test_a_bill_is_a_cost_of_its_asset() -> None:
    (cost,) = costs(bill(journal()))
    assert (cost.asset, cost.cost_id, cost.revision, cost.run) == ("d/a", "bill/x/1", 1, "")
    assert (cost.quantity, cost.amount, cost.currency) == (2.0, 4.1, "USD")
    assert (cost.status, cost.method, cost.period) == ("reconciled", "measured", "2026-01-01")


def test_what_an_attempt_reported_is_revised_by_the_bill_of_the_same_name() -> None:
    world = journal()
    item = CostItem(resource="warehouse.credits", quantity=1.5, unit="credits", amount=3, currency="USD")
    times: dict[str, Any] = {"started_at": world.clock, "finished_at": world.clock}
    outputs = world.append(RunReported(run="r", asset="d/s", outcome="succeeded", costs=(item,), **times), "d/s")
    (before,) = costs(outputs)
    later = bill(world, asset="d/s", run="r", cost_id=before.cost_id, revision=2)
    (after,) = costs(later)
    assert (before.revision, before.status, after.revision, after.status) == (1, "estimated", 2, "reconciled")
    assert counted([*outputs, *later]) == 2.0, "never both"


def test_a_lower_revision_and_a_repeat_change_nothing() -> None:
    world = journal()
    assert costs(bill(world, revision=3, quantity=5))
    assert bill(world, revision=2, quantity=9) == []
    assert bill(world, revision=3, quantity=5) == []
    assert len(costs(bill(world, revision=4, quantity=4, name="once"))) == 1
    assert bill(world, revision=5, name="once") == [], "an event's id counts once"


def test_the_known_revision_with_other_figures_is_told_and_never_dropped() -> None:
    world = journal()
    bill(world)
    (why,) = letters(bill(world, amount="4.11"))
    assert why.endswith("was told before, with other figures; send it with revision 2")


def test_the_same_name_of_another_asset_is_another_cost() -> None:
    world = journal()
    assert len(costs([*bill(world), *bill(world, asset="d/s")])) == 2
    assert counted([*bill(journal()), *bill(journal(), asset="d/s")]) == 4.0


@pytest.mark.parametrize("asset", ["d/other", "other/a", "d/_idler"])
def test_a_bill_of_an_unknown_asset_is_a_dead_letter(asset: str) -> None:
    (why,) = letters(bill(journal(), asset=asset))
    assert f"bill of {asset!r}: domain 'd' declares no such asset" in why


def test_what_nobody_used_has_a_name_of_its_own() -> None:
    (cost,) = costs(bill(journal(), asset=idle_of("d")))
    assert cost.asset == "d/_idle"


@pytest.mark.parametrize(
    "spoilt",
    [
        {"asset": "d/s"},
        {"amount": "1e3"},
        {"amount": "1.2345678901"},
        {"amount": "1234567.123456789"},
        {"amount": None},
        {"currency": "usd"},
        {"period": "2026-W05-1"},
        {"period": "2026-02-30"},
        {"period": "1969-12-31"},
        {"quantity": 1e300},
        {"revision": 0},
        {"resource": "wall"},
        {"cost_id": ""},
        {"cost_id": "x" * 250_000},
    ],
    ids=str,
)
def test_a_bill_that_makes_no_sense_is_a_dead_letter(spoilt: dict[str, Any]) -> None:
    outputs = by_hand(journal(), **spoilt)
    assert len(letters(outputs)) == 1
    assert costs(outputs) == []


def test_a_budget_counts_the_difference() -> None:
    world = journal(Budget.said("10 USD/day"))
    bill(world, amount="4.10")
    assert alerts(bill(world, amount="7", revision=2)) == ["7 USD"], "50 %, and not 11.10"
    bill(world, cost_id="bill/x/0", amount="90", period="2025-12-31")
    assert alerts(bill(world, amount="7.90", revision=3)) == [], "yesterday's bill isn't today's"
    (spending,) = world.domain.state.spendings.values()
    assert spending.micros == 7_900_000


def test_a_bill_in_another_currency_takes_the_old_one_back() -> None:
    world = journal(Budget.said("10 USD/day"))
    bill(world, amount="4.10")
    bill(world, amount="4.10", currency="EUR", revision=2)
    (spending,) = world.domain.state.spendings.values()
    assert spending.micros == 0


def test_revisions_are_known_after_a_restart() -> None:
    world = journal()
    bill(world, revision=7)
    restored = restore(world.domain.dump())
    assert restored is not None
    assert restored.state.bills == world.domain.state.bills
    world.domain = restored
    assert bill(world, revision=6) == []


def test_what_is_remembered_is_bounded_by_age_and_number(monkeypatch: pytest.MonkeyPatch) -> None:
    world = journal()
    bill(world, cost_id="old")
    world.clock += 101 * DAY
    bill(world, cost_id="new")
    assert list(world.domain.state.bills) == ["d/a new"]
    monkeypatch.setattr(reactors.billed, "KEPT_MAX", 3)
    for number in range(5):
        bill(world, cost_id=f"{number}")
    bill(world, cost_id="3", revision=2)
    bill(world, cost_id="5")
    assert list(world.domain.state.bills) == ["d/a 4", "d/a 3", "d/a 5"]


def test_what_executors_measure_is_not_remembered() -> None:
    world = journal()
    items = (CostItem(resource="wall", quantity=1, unit="seconds"), CostItem(resource="w.c", quantity=1, unit="c"))
    world.append(
        RunReported(run="r", asset="d/s", outcome="succeeded", costs=items, started_at=0, finished_at=0), "d/s"
    )
    assert list(world.domain.state.bills) == ["d/s r/1/w.c"]


def test_a_tag_is_found_in_whatever_stands_around_it() -> None:
    tag = query_tag("d/a.b-c", "3-94af")
    assert tagged(f'{{"app": "{tag}"}}') == ("d/a.b-c", "3-94af")
    assert tagged("everfresh:nobody") is None
    assert tagged(None) is None
    assert str(amount_of("0.10")) == "0.10"
