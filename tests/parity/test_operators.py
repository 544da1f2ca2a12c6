"""Each test shows, in virtual time, what a supported row of docs/parity.md claims."""

import everfresh as ef
from everfresh.testing import World
from streams.definitions import AssetDef, Dep, Manifest
from streams.partitions import Mapping, Partitions, Windows
from streams.policies import Manual, OnDemand, Policy
from tests.core.worlds import derived, domain_of, source


def one(policy: Policy) -> World:
    """s → a, which has the policy and takes ten seconds."""
    return World(domain_of(source("d/s"), derived("d/a", "d/s", policy=policy, takes_ms=10_000)))


def join(policy: Policy) -> Manifest:
    """s and t are read by left and right, these by joined, which has the policy."""
    return domain_of(
        source("d/s"),
        source("d/t"),
        derived("d/left", "d/s", takes_ms=10_000),
        derived("d/right", "d/s", "d/t", takes_ms=60_000),
        derived("d/joined", "d/left", "d/right", policy=policy, takes_ms=10_000),
    )


def settled_join() -> World:
    """The eager one, run once."""
    world = World(join(ef.Eager()))
    world.publish("s")
    world.publish("t")
    world.advance("5m")
    return world


def outcomes(world: World, asset: str = "a") -> list[str | None]:
    return [run.outcome for run in world.runs(asset)]


