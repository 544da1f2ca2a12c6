"""A check may stand alone: with a promise of its own, about a source or about what is published already."""

from collections.abc import Callable
from typing import Any

import pytest

import everfresh as ef
from everfresh.testing import World
from streams.errors import DefinitionError

CHECK = "everfresh.check.evaluated.v1"


def shop(**options: Any) -> tuple[ef.App, list[int]]:
    """An app with one check of its source, and what that source holds when it is read."""
    app, rows = ef.App("shop"), [3]
    orders = app.source("orders", exists=True, load=lambda: list(rows), owner="ada")

    @app.check(orders, **options)
    def is_positive(orders: list[int]) -> ef.CheckOutcome:
        return ef.CheckOutcome(min(orders) > 0, observed=min(orders))

    return app, rows


def asked(world: World) -> list[tuple[str, str, str, str]]:
    return [(one["asset"], one["check"], one["version"], one["outcome"]) for one in world.events(CHECK)]


def test_a_source_is_asked_about_within_the_checks_own_promise() -> None:
    app, rows = shop(freshness=ef.Within("10m"))
    with World(app, start="2026-01-01T00:00:00Z", compute=True) as world:
        world.advance("1h")
        before = len(asked(world))
        rows[:] = [-1]
        world.publish("shop/orders", version="7")
        world.advance("9m")
        world.advance("1m")
        assert asked(world)[before:] == [("shop/orders", "is_positive", "7", "fail")]
        assert world.state("shop/orders.is_positive")["verdict"] == "fresh"


def test_its_alert_is_about_the_asset_and_its_owner() -> None:
    app, rows = shop(freshness=ef.Eager(), severity="critical")
    with World(app, start="2026-01-01T00:00:00Z", compute=True) as world:
        rows[:] = [-1]
        world.publish("shop/orders", version="7")
        world.advance("1m")
        (opened,) = world.events("everfresh.alert.opened.v1")
        found = {name: opened[name] for name in ("rule", "asset", "owner", "severity", "labels")}
        assert found == {
            "rule": "check.failed",
            "asset": "shop/orders",
            "owner": "ada",
            "severity": "critical",
            "labels": {"check": "is_positive"},
        }
        world.deploy(app)
        assert not world.events("everfresh.alert.resolved.v1")
        other = ef.App("shop")
        other.source("orders", exists=True)
        world.deploy(other)
        assert len(world.events("everfresh.alert.resolved.v1")) == 1


def test_it_publishes_no_version_that_anybody_could_read() -> None:
    app, _ = shop(freshness=ef.Eager())
    with World(app, start="2026-01-01T00:00:00Z", compute=True) as world:
        for number in range(3):
            world.publish("shop/orders", version=str(number))
            world.advance("1m")
        assert not world.events("everfresh.asset.*.v1")
        assert len(asked(world)) >= 3
        assert {one.outcome for one in world.runs()} == {"checked"}


def test_by_cron_it_asks_at_each_tick_though_nothing_changed() -> None:
    app, rows = shop(freshness=ef.Cron("0 * * * *"))
    with World(app, start="2026-01-01T00:00:00Z", compute=True) as world:
        world.advance("1s")
        before = len(asked(world))
        world.advance("3h")
        rows[:] = [-1]
        world.advance("2h")
        assert [one[3] for one in asked(world)[before:]] == ["pass"] * 3 + ["fail"] * 2


def test_within_it_asks_nothing_while_nothing_changes() -> None:
    app, _ = shop(freshness=ef.Within("10m"))
    with World(app, start="2026-01-01T00:00:00Z", compute=True) as world:
        world.advance("1h")
        before = len(asked(world))
        world.advance("3d")
        assert len(asked(world)) == before


def test_a_computed_asset_is_asked_about_once_it_is_published() -> None:
    app = ef.App("shop", store=None)
    orders = app.source("orders", exists=True)

    @app.asset(deps={"orders": orders}, freshness=ef.Eager())
    def revenue(orders: ef.Input) -> ef.Output:
        return ef.Output(version=f"of {orders.version}")

    def is_known(revenue: Any) -> bool:
        return bool(revenue)

    app.check(revenue, freshness=ef.Eager())(is_known)
    with World(app, start="2026-01-01T00:00:00Z") as world:
        world.publish("shop/orders", version="1")
        world.advance("1m")
        assert [one["asset"] for one in world.events("everfresh.asset.materialized.v1")][-1] == "shop/revenue"
        assert [one.outcome for one in world.runs("shop/revenue.is_known")][-1] == "checked"
        world.check("shop/revenue.is_known", "fail")
        world.publish("shop/orders", version="2")
        world.advance("1m")
        assert asked(world)[-1][1:] == ("is_known", world.runs("shop/revenue.is_known")[-1].run, "fail")
        assert [one["severity"] for one in world.events("everfresh.alert.opened.v1")] == ["error"]


