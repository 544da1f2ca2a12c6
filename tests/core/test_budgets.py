"""Budgets: each threshold and forecast is told once a period; what is used up is throttled, or paused, until then."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import everfresh as ef
from everfresh.testing import World
from reactors.snapshots import restore
from streams.budgets import Budget
from streams.errors import DefinitionError
from streams.events import CostItem, RunReported
from streams.policies import Eager, OnDemand, Policy, Within
from tests.core.test_alerts import alerts, how
from tests.core.worlds import DAY, HOUR, derived, domain_of, source


def budgeted(*budgets: Budget, policy: Policy | None = None) -> World:
    """A source that a program makes and charges for, and an asset that reads it; it is midnight."""
    manifest = domain_of(source("d/s"), derived("d/a", "d/s", policy=policy or Eager(), owner="growth"))
    return World(manifest.model_copy(update={"budgets": budgets}))


def bill(world: World, amount: float, asset: str = "d/s", at: int | None = None) -> None:
    """So many USD for a program that made the source."""
    world.append(reported(asset, amount, world.clock if at is None else at, len(world.journal)), asset)
    world.settle()


def reported(asset: str, amount: float, at: int, number: int) -> RunReported:
    cost = CostItem(resource="warehouse", quantity=amount * 2, unit="credits", amount=amount, currency="USD")
    times: dict[str, Any] = {"started_at": at, "finished_at": at, "duration_ms": 0}
    return RunReported(run=f"r{number}", asset=asset, outcome="succeeded", costs=(cost,), **times)


def told(world: World, rule: str = "budget.threshold") -> list[tuple[str, str]]:
    return [(how(one), one["labels"]["budget"].rpartition(" at ")[2]) for one in alerts(world, rule)]


def test_each_threshold_is_told_once_a_period_and_is_over_with_it() -> None:
    world = budgeted(Budget.said("20 USD/day"))
    for amount in (9, 2, 1, 4, 1, 5, 7):
        bill(world, amount)
        world.advance("1m")
    assert told(world) == [("opened", "50%"), ("opened", "80%"), ("opened", "100%")]
    opened = alerts(world, "budget.threshold")
    assert [(one["severity"], one["expected"], one["actual"]) for one in opened] == [
        ("info", "20 USD", "11 USD"),
        ("warn", "20 USD", "16 USD"),
        ("error", "20 USD", "22 USD"),
    ]
    world.advance("24h")
    assert [how for how, _ in told(world)[3:]] == ["resolved"] * 3
    bill(world, 11)
    assert told(world)[6:] == [("opened", "50%")]


def test_what_is_used_up_is_paused_until_the_period_ends_and_then_goes_on() -> None:
    world = budgeted(Budget.said("20 USD/day", on_breach="pause"))
    world.publish("d/s")
    world.advance("1h")
    assert len(world.runs("d/a")) == 1
    bill(world, 20)
    world.publish("d/s")
    world.advance("22h")
    assert len(world.runs("d/a")) == 1
    assert world.state("d/a")["verdict"] == "stale"
    assert "budget '20 USD/day' is used up" in world.state("d/a")["reason"]
    world.advance("1h")
    assert len(world.runs("d/a")) == 2
    assert world.state("d/a")["verdict"] == "fresh"


def test_what_is_in_flight_when_the_budget_is_used_up_ends_as_it_would() -> None:
    world = budgeted(Budget.said("20 USD/day", on_breach="pause"))
    world.takes("d/a", "10m")
    world.publish("d/s")
    world.advance("1m")
    bill(world, 30)
    world.advance("1h")
    assert [run.outcome for run in world.runs("d/a")] == ["materialized"]


def test_a_throttled_promise_is_as_many_times_as_long_and_kept() -> None:
    world = budgeted(Budget.said("20 USD/day", on_breach="throttle", stretch=6), policy=Within("10m"))
    world.publish("d/s")
    world.advance("1h")
    bill(world, 20)
    before = len(world.runs("d/a"))
    world.each("1m", 600, lambda _: world.publish("d/s"))
    assert len(world.runs("d/a")) - before == 10  # an hour each instead of ten minutes
    assert alerts(world, "freshness.overdue") == []
    world.advance("14h")
    before = len(world.runs("d/a"))
    world.each("1m", 60, lambda _: world.publish("d/s"))
    assert len(world.runs("d/a")) - before in (5, 6)


def test_what_is_promised_no_age_runs_a_24th_of_the_period_apart_while_throttled() -> None:
    world = budgeted(Budget.said("20 USD/day", on_breach="throttle"))
    world.publish("d/s")
    bill(world, 20)
    before = len(world.runs("d/a"))
    world.each("1m", 300, lambda _: world.publish("d/s"))
    assert len(world.runs("d/a")) - before == 5


def test_a_forecast_comes_before_the_limit_and_once_a_period() -> None:
    world = budgeted(Budget.said("20 USD/day"))
    for _ in range(60):
        bill(world, 0.5)
        world.advance("15m")
    (opened, resolved) = alerts(world, "budget.forecast")
    first = next(one for one in alerts(world, "budget.threshold") if one["labels"]["budget"].endswith("50%"))
    assert opened["since"] < first["since"]
    assert (opened["expected"], how(opened), how(resolved)) == ("20 USD", "opened", "resolved")  # used up now


def test_too_little_data_foretells_nothing() -> None:
    world = budgeted(Budget.said("20 USD/day"))
    for _ in range(4):
        bill(world, 4)  # five would do
    world.advance("1h")
    assert alerts(world, "budget.forecast") == []


def test_a_raised_budget_lets_go_at_once_and_one_that_is_gone_too() -> None:
    for after in ((Budget.said("40 USD/day", name="b", on_breach="pause"),), ()):
        world = budgeted(Budget.said("20 USD/day", name="b", on_breach="pause"))
        bill(world, 25)
        world.publish("d/s")
        world.advance("1h")
        assert world.runs("d/a") == []
        manifest = domain_of(source("d/s"), derived("d/a", "d/s", policy=Eager(), owner="growth"))
        world.deploy(manifest.model_copy(update={"budgets": after}))
        world.advance("1m")
        assert len(world.runs("d/a")) == 1
        opened = {one["fingerprint"] for one in alerts(world, "budget.threshold") if how(one) == "opened"}
        over = {one["fingerprint"] for one in alerts(world, "budget.threshold") if how(one) == "resolved"}
        assert over  # 80 % and 100 % of the old one
        assert len(opened - over) <= len(after)


@pytest.mark.parametrize(
    ("budget", "counts"),
    [
        (Budget.said("5 USD/day", assets=("d/s",)), True),
        (Budget.said("5 USD/day", assets=("d/a",)), False),
        (Budget.said("5 USD/day", owner="growth"), False),
        (Budget.said("5 EUR/day"), False),
        (Budget.said("10 warehouse/day"), True),
        (Budget.said("11 warehouse/day"), False),
    ],
)
def test_what_counts_is_what_the_budget_is_about(budget: Budget, counts: bool) -> None:
    world = budgeted(budget.model_copy(update={"thresholds": (100,)}))
    bill(world, 5)
    assert bool(told(world)) is counts


def test_a_restart_in_the_middle_knows_what_was_used_and_who_waits() -> None:
    world = budgeted(Budget.said("20 USD/day", on_breach="pause"))
    bill(world, 25)
    world.publish("d/s")
    world.advance("1h")
    assert world.domain is not None
    again = restore(world.domain.dump())
    assert again is not None
    assert (again.limits, again.digest()) == (world.domain.limits, world.domain.digest())
    world.crash()
    world.restart()
    world.advance("22h")
    assert world.runs("d/a") == []
    world.advance("2h")
    assert len(world.runs("d/a")) == 1


@given(st.lists(st.tuples(st.integers(0, 3 * DAY), st.integers(1, 15)), max_size=40))
def test_what_was_told_follows_from_the_sums_alone(bills: list[tuple[int, int]]) -> None:
    world = budgeted(Budget.said("20 USD/day", forecast=False), policy=OnDemand())
    begun, days = world.clock, dict[int, int]()
    for at, amount in sorted(bills):
        world.advance(begun + at - world.clock)
        bill(world, amount)
        days[at // DAY] = days.get(at // DAY, 0) + amount
    opened = [one for one in told(world) if one[0] == "opened"]
    assert len(opened) == sum(spent * 100 >= 20 * level for spent in days.values() for level in (50, 80, 100))


def test_days_are_those_of_its_time_zone() -> None:
    world = budgeted(Budget.said("20 USD/day", tz="America/New_York", on_breach="pause"))
    world.advance("1h")
    bill(world, 20)  # 20:00 of the day before, over there
    world.publish("d/s")
    world.advance(4 * HOUR - 1)
    assert world.runs("d/a") == []
    world.advance("1m")
    assert len(world.runs("d/a")) == 1


def test_an_app_says_its_budgets_and_is_told_what_makes_no_sense() -> None:
    app = ef.App("shop")
    orders = app.source("orders")
    app.budget("20 USD/day", orders, on_breach="throttle")
    app.budget("2h cpu/day", owner="growth", thresholds=(100,))
    first, second = app.manifest(1).budgets
    assert (first.name, first.assets, first.on_breach) == ("20 USD/day of orders", ("shop/orders",), "throttle")
    assert (second.name, second.resource, second.limit_micros) == ("2h cpu/day of growth", "cpu", 7_200_000_000)
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("20 USD", {}, r"'20 USD' is no budget; write it like '20 USD/day'"),
        ("0 USD/day", {}, r"limit_micros"),
        ("20 USD/day", {"thresholds": (80, 50)}, r"thresholds: they are percents"),
        ("20 USD/day", {"tz": "Mars"}, r"'Mars' is no time zone"),
        ("20 USD/day", {"on_breach": "stop"}, r"on_breach"),
        ("20 USD/day", {"limit": 3}, r"budget\(…\) has no option 'limit'"),
        ("2h cpu/day", {"owner": "growth"}, r"two budgets are called '2h cpu/day of growth'"),
    ]
    for text, options, message in wrong:
        with pytest.raises(DefinitionError, match=message):
            app.budget(text, **options)
    app.budget("1 USD/day", "ordrs")
    with pytest.raises(DefinitionError, match=r"did you mean 'shop/orders'"):
        app.manifest(2)
