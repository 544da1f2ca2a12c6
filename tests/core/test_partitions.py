"""Partitions: which of them a change touches, what runs for it, and what doesn't."""

from typing import Any

import pytest

from everfresh.testing import World
from streams.definitions import AssetDef, Dep
from streams.errors import DefinitionError
from streams.partitions import All, Dynamic, Last, Mapping, Matched, Overlapping, Partitions, Static, Windows
from streams.policies import Eager, Manual, OnDemand, Policy, Within
from tests.core.worlds import FIVE_MINUTES, domain_of, source, world_of

DAYS = Windows(unit="day", first="2013-01-01")
MONTHS = Windows(unit="month", first="2013-01")


def parted(
    key: str,
    *deps: str | tuple[str, Mapping],
    parts: Partitions | None = DAYS,
    policy: Policy | None = None,
    **more: Any,
) -> AssetDef:
    read = [(dep, None) if isinstance(dep, str) else dep for dep in deps]
    listed = tuple(Dep(asset=dep, argument=dep.rpartition("/")[2], mapping=mapping) for dep, mapping in read)
    return AssetDef(key=key, kind="derived", deps=listed, policy=policy or OnDemand(), partitions=parts, **more)


def daily_chain(policy: Policy = FIVE_MINUTES) -> list[AssetDef]:
    return [
        source("d/s", partitions=DAYS),
        parted("d/a", "d/s"),
        parted("d/b", "d/a"),
        parted("d/c", "d/b", policy=policy),
    ]


def ran(world: World, asset: str) -> list[str]:
    world.advance("1s")
    return [run.partition for run in world.runs(asset) if run.outcome == "materialized"]


def test_a_change_of_a_partition_runs_that_partition_and_no_other() -> None:
    world = world_of(*daily_chain())
    for day in ("2013-01-01", "2013-01-02"):
        world.publish("d/s", partition=day)
    world.advance("10m")
    world.publish("d/s", partition="2013-01-02")
    world.advance("10m")
    for asset in ("d/a", "d/b", "d/c"):
        assert ran(world, asset) == ["2013-01-01", "2013-01-02", "2013-01-02"]
    assert world.state("d/c", "2013-01-01")["cut"]["d/s"] == 1
    assert world.state("d/c", "2013-01-02")["cut"]["d/s"] == 3


def test_each_partition_keeps_its_own_promise() -> None:
    world = world_of(*daily_chain())
    world.publish("d/s", partition="2013-01-01")
    world.advance("4m")
    world.publish("d/s", partition="2013-01-02")
    world.advance("2m")
    assert ran(world, "d/c") == ["2013-01-01"]
    world.advance("4m")
    assert ran(world, "d/c") == ["2013-01-01", "2013-01-02"]


def test_a_partition_that_nothing_touched_costs_nothing() -> None:
    hours = Windows(unit="hour", first="2000-01-01T00")
    world = world_of(source("d/s", partitions=hours), parted("d/a", "d/s", parts=hours, policy=Eager()))
    for hour in ("2000-01-01T00", "2006-05-05T17", "2011-06-01T12"):
        world.publish("d/s", partition=hour)
    domain = world._up()
    assert list(domain.state.nodes) == ["d/a[2000-01-01T00]", "d/a[2006-05-05T17]", "d/a[2011-06-01T12]"]
    assert len(world.runs("d/a")) == 3


def test_late_data_opens_its_partition_again() -> None:
    world = world_of(*daily_chain(Eager()))
    for day in ("2013-01-01", "2013-01-02", "2013-01-01"):
        world.publish("d/s", partition=day)
        world.advance("1m")
    assert ran(world, "d/c") == ["2013-01-01", "2013-01-02", "2013-01-01"]


