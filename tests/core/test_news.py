"""Functions that need only what is new are told what that is: the commits of a source, and what was read before."""

import json
from pathlib import Path
from typing import Any

import everfresh as ef
from everfresh.testing import World
from reactors.news import CHANGES_MAX
from streams.policies import Eager
from tests.core.worlds import FIVE_MINUTES, derived, domain_of, source


def sums(tmp_path: Path, seen: list[Any]) -> ef.App:
    """A total that reads only the changes since its last run, if it can."""
    app = ef.App("shop", store=ef.JsonStore(f"file://{tmp_path}/store"))
    orders = app.source("orders")

    @app.asset(deps=[orders], freshness=ef.Within("5m"))
    async def total(orders: ef.Input) -> ef.Output:
        seen.append(orders)
        return ef.Output(value=orders.version)

    return app


def test_a_function_is_told_each_commit_since_its_last_run_and_what_that_read(tmp_path: Path) -> None:
    seen: list[ef.Input] = []
    with World(sums(tmp_path, seen), compute=True) as world:
        world.publish("orders", version="1")
        world.advance("5m")
        for number in (2, 3):
            at = f"2026-01-0{number}T00:00:00Z"
            world.publish("orders", version=str(number), uri=f"s3://{number}", metadata={"n": number}, data_time=at)
        world.advance("5m")
    first, second = seen
    assert (first.changes, first.previous) == (None, None)
    assert second.previous == "1"
    assert second.changes == (
        ef.Change("2", "", "2026-01-02T00:00:00.000Z", {"n": 2}, "s3://2"),
        ef.Change("3", "", "2026-01-03T00:00:00.000Z", {"n": 3}, "s3://3"),
    )


def test_who_reads_all_partitions_of_a_source_is_told_which_were_touched() -> None:
    seen: list[ef.Input] = []
    app = ef.App("shop")
    orders = app.source("orders", partitions=ef.Daily("2013-01-01"))

    @app.asset(deps=[orders], freshness=ef.Eager())
    async def total(orders: ef.Input) -> ef.Output:
        seen.append(orders)
        return ef.Output(version=orders.version)

    with World(app, compute=True) as world:
        for day in ("2013-01-01", "2013-01-05", "2013-01-01"):
            world.publish("orders", partition=day)
            world.advance("1s")
    assert [[one.partition for one in read.changes or ()] for read in seen] == [[], ["2013-01-05"], ["2013-01-01"]]


def test_what_failed_is_told_again_with_what_came_since() -> None:
    with World(domain_of(source("d/s"), derived("d/a", "d/s", policy=Eager()))) as world:
        world.publish("s", version="1")
        world.advance("1m")
        world.fails("a", times=3)
        world.publish("s", version="2")
        world.advance("1m")
        world.publish("s", version="3")
        world.advance("1m")
        told = [one["news"]["d/s"] for one in world.events("everfresh.run.granted.v1")[1:]]
        assert [[change["version"] for change in one["changes"]] for one in told] == [["2"], ["2"], ["2"], ["2", "3"]]
        assert {one["previous"] for one in told} == {"1"}


def test_of_too_many_nothing_is_said_so_that_the_whole_is_read() -> None:
    with World(domain_of(source("d/s"), derived("d/a", "d/s", policy=FIVE_MINUTES))) as world:
        world.publish("s")
        world.advance("5m")
        for count in (CHANGES_MAX, CHANGES_MAX + 1):
            for _ in range(count):
                world.publish("s")
            world.advance("5m")
        _, all_of_them, too_many = (one["news"] for one in world.events("everfresh.run.granted.v1"))
        assert len(all_of_them["d/s"]["changes"]) == CHANGES_MAX
        assert too_many["d/s"]["changes"] is None


def test_a_program_is_told_too(tmp_path: Path) -> None:
    app = ef.App("shop")
    orders = app.source("orders")
    kept = tmp_path / "inputs.json"
    app.command("copy", ["sh", "-c", f"cp $EVERFRESH_INPUTS {kept}"], deps=[orders], freshness=ef.Eager(), store=None)
    with World(app, compute=True) as world:
        for version in ("1", "2"):
            world.publish("orders", version=version)
            world.advance("1s")
    assert json.loads(kept.read_bytes())["news"]["shop/orders"]["changes"][0]["version"] == "2"
