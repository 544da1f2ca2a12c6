"""What checks measured is remembered by the fold, handed out with grants, and judged by the worker."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import everfresh as ef
from everfresh.testing import World
from reactors.measured import learned
from reactors.snapshots import restore

ROWS = 400
CHECK = "anomaly(amount)"


def full(count: int) -> list[pl.DataFrame]:
    """Tables without a null, each another."""
    return [amounts(0, ROWS + one) for one in range(count)]


def amounts(nulls: int, rows: int = ROWS) -> pl.DataFrame:
    values = [None] * nulls + [float(one % 7) for one in range(rows - nulls)]
    return pl.DataFrame({"amount": values}, schema={"amount": pl.Float64})


@pytest.fixture
def lived(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """A world in which an asset's n-th version is the n-th of some tables, after which it is over."""
    worlds: list[World] = []

    def live(tables: Sequence[pl.DataFrame], *asked: Any, **options: Any) -> World:
        app, left = ef.App("shop", store=ef.ParquetStore(str(tmp_path))), iter(tables)
        orders = app.source("orders")

        @app.asset(deps={"orders": orders}, freshness=ef.Eager())
        def revenue(orders: ef.Input) -> pl.DataFrame:
            return next(left)

        app.expect(revenue, *(asked or (ef.checks.anomaly("amount"),)), **options)
        world = World(app, start="2026-01-01T00:00:00Z", compute=True)
        worlds.append(world)
        for number in range(len(tables)):
            world.publish("shop/orders", version=str(number))
            world.advance("1m")
        return world

    yield live
    for world in worlds:
        world.__exit__(None, None, None)


def outcomes(world: World) -> list[str]:
    return [one["outcome"] for one in world.events("everfresh.check.evaluated.v1")]


def usual(world: World, check: str = CHECK) -> list[bool]:
    return [one.usual for one in world._up().state.measured["shop/revenue"][""][check]]


def test_nulls_where_there_never_were_any_are_an_anomaly_once_enough_is_learned(lived: Callable[..., World]) -> None:
    world = lived([*full(15), amounts(40)])
    assert outcomes(world) == ["skip"] * 14 + ["pass", "fail"]
    (alert,) = world.events("everfresh.alert.opened.v1")
    assert (alert["rule"], alert["labels"]) == ("check.failed", {"check": CHECK})
    assert "nulls(amount) is 0.1," in alert["actual"]


def test_a_blocking_anomaly_is_quarantined_and_is_usual_once_it_is_released(lived: Callable[..., World]) -> None:
    world = lived([*full(15), amounts(40)], blocking=True)
    assert world.state("shop/revenue")["verdict"] == "quarantined"
    assert usual(world) == [True] * 15 + [False]
    world.command("release", "shop/revenue")
    assert usual(world) == [True] * 16
    assert world.state("shop/revenue")["verdict"] == "fresh"


def test_what_fails_and_is_published_for_as_long_as_was_learned_is_the_usual(lived: Callable[..., World]) -> None:
    world = lived(full(14) + [amounts(200 + one) for one in range(16)])
    assert outcomes(world) == ["skip"] * 14 + ["fail"] * 14 + ["pass"] * 2
    assert len(world.events("everfresh.alert.resolved.v1")) == 1


def test_what_is_held_back_is_never_the_usual(lived: Callable[..., World]) -> None:
    tables = full(14) + [amounts(200 + one) for one in range(20)]
    world = lived(tables, blocking=True)
    assert set(outcomes(world)[14:]) == {"fail"}


def test_a_window_holds_so_many_usual_versions_and_no_more(lived: Callable[..., World]) -> None:
    world = lived([amounts(one % 3, ROWS + one) for one in range(30)], ef.checks.anomaly("amount", window=14))
    assert len(usual(world)) == 14


def test_the_same_data_again_teaches_nothing_new(lived: Callable[..., World]) -> None:
    world = lived([amounts(0)] * 3)
    assert len(usual(world)) == 1


def test_a_schema_is_compared_with_the_last_published_one(lived: Callable[..., World]) -> None:
    wide = amounts(0).with_columns(day=pl.lit("x"))
    world = lived([amounts(0), amounts(1), wide, wide.head(3)], ef.checks.schema_unchanged())
    assert outcomes(world) == ["skip", "pass", "fail", "pass"]
    failed = world.events("everfresh.check.evaluated.v1")[2]
    assert failed["observed"] == "day string is new"


def test_a_schema_that_is_held_back_is_none_that_was_published(lived: Callable[..., World]) -> None:
    text = pl.DataFrame({"amount": ["7"]})
    world = lived([amounts(0), text, pl.concat([text, text]), amounts(1)], ef.checks.schema_unchanged(), blocking=True)
    assert outcomes(world) == ["skip", "fail", "fail", "pass"]


def test_what_was_learned_outlives_a_crash(lived: Callable[..., World]) -> None:
    world = lived([amounts(one % 3) for one in range(16)])
    dumped = world._up().dump()
    restored = restore(dumped)
    assert restored is not None
    assert restored.dump() == dumped


def test_a_check_that_is_declared_no_more_leaves_nothing_behind(lived: Callable[..., World]) -> None:
    world = lived([amounts(0)] * 2)
    app = ef.App("shop", store=None)
    app.source("orders")
    world.deploy(app)
    assert world._up().state.measured == {}


@pytest.mark.parametrize("order", [1, -1], ids=["as they come", "backwards"])
def test_windows_of_time_are_compared_in_their_order_whenever_they_were_computed(tmp_path: Path, order: int) -> None:
    app = ef.App("shop", store=ef.ParquetStore(str(tmp_path)))
    days = app.source("days", partitions=ef.Daily("2026-01-01"))
    names = [f"2026-01-{day:02}" for day in range(1, 17)]

    @app.asset(deps=[days], freshness=ef.Eager(), partitions=ef.Daily("2026-01-01"))
    def revenue(days: ef.Input) -> pl.DataFrame:
        return amounts(200 if days.partition == names[-1] else 0, ROWS + names.index(days.partition))

    app.expect(revenue, ef.checks.anomaly("amount"))
    with World(app, start="2026-01-20T00:00:00Z", compute=True) as world:
        for name in names[::order]:
            world.publish("shop/days", version="1", partition=name)
            world.advance("1m")
        world.publish("shop/days", version="2", partition=names[-1])
        world.command("materialize", "shop/revenue", partition=names[-1])
        world.advance("1m")
        told = [(one["partition"], one["outcome"]) for one in world.events("everfresh.check.evaluated.v1")]
        assert told[-1] == (names[-1], "fail")
        points = world._up().state.measured["shop/revenue"][""][CHECK]
        assert [one.partition for one in points] == names
        node = world._up().node("shop/revenue", names[5])
        assert node is not None
        handed_out = learned(world._up(), node)["shop/revenue"][CHECK]
        assert [one.partition for one in handed_out] == names[:5]


def test_other_partitions_have_a_history_each() -> None:
    from reactors.measured import series_of
    from streams.definitions import AssetDef

    def series(parts: Any, name: str) -> str:
        return series_of(AssetDef(key="shop/a", kind="derived", partitions=parts), name)

    grid = ef.Grid(day=ef.Daily("2026-01-01"), region=ef.Static("eu", "us"))
    assert series(ef.Static("eu", "us"), "eu") == "eu"
    assert series(ef.Daily("2026-01-01"), "2026-01-02") == ""
    assert series(grid, "2026-01-02|eu") == "eu"
    assert series(None, "") == ""