def test_what_has_no_partitions_reads_all_of_a_source_and_counts_every_change() -> None:
    world = world_of(source("d/s", partitions=DAYS), parted("d/all", "d/s", parts=None, policy=Eager()))
    for day in ("2013-01-01", "2013-01-02", "2013-01-01"):
        world.publish("d/s", partition=day)
        world.advance("1s")
    assert len(ran(world, "d/all")) == 3
    assert world.state("d/all")["cut"]["d/s"] == 3


def test_a_window_reads_the_ones_before_it_as_far_as_there_are_any() -> None:
    week = parted("d/week", ("d/a", Last(7)), policy=Eager())
    world = world_of(source("d/s", partitions=DAYS), parted("d/a", "d/s"), week)
    for day in ("2013-01-01", "2013-01-03"):
        world.publish("d/s", partition=day)
        world.advance("1s")
    last = [run for run in world.runs("d/week") if run.partition == "2013-01-03"][-1]
    assert [key for key in last.inputs if key.startswith("d/a")] == ["d/a[2013-01-01]", "d/a[2013-01-03]"]
    world.publish("d/s", partition="2013-01-01")
    world.advance("1s")
    touched = {run.partition for run in world.runs("d/week") if run.cut["d/s"] == 3}
    assert touched == {f"2013-01-0{day}" for day in range(1, 8)}


def test_a_month_reads_its_days_and_runs_when_all_are_right() -> None:
    month = parted("d/month", "d/a", parts=MONTHS, policy=FIVE_MINUTES)
    world = world_of(source("d/s", partitions=DAYS), parted("d/a", "d/s"), month)
    for day in ("2013-01-30", "2013-01-31", "2013-02-01"):
        world.publish("d/s", partition=day)
    world.advance("10m")
    assert ran(world, "d/month") == ["2013-01", "2013-02"]
    january = world.runs("d/month")[0]
    assert sorted(key for key in january.inputs if key.startswith("d/a")) == ["d/a[2013-01-30]", "d/a[2013-01-31]"]
    world.publish("d/s", partition="2013-01-29")
    world.advance("10m")
    assert ran(world, "d/month") == ["2013-01", "2013-02", "2013-01"]
    assert ran(world, "d/a").count("2013-01-30") == 1


def test_an_hour_reads_its_day_and_a_day_the_one_table_that_has_no_partitions() -> None:
    hours = Windows(unit="hour", first="2013-01-01T00")
    world = world_of(
        source("d/s", partitions=DAYS),
        source("d/rates"),
        parted("d/a", "d/s", "d/rates"),
        parted("d/hour", "d/a", parts=hours, policy=Eager()),
    )
    world.publish("d/rates")
    world.publish("d/s", partition="2013-01-01")
    assert sorted(ran(world, "d/hour")) == [f"2013-01-01T{hour:02}" for hour in range(24)]
    world.publish("d/rates")
    assert len(ran(world, "d/hour")) == 48
    assert len(ran(world, "d/a")) == 2


def test_of_many_that_a_change_touches_those_come_to_be_that_lack_nothing_else() -> None:
    monthly = parted("d/month", "d/b", parts=MONTHS, policy=Eager())
    world = world_of(
        source("d/s", partitions=DAYS),
        source("d/rates", partitions=MONTHS),
        parted("d/a", "d/s"),
        parted("d/b", "d/a", "d/rates"),
        monthly,
    )
    world.publish("d/s", partition="2013-01-05")
    world.publish("d/rates", partition="2013-01")
    assert ran(world, "d/month") == ["2013-01"]  # it waits for none of the days that nobody published
    world.publish("d/s", partition="2013-01-06")
    assert ran(world, "d/b") == ["2013-01-05", "2013-01-06"]
    world.publish("d/s", partition="2013-02-01")  # one alone waits, and says what for
    assert world.state("d/b", "2013-02-01")["reason"] == "not each of its inputs has a version yet"


