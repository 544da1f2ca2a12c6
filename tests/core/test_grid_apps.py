"""Apps with partitions of two dimensions: what a function takes of them, and what App refuses."""

from pathlib import Path
from typing import Any

import pytest

import everfresh as ef
from everfresh.testing import World
from reactors.io.stores import read

DAYS, REGIONS = ef.Daily("2013-01-01"), ef.Static("eu", "us")
CELLS = ef.Grid(day=DAYS, region=REGIONS)


def sales(tmp_path: Path) -> ef.App:
    app = ef.App("shop", store=ef.JsonStore(f"file://{tmp_path}/store"))
    counts = {"2013-01-31|eu": 3, "2013-01-31|us": 4, "2013-02-01|eu": 5}
    orders = app.source("orders", partitions=CELLS, load=lambda read: counts[read.partition])
    rates = app.source("rates", partitions=DAYS, load=lambda read: 10)

    @app.asset(deps=[orders, rates], partitions=CELLS)
    async def revenue(orders: int, rates: int, ctx: ef.Context) -> dict[str, Any]:
        return {**ctx.partitions, "named": ctx.partition, "sum": orders * rates}

    @app.asset(deps={"cells": revenue}, partitions=DAYS, freshness=ef.Eager())
    async def daily(cells: dict[str, dict[str, Any]], ctx: ef.Context) -> dict[str, int]:
        assert ctx.partitions == {}
        return {one: found["sum"] for one, found in cells.items()}

    monthly = ef.Grid(month=ef.Monthly("2013-01"), region=REGIONS)
    by_month = ef.Along(day=ef.Overlapping(), region=ef.Same())

    @app.asset(deps={"days": ef.Dep(revenue, mapping=by_month)}, partitions=monthly, freshness=ef.Eager())
    async def months(days: dict[str, ef.Input]) -> list[str]:
        return list(days)

    return app


def value(world: World, asset: str, partition: str) -> Any:
    return read(world.state(asset, partition)["uri"], "json")


def test_a_function_is_handed_its_own_cell_the_names_of_both_and_a_dict_of_several(tmp_path: Path) -> None:
    with World(sales(tmp_path), compute=True) as world:
        for day in ("2013-01-31", "2013-02-01"):
            world.publish("rates", partition=day)
        for cell in ("2013-01-31|eu", "2013-01-31|us", "2013-02-01|eu"):
            world.publish("orders", partition=cell)
            world.advance("1s")
        assert value(world, "revenue", "2013-01-31|us") == {
            "day": "2013-01-31",
            "region": "us",
            "named": "2013-01-31|us",
            "sum": 40,
        }
        assert value(world, "daily", "2013-01-31") == {"2013-01-31|eu": 30, "2013-01-31|us": 40}
        assert value(world, "months", "2013-01|eu") == ["2013-01-31|eu"]


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        (lambda: ef.Grid(day=DAYS), "Grid(day=…): a Grid has two dimensions, like day=ef.Daily("),
        (lambda: ef.Grid(a=DAYS, b=REGIONS, c=REGIONS), "Grid(a=…, b=…, c=…): a Grid has two dimensions"),
        (
            lambda: ef.Grid(day=DAYS, month=ef.Monthly("2013-01")),
            "Grid(day=…, month=…): 'day' and 'month' are both time windows; at most one dimension may be",
        ),
        (lambda: ef.Grid(day=DAYS, at=CELLS), "Grid(day=…, at=…): at is partitions like ef.Static('eu', 'us'), not "),  # type: ignore[arg-type]
        (lambda: ef.Along(day="last"), "Along(day='last'): "),  # type: ignore[arg-type]
        (lambda: ef.Along(day=ef.Along(day=ef.Same())), "Along(day="),  # type: ignore[arg-type]
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(said: Any, refused: str) -> None:
    with pytest.raises(ef.errors.DefinitionError) as found:
        said()
    assert str(found.value).startswith(refused)
    assert "\n" not in str(found.value)


def test_a_mapping_that_is_half_said_is_told_whole_to_the_worker_and_in_the_manifest() -> None:
    app = ef.App("shop")
    orders = app.source("orders", partitions=CELLS)

    @app.asset(deps=[ef.Dep(orders, mapping=ef.Last(7))], partitions=CELLS)
    async def trend(orders: dict[str, ef.Input]) -> None: ...

    (dep,) = app.manifest(1).assets[1].deps
    assert dep.mapping == ef.Along(day=ef.Last(7), region=ef.Same())
    assert app.code().recipes["shop/trend"].asset.deps == (dep,)
