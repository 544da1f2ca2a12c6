"""Apps with partitions: what a function takes of them, and where each one's value lies."""

import json
from pathlib import Path
from typing import Any

import pytest

import everfresh as ef
from everfresh.testing import World

DAYS = ef.Daily("2013-01-01")


def sales(tmp_path: Path) -> ef.App:
    app = ef.App("shop", store=ef.JsonStore(f"file://{tmp_path}/store"))
    counts = {"2013-01-30": 3, "2013-01-31": 4, "2013-02-01": 5}
    orders = app.source("orders", partitions=DAYS, load=lambda read: counts[read.partition])

    @app.asset(deps=[orders], partitions=DAYS)
    async def daily(orders: int, ctx: ef.Context) -> dict[str, Any]:
        return {"day": ctx.partition, "orders": orders}

    @app.asset(deps={"days": daily}, partitions=ef.Monthly("2013-01"), freshness=ef.Eager())
    async def monthly(days: dict[str, dict[str, Any]]) -> dict[str, int]:
        return {day: found["orders"] for day, found in days.items()}

    @app.asset(deps={"days": ef.Dep(daily, mapping=ef.Last(2))}, partitions=DAYS, freshness=ef.Eager())
    async def both(days: dict[str, ef.Input]) -> list[str]:
        return [f"{one.key} {one.partition} {one.load()['orders']}" for one in days.values()]

    @app.asset(deps=[orders], freshness=ef.Eager())
    async def newest(orders: ef.Input) -> str:
        return f"{orders.partition!r} {orders.version}"

    return app


def value(world: World, asset: str, partition: str = "") -> Any:
    return json.loads(Path(world.state(asset, partition)["uri"].removeprefix("file://")).read_text())


def test_a_function_is_handed_its_own_partition_a_dict_of_several_or_the_newest_change(tmp_path: Path) -> None:
    with World(sales(tmp_path), compute=True) as world:
        for number, day in enumerate(("2013-01-30", "2013-01-31", "2013-02-01")):
            world.publish("orders", version=f"v{number}", partition=day)
            world.advance("1s")
        assert value(world, "daily", "2013-01-31") == {"day": "2013-01-31", "orders": 4}
        assert value(world, "monthly", "2013-01") == {"2013-01-30": 3, "2013-01-31": 4}
        assert value(world, "monthly", "2013-02") == {"2013-02-01": 5}
        both = ["shop/daily 2013-01-31 4", "shop/daily 2013-02-01 5"]
        assert value(world, "both", "2013-02-01") == both
        assert value(world, "newest") == "'' v2"


def test_each_partition_lies_in_a_folder_of_its_own(tmp_path: Path) -> None:
    with World(sales(tmp_path), compute=True) as world:
        for day in ("2013-01-30", "2013-01-31"):
            world.publish("orders", partition=day)
        world.advance("1s")
    assert sorted(one.name for one in (tmp_path / "store/shop/daily").iterdir()) == ["2013-01-30", "2013-01-31"]


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        (lambda: ef.Daily("2013-1-1"), "Daily('2013-1-1', tz='UTC'): '2013-1-1' is no day of UTC; "),
        (lambda: ef.Weekly("2013-01-01"), "Weekly('2013-01-01', tz='UTC'): '2013-01-01' is no week of UTC; "),
        (lambda: ef.Monthly("2013-01", tz="Mars"), "Monthly('2013-01', tz='Mars'): 'Mars' is no time zone"),
        (lambda: ef.Static("eu", "eu"), "Static('eu', 'eu'): the partition 'eu' is named twice"),
        (ef.Static, "Static(): names: "),
        (lambda: ef.Last(0), "Last(0): count: "),
        (lambda: ef.App("shop").source("s", partitions="day"), "asset 'shop/s': partitions is like ef.Daily("),  # type: ignore[arg-type]
        (
            lambda: ef.App("shop").command("c", ["true"], deps=[ef.Dep("s", mapping="day")]),  # type: ignore[arg-type]
            "ef.Dep('shop/s', mapping='day'): mapping: ",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(said: Any, refused: str) -> None:
    with pytest.raises(ef.errors.DefinitionError) as found:
        said()
    assert str(found.value).startswith(refused)
    assert "\n" not in str(found.value)