def test_static_partitions_are_matched_as_declared() -> None:
    regions, zones = Static(names=("eu", "us")), Static(names=("north", "south"))
    pairs = Matched({"north": ["eu", "us"], "south": ["eu"]})
    world = world_of(source("d/s", partitions=regions), parted("d/zone", ("d/s", pairs), parts=zones, policy=Eager()))
    world.publish("d/s", partition="eu")
    assert ran(world, "d/zone") == ["south"]  # the north has nothing of the us yet
    world.publish("d/s", partition="us")
    assert ran(world, "d/zone") == ["south", "north"]


def test_dynamic_partitions_are_those_that_changes_name() -> None:
    world = world_of(source("d/s", partitions=Dynamic()), parted("d/a", "d/s", parts=Dynamic(), policy=Eager()))
    world.publish("d/s", partition="customer 7")
    assert ran(world, "d/a") == ["customer 7"]


@pytest.mark.parametrize(
    ("partition", "said"),
    [
        (None, "change of 'd/s': the asset has partitions, so 'partition' must name one of them"),
        ("2013-13-01", "change of 'd/s': '2013-13-01' is no day of UTC; it is written like '2013-01-31'"),
        ("2012-12-31", "change of 'd/s': '2012-12-31' is before its first, '2013-01-01'"),
    ],
)
def test_a_change_that_names_no_partition_of_its_source_is_a_dead_letter(partition: str | None, said: str) -> None:
    world = world_of(*daily_chain())
    world.publish("d/s", partition=partition)
    (letter,) = world.events("everfresh.dead.*")
    assert letter["error"] == said
    assert world.runs() == []


def test_a_deploy_finds_the_partitions_that_are_there_already() -> None:
    before = daily_chain(Eager())
    world = world_of(*before)
    world.publish("d/s", partition="2013-01-01")
    world.publish("d/s", partition="2013-01-05")
    world.deploy(domain_of(*before, parted("d/late", "d/a", policy=Eager())))
    assert ran(world, "d/late") == ["2013-01-01", "2013-01-05"]
    world.deploy(domain_of(*before[:-1], parted("d/c", "d/b", policy=Eager(), code_version="2")))
    assert ran(world, "d/c") == ["2013-01-01", "2013-01-05"] * 2
    assert ran(world, "d/a") == ["2013-01-01", "2013-01-05"]


def test_naming_inputs_in_another_order_or_twice_is_no_new_code() -> None:
    sources = [source("d/s", partitions=DAYS), source("d/t", partitions=DAYS)]
    reads = ("d/s", Last(count=2)), ("d/t", Last(count=1))
    world = world_of(*sources, parted("d/a", *reads, policy=Eager()))
    world.publish("d/s", partition="2013-01-01")
    world.publish("d/t", partition="2013-01-01")
    assert ran(world, "d/a") == ["2013-01-01"]
    world.deploy(domain_of(*sources, parted("d/a", *reversed(reads), policy=Eager())))
    again = Dep(asset="d/t", argument="more", mapping=Last(count=1))
    declared = parted("d/a", *reads, policy=Eager())
    world.deploy(domain_of(*sources, declared.model_copy(update={"deps": (*declared.deps, again)})))
    assert ran(world, "d/a") == ["2013-01-01"]
    world.deploy(domain_of(*sources, parted("d/a", ("d/s", Last(count=3)), ("d/t", Last(count=1)), policy=Eager())))
    assert ran(world, "d/a") == ["2013-01-01"] * 2


def test_a_manual_partition_is_a_source_of_its_readers() -> None:
    world = world_of(
        source("d/s", partitions=DAYS), parted("d/m", "d/s", policy=Manual()), parted("d/a", "d/m", policy=Eager())
    )
    world.publish("d/s", partition="2013-01-01")
    assert world.runs() == []
    world.command("materialize", "d/m", partition="2013-01-01")
    assert (ran(world, "d/m"), ran(world, "d/a")) == (["2013-01-01"], ["2013-01-01"])