def test_eager_runs_as_soon_as_an_input_changed() -> None:
    with one(ef.Eager()) as world:
        for _ in range(3):
            world.publish("s")
            world.advance("1m")
        assert [run.covers["d/s"] for run in world.runs("a")] == [(1, 1), (2, 2), (3, 3)]
        assert [run.granted_at - run.granted_at // 60_000 * 60_000 for run in world.runs("a")] == [0, 0, 0]


def test_cron_runs_at_each_tick_with_all_that_came_before_it_and_not_for_nothing() -> None:
    with one(ef.Cron("0 * * * *")) as world:
        world.advance("10m")
        world.publish("s")
        world.advance("5m")
        world.publish("s")
        world.advance("4h")
        (run,) = world.runs("a")
        assert run.granted_at % 3_600_000 == 0
        assert run.covers["d/s"] == (1, 2)


def test_what_has_no_version_is_computed_once_its_inputs_have_one() -> None:
    with World(join(ef.Within("1h"))) as world:
        world.publish("s")
        world.advance("3h")
        assert (world.runs(), world.state("joined")["verdict"]) == ([], "unknown")  # t is missing
        world.publish("t")
        world.advance("1h")
        assert outcomes(world, "joined") == ["materialized"]


def test_what_is_in_flight_isnt_run_a_second_time() -> None:
    with one(ef.Eager()) as world:
        for _ in range(5):
            world.publish("s")
            world.advance("1s")
        assert outcomes(world) == [None]
        world.advance("1m")
        assert [run.covers["d/s"] for run in world.runs("a")] == [(1, 1), (2, 5)]


def test_an_asset_waits_for_its_inputs_runs_and_reads_them_at_one_cut() -> None:
    with settled_join() as world:
        world.publish("s")
        world.advance("30s")  # left is done, right isn't
        assert [len(world.runs(one)) for one in ("left", "right", "joined")] == [2, 2, 1]
        world.advance("5m")
        inputs = world.runs("joined")[-1].inputs
        assert inputs["d/left"].cut["d/s"] == inputs["d/right"].cut["d/s"] == 2


def test_new_code_is_computed_again() -> None:
    def declared(code_version: str) -> Manifest:
        return domain_of(source("d/s"), derived("d/a", "d/s", policy=ef.Within("1h"), code_version=code_version))

    with World(declared("1")) as world:
        world.publish("s")
        world.advance("2h")
        world.deploy(declared("1"))
        world.advance("2h")
        assert outcomes(world) == ["materialized"]
        world.deploy(declared("2"))
        world.advance("2h")
        assert outcomes(world) == ["materialized", "materialized"]


def test_an_unchanged_result_runs_nothing_below() -> None:
    with settled_join() as world:
        world.unchanged("right")
        world.publish("t")
        world.advance("5m")
        assert outcomes(world, "right") == ["materialized", "verified"]
        assert outcomes(world, "joined") == ["materialized"]
        assert world.state("joined")["verdict"] == "fresh"


def test_a_failure_is_tried_again_and_then_by_whatever_is_new() -> None:
    with one(ef.Eager()) as world:
        world.fails("a", 3)
        world.publish("s")
        world.advance("5m")
        assert outcomes(world) == ["failed"] * 3  # two retries
        assert world.state("a")["verdict"] == "failing"
        world.publish("s")
        world.advance("5m")
        assert outcomes(world)[3:] == ["materialized"]


def test_a_blocking_check_keeps_a_bad_version_from_all_that_is_below() -> None:
    with settled_join() as world:
        world.check("right", "fail")
        world.publish("t")
        world.advance("5m")
        assert world.state("right")["verdict"] == "quarantined"
        assert (outcomes(world, "joined"), world.state("joined")["verdict"]) == (["materialized"], "blocked")


def test_freshness_is_a_verdict_and_a_broken_promise_an_event() -> None:
    with one(ef.Within("5m")) as world:
        world.takes("a", "10m")
        world.publish("s")
        world.advance("4m")
        assert world.events("everfresh.alert.opened.*") == []
        world.advance("2m")
        assert world.state("a")["verdict"] == "overdue"
        assert [alert["rule"] for alert in world.events("everfresh.alert.opened.*")] == ["freshness.overdue"]
        world.advance("20m")
        assert world.state("a")["verdict"] != "overdue"
        assert [alert["rule"] for alert in world.events("everfresh.alert.resolved.*")] == ["freshness.overdue"]


def test_on_demand_takes_its_deadline_from_whoever_reads_it() -> None:
    with World(join(ef.Within("1h"))) as world:
        world.publish("s")
        world.publish("t")
        for _ in range(180):
            world.publish("s")
            world.advance("1m")
        assert len(world.runs("left")) == len(world.runs("joined")) <= 5
    with World(join(OnDemand())) as world:
        world.publish("s")
        world.publish("t")
        world.advance("1d")
        assert world.runs() == []


def test_quiet_waits_until_a_burst_is_over_but_not_for_ever() -> None:
    with one(ef.Eager(quiet="30s", max_wait="5m")) as world:
        world.each("10s", 6, lambda _: world.publish("s"))
        world.advance("5m")
        assert [run.covers["d/s"] for run in world.runs("a")] == [(1, 6)]
        world.each("10s", 60, lambda _: world.publish("s"))
        assert len(world.runs("a")) >= 2  # it never went quiet


def test_a_command_runs_what_nothing_else_would() -> None:
    with one(Manual()) as world:
        world.publish("s")
        world.advance("1d")
        assert world.runs() == []
        world.command("materialize", "a", "the year is over")
        world.advance("1m")
        assert outcomes(world) == ["materialized"]


def test_an_event_carries_what_its_publisher_says() -> None:
    with one(ef.Eager()) as world:
        world.publish("s", "2026-01-01", metadata={"rows": 3}, uri="s3://bucket/one")
        world.advance("1m")
        pin = world.runs("a")[0].inputs["d/s"]
        assert (pin.version, pin.metadata, pin.uri) == ("2026-01-01", {"rows": 3}, "s3://bucket/one")


def test_hours_and_spans_narrow_any_policy() -> None:
    with one(ef.Eager().only_between("08:00", "09:00").at_most_every("30m")) as world:
        for _ in range(24 * 60):
            world.publish("s")
            world.advance("1m")
        first, second = (run.granted_at % 86_400_000 for run in world.runs("a"))
        assert (first, second) == (8 * 3_600_000, 8 * 3_600_000 + 1_800_000)


def pair(policy: Policy) -> World:
    """s and t are read by a, which has the policy and has run."""
    world = World(domain_of(source("d/s"), source("d/t"), derived("d/a", "d/s", "d/t", policy=policy)))
    world.publish("s")
    world.publish("t")
    world.advance("2h")
    return world


def test_an_input_may_be_ignored_until_the_next_run() -> None:
    with pair(ef.Eager().ignore("d/t")) as world:
        world.publish("t")
        world.advance("1h")
        assert len(world.runs("a")) == 1
        world.publish("s")
        world.advance("1s")
        assert world.runs("a")[1].covers["d/t"] == (2, 2)


def test_all_inputs_may_be_required() -> None:
    with pair(ef.Eager().require("all")) as world:
        world.publish("s")
        world.advance("1h")
        assert len(world.runs("a")) == 1
        world.publish("t")
        world.advance("1s")
        assert len(world.runs("a")) == 2


def test_a_cron_may_wait_for_all_inputs() -> None:
    with pair(ef.Cron("0 * * * *").require("all")) as world:
        world.publish("s")
        world.advance("90m")
        world.publish("t")
        count = len(world.runs("a"))
        world.advance("1h")
        (run,) = world.runs("a")[count:]
        assert run.granted_at % 3_600_000 == 0


def days_and(parts: Partitions, mapping: Mapping | None = None) -> World:
    """s has days; a reads it and has these partitions."""
    days = Windows(unit="day", first="2013-01-01")
    dep = Dep(asset="d/s", argument="s", mapping=mapping)
    reader = AssetDef(key="d/a", kind="derived", deps=(dep,), policy=ef.Eager(), partitions=parts)
    return World(domain_of(source("d/s", partitions=days), reader))


def ran_of(world: World) -> list[str]:
    world.advance("1s")
    return [run.partition for run in world.runs("a")]


def test_a_partition_reads_the_one_of_its_name() -> None:
    with days_and(ef.Daily("2013-01-01"), ef.Same()) as world:
        world.publish("s", partition="2013-01-05")
        assert ran_of(world) == ["2013-01-05"]
        assert [key for key in world.runs("a")[0].inputs if "code:" not in key] == ["d/s[2013-01-05]"]


def test_a_window_reads_those_that_it_overlaps() -> None:
    coarse = {
        "2012-12-31": ef.Weekly("2012-12-31"),
        "2013-01": ef.Monthly("2013-01"),
        "2013-Q1": ef.Quarterly("2013-Q1"),
        "2013": ef.Yearly("2013"),
    }
    for partition, coarser in coarse.items():
        with days_and(coarser) as world:
            for day in ("2013-01-05", "2013-01-06"):
                world.publish("s", partition=day)
                world.advance("1s")
            assert ran_of(world) == [partition, partition]
            assert {"d/s[2013-01-05]", "d/s[2013-01-06]"} < set(world.runs("a")[-1].inputs)


def test_two_dimensions_are_each_read_along_their_own() -> None:
    regions = ef.Static("eu", "us")
    cells = source("d/s", partitions=ef.Grid(day=ef.Daily("2013-01-01"), region=regions))
    by_month = derived("d/a", "d/s", policy=ef.Eager(), partitions=ef.Grid(month=ef.Monthly("2013-01"), region=regions))
    with World(domain_of(cells, by_month)) as world:
        for cell in ("2013-01-05|eu", "2013-01-06|us", "2013-01-07|eu"):
            world.publish("s", partition=cell)
        assert ran_of(world) == ["2013-01|eu", "2013-01|us", "2013-01|eu"]
        assert {"d/s[2013-01-05|eu]", "d/s[2013-01-07|eu]"} < set(world.runs("a")[-1].inputs)


def test_a_window_is_read_by_the_finer_ones_in_it() -> None:
    with days_and(ef.Hourly("2013-01-01T00")) as world:
        world.publish("s", partition="2013-01-05")
        assert sorted(ran_of(world)) == [f"2013-01-05T{hour:02}" for hour in range(24)]


def test_listed_partitions_are_read_as_listed_and_no_others_are_taken() -> None:
    regions = source("d/s", partitions=ef.Static("eu", "us"))
    dep = Dep(asset="d/s", argument="s", mapping=ef.Matched({"all": ["eu", "us"]}))
    reader = AssetDef(key="d/a", kind="derived", deps=(dep,), policy=ef.Eager(), partitions=ef.Static("all"))
    with World(domain_of(regions, reader)) as world:
        for region in ("eu", "us", "mars"):
            world.publish("s", partition=region)
        assert ran_of(world) == ["all"]
        (refused,) = world.events("everfresh.dead.*")
        assert refused["error"] == "change of 'd/s': 'mars' is none of its 2 partitions"


def test_dynamic_partitions_are_those_that_changes_name() -> None:
    reader = derived("d/a", "d/s", policy=ef.Eager(), partitions=ef.Dynamic())
    with World(domain_of(source("d/s", partitions=ef.Dynamic()), reader)) as world:
        world.publish("s", partition="customer 7")
        assert ran_of(world) == ["customer 7"]


def test_lookback_promises_the_newest_window_only() -> None:
    days = ef.Daily("2013-01-01")
    reader = derived("d/a", "d/s", policy=ef.Eager().lookback(1), partitions=days)
    with World(domain_of(source("d/s", partitions=days), reader), start="2013-01-05T12:00:00Z") as world:
        for day in ("2013-01-04", "2013-01-05"):
            world.publish("s", partition=day)
        assert ran_of(world) == ["2013-01-05"]