def test_what_is_found_unchanged_above_is_not_asked_about_again_nor_told() -> None:
    app = ef.App("shop", store=None)
    orders = app.source("orders", exists=True)

    @app.asset(deps={"orders": orders}, freshness=ef.Eager())
    def revenue(orders: ef.Input) -> ef.Output:
        return ef.Output(fingerprint="always the same")

    def is_known(revenue: Any) -> bool:
        return bool(revenue)

    app.check(revenue, freshness=ef.Eager())(is_known)
    with World(app, start="2026-01-01T00:00:00Z") as world:
        world.advance("1m")
        before = len(asked(world))
        world.unchanged("shop/revenue", times=5)
        world.publish("shop/orders", version="2")
        world.advance("1m")
        assert len(asked(world)) == before
        assert world.state("shop/revenue.is_known")["cut"]["shop/orders"] == 1
        assert {one["asset"] for one in world.events("everfresh.asset.*")} == {"shop/revenue"}


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda: shop(freshness=ef.OnDemand()), "would never ask; say ef.Within"),
        (lambda: shop(freshness=ef.Eager(), blocking=True), "can't block; leave one of them out"),
        (shop, "say freshness=, and the check of a source stands alone"),
        (lambda: shop(freshness="1h"), "freshness is a policy like ef.Within"),
    ],
)
def test_what_makes_no_sense_is_refused(declare: Callable[[], Any], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        declare()


def test_nobody_reads_a_check() -> None:
    app, _ = shop(freshness=ef.Eager())

    @app.asset(deps={"checked": "shop/orders.is_positive"})
    def report(checked: ef.Input) -> None: ...

    with pytest.raises(DefinitionError, match="which is a check and has no versions; read 'shop/orders'"):
        World(app)


def test_two_checks_of_a_name_are_one_too_many_however_they_are_asked() -> None:
    app, _ = shop(freshness=ef.Eager())

    def is_positive(_orders: Any) -> bool:
        return True

    with pytest.raises(DefinitionError, match="there are two of that name"):
        app.check("orders", freshness=ef.Within("1h"))(is_positive)


def test_of_a_partitioned_source_each_partition_is_asked_about() -> None:
    app = ef.App("shop")
    held = {"2026-01-01": 3, "2026-01-02": -1}
    days = app.source("days", partitions=ef.Daily("2026-01-01"), load=lambda day: held[day.partition])

    def is_positive(day: int) -> bool:
        return day > 0

    app.check(days, freshness=ef.Eager())(is_positive)
    with World(app, start="2026-01-03T00:00:00Z", compute=True) as world:
        for name in held:
            world.publish(days, version=f"of {name}", partition=name)
        world.advance("1m")
        told = [(one["partition"], one["version"], one["outcome"]) for one in world.events(CHECK)]
        assert told == [("2026-01-01", "of 2026-01-01", "pass"), ("2026-01-02", "of 2026-01-02", "fail")]
        (opened,) = world.events("everfresh.alert.opened.v1")
        assert opened["asset"] == "shop/days"


def test_alone_a_check_may_compare_with_any_asset_and_hears_of_both() -> None:
    app = ef.App("shop")
    codes = {"airlines": ["AA"], "flights": ["AA", "XX"]}

    def table(name: str) -> Callable[[], Any]:
        import polars as pl

        return lambda: pl.DataFrame({"carrier": codes[name]})

    airlines = app.source("airlines", exists=True, load=table("airlines"))
    flights = app.source("flights", exists=True, load=table("flights"))
    app.expect(flights, ef.checks.relationship("carrier", airlines), freshness=ef.Eager())
    with World(app, start="2026-01-01T00:00:00Z", compute=True) as world:
        world.publish(flights, version="1")
        world.advance("1m")
        codes["airlines"] = ["AA", "XX"]
        world.publish(airlines, version="2")
        world.advance("1m")
        assert [one[0] for one in asked(world)] == ["shop/flights"] * len(asked(world))
        assert [one[3] for one in asked(world)][-2:] == ["fail", "pass"]