def test_materialize_makes_a_partition_and_those_it_needs() -> None:
    world = world_of(source("d/u"), parted("d/a", "d/u"), parted("d/b", "d/a"))
    world.publish("d/u")
    world.command("materialize", "d/b", partition="2013-04-05")
    assert (ran(world, "d/a"), ran(world, "d/b")) == (["2013-04-05"], ["2013-04-05"])


@pytest.mark.parametrize(
    ("assets", "said"),
    [
        (
            [source("d/s", partitions=DAYS), parted("d/a", ("d/s", Last(3)), parts=MONTHS)],
            "asset 'd/a' reads 'd/s': Last(…) counts windows of one unit and time zone",
        ),
        (
            [source("d/s"), parted("d/a", ("d/s", All()))],
            "asset 'd/a' reads 'd/s' by All, but that has no partitions; leave mapping= out",
        ),
        (
            [source("d/s", partitions=DAYS), parted("d/a", "d/s", parts=Static(names=("x",)))],
            "asset 'd/a' reads 'd/s': their partitions aren't the same ones; say mapping=All() or Matched({…})",
        ),
        (
            [source("d/s", partitions=DAYS), parted("d/a", ("d/s", Overlapping()), parts=None)],
            "asset 'd/a' reads 'd/s': an asset without partitions reads All() partitions of another",
        ),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused(assets: list[AssetDef], said: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        world_of(*assets)
    assert str(refused.value) == said


def test_lookback_promises_the_newest_windows_and_leaves_older_ones_to_commands() -> None:
    policy = Eager().lookback(3)
    world = World(
        domain_of(source("d/s", partitions=DAYS), parted("d/a", "d/s", policy=policy)), start="2013-03-10T12:00:00Z"
    )
    for day in ("2013-03-07", "2013-03-08", "2013-03-10"):
        world.publish("d/s", partition=day)
    assert ran(world, "d/a") == ["2013-03-08", "2013-03-10"]
    assert world.state("d/a", "2013-03-07")["verdict"] == "stale"
    world.advance("24h")
    world.publish("d/s", partition="2013-03-08")  # it is the fourth by now
    assert ran(world, "d/a") == ["2013-03-08", "2013-03-10"]
    world.command("materialize", "d/a", partition="2013-03-07")
    world.backfill("d/a", "2013-03-08")
    assert ran(world, "d/a") == ["2013-03-08", "2013-03-10", "2013-03-07", "2013-03-08"]


def test_what_lookback_leaves_out_is_never_overdue() -> None:
    policy = Within("5m").lookback(1)
    world = World(
        domain_of(source("d/s", partitions=DAYS), parted("d/a", "d/s", policy=policy)), start="2013-03-10T12:00:00Z"
    )
    world.publish("d/s", partition="2013-03-09")
    world.advance("1h")
    assert world.events("everfresh.alert.*") == []
    assert world.state("d/a", "2013-03-09")["promise"] is None


def test_a_promise_below_runs_what_lookback_leaves_out() -> None:
    read = parted("d/a", "d/s", policy=Eager().lookback(1))
    world = World(
        domain_of(source("d/s", partitions=DAYS), read, parted("d/m", "d/a", parts=MONTHS, policy=Eager())),
        start="2013-03-10T12:00:00Z",
    )
    world.publish("d/s", partition="2013-03-01")
    assert (ran(world, "d/a"), ran(world, "d/m")) == (["2013-03-01"], ["2013-03"])


def test_lookback_of_what_has_no_windows_is_refused() -> None:
    with pytest.raises(DefinitionError, match="counts time windows, and it has none"):
        world_of(source("d/s"), parted("d/a", "d/s", parts=None, policy=Eager().lookback(2)))
    with pytest.raises(DefinitionError, match="makes no sense with OnDemand: it promises nothing"):
        OnDemand().lookback(2)
    with pytest.raises(DefinitionError, match="a whole number of windows from 1"):
        Eager().lookback(0)
