"""Partitions of two dimensions: which of them a change touches, what is read along what, and what is refused."""

from typing import Any

import pytest

import everfresh as ef
from everfresh.testing import World
from streams.definitions import AssetDef
from streams.errors import DefinitionError
from streams.grids import READ_MAX, meant, read_along, readers_along
from streams.partitions import Along, Dynamic, Grid, Last, Mapping, Matched, Overlapping, Partitions, Same, Static
from streams.policies import Eager
from tests.core.test_partitions import DAYS, MONTHS, parted, ran
from tests.core.worlds import domain_of, source, world_of

REGIONS = Static(names=("eu", "us"))
CELLS = ef.Grid(day=DAYS, region=REGIONS)
MONTHLY = ef.Grid(month=MONTHS, region=REGIONS)
CUSTOMERS = ef.Grid(day=DAYS, customer=Dynamic())
SHOPS = ef.Grid(day=DAYS, shop=Static(names=tuple(map(str, range(5_000)))))
FLIGHTS = ef.Grid(origin=REGIONS, destination=REGIONS)


def reader(dep: str | tuple[str, Mapping], parts: Partitions | None = CELLS, **more: Any) -> AssetDef:
    return parted("d/a", dep, parts=parts, policy=Eager(), **more)


def on_cells(*assets: AssetDef) -> World:
    """d/s has days and regions; no change came yet."""
    return world_of(source("d/s", partitions=CELLS), *assets)


def inputs(world: World, asset: str = "d/a", partition: str = "") -> list[str]:
    """What the last run of a partition read."""
    last = [run for run in world.runs(asset) if partition in ("", run.partition)][-1]
    return sorted(key for key in last.inputs if "code:" not in key)


def test_a_change_names_both_and_runs_that_partition_and_no_other() -> None:
    world = on_cells(reader("d/s"))
    for cell in ("2013-01-01|eu", "2013-01-01|us", "2013-01-02|eu"):
        world.publish("d/s", partition=cell)
    assert ran(world, "d/a") == ["2013-01-01|eu", "2013-01-01|us", "2013-01-02|eu"]
    assert inputs(world) == ["d/s[2013-01-02|eu]"]
    assert list(world._up().state.nodes) == [f"d/a[{run.partition}]" for run in world.runs("d/a")]


def test_a_day_reads_all_regions_of_it_that_are_there() -> None:
    world = on_cells(reader("d/s", DAYS))
    for cell in ("2013-01-01|us", "2013-01-02|eu", "2013-01-01|eu"):
        world.publish("d/s", partition=cell)
    assert ran(world, "d/a") == ["2013-01-01", "2013-01-02", "2013-01-01"]
    assert inputs(world, partition="2013-01-01") == ["d/s[2013-01-01|eu]", "d/s[2013-01-01|us]"]
    assert inputs(world, partition="2013-01-02") == ["d/s[2013-01-02|eu]"]


def test_a_month_reads_all_days_and_regions_of_it_that_are_there() -> None:
    world = on_cells(parted("d/b", "d/s", parts=CELLS), reader("d/b", MONTHS))
    for cell in ("2013-01-01|us", "2013-01-31|eu", "2013-02-01|eu"):
        world.publish("d/s", partition=cell)
    assert sorted(ran(world, "d/a")) == ["2013-01", "2013-01", "2013-02"]
    assert inputs(world, partition="2013-01") == ["d/b[2013-01-01|us]", "d/b[2013-01-31|eu]"]


def test_a_month_of_a_region_reads_its_own_days() -> None:
    along = Along(dimensions={"day": Overlapping(), "region": Same()})
    assert meant(None, MONTHLY, CELLS) == along
    world = on_cells(reader(("d/s", along), MONTHLY))
    for cell in ("2013-01-01|us", "2013-01-31|eu", "2013-01-01|eu"):
        world.publish("d/s", partition=cell)
    assert ran(world, "d/a") == ["2013-01|us", "2013-01|eu", "2013-01|eu"]
    assert inputs(world, partition="2013-01|eu") == ["d/s[2013-01-01|eu]", "d/s[2013-01-31|eu]"]


def test_what_has_two_reads_its_own_day_of_what_has_days_and_all_its_listed_regions_do() -> None:
    world = world_of(source("d/s", partitions=DAYS), reader("d/s"))
    world.publish("d/s", partition="2013-01-01")
    assert ran(world, "d/a") == ["2013-01-01|eu", "2013-01-01|us"]
    assert inputs(world) == ["d/s[2013-01-01]"]


def test_a_day_waits_for_no_region_that_nobody_published() -> None:
    world = world_of(
        source("d/s", partitions=CELLS),
        source("d/rates", partitions=DAYS),
        parted("d/b", "d/s", "d/rates", parts=CELLS),
        reader("d/b", DAYS),
    )
    world.publish("d/s", partition="2013-01-01|eu")
    world.publish("d/rates", partition="2013-01-01")
    assert (ran(world, "d/a"), inputs(world)) == (["2013-01-01"], ["d/b[2013-01-01|eu]"])


def test_along_a_dimension_without_a_list_those_that_are_there_read_a_change() -> None:
    sales, rates = source("d/t", partitions=CUSTOMERS), source("d/s", partitions=DAYS)
    both = parted("d/a", "d/t", "d/s", parts=CUSTOMERS, policy=Eager())
    world = world_of(sales, rates, both)
    world.publish("d/s", partition="2013-01-01")
    assert world._up().state.nodes == {}
    for cell in ("2013-01-01|c7", "2013-01-02|c7", "2013-01-01|c8"):
        world.publish("d/t", partition=cell)
    assert ran(world, "d/a") == ["2013-01-01|c7", "2013-01-01|c8"]  # the second day's rates aren't there
    world.crash()
    world.restart()
    world.publish("d/s", partition="2013-01-01")
    assert ran(world, "d/a")[2:] == ["2013-01-01|c7", "2013-01-01|c8"]


def test_regions_alone_are_read_by_the_days_that_are_there() -> None:
    world = world_of(
        source("d/s", partitions=CELLS),
        source("d/tax", partitions=REGIONS, exists=True),
        parted("d/a", "d/s", "d/tax", parts=CELLS, policy=Eager()),
    )
    for cell in ("2013-01-01|eu", "2013-01-02|eu", "2013-01-02|us"):
        world.publish("d/s", partition=cell)
    world.publish("d/tax", partition="eu")
    assert ran(world, "d/a")[3:] == ["2013-01-01|eu", "2013-01-02|eu"]
    assert inputs(world) == ["d/s[2013-01-02|eu]", "d/tax[eu]"]


def test_last_counts_windows_and_leaves_the_other_dimension_as_it_is() -> None:
    for said in (Last(2), Along(dimensions={"day": Last(2)})):
        world = on_cells(reader(("d/s", said)))
        for cell in ("2013-01-01|eu", "2013-01-01|us", "2013-01-02|eu"):
            world.publish("d/s", partition=cell)
        world.advance("1s")
        assert inputs(world, partition="2013-01-02|eu") == ["d/s[2013-01-01|eu]", "d/s[2013-01-02|eu]"]
        assert inputs(world, partition="2013-01-02|us") == ["d/s[2013-01-01|us]"]


def test_windows_that_have_not_begun_are_not_made_by_looking_back() -> None:
    world = World(domain_of(source("d/s", partitions=CELLS), reader(("d/s", Last(3)))), start="2013-01-05T12:00:00Z")
    world.publish("d/s", partition="2013-01-04|eu")
    assert ran(world, "d/a") == ["2013-01-04|eu", "2013-01-05|eu"]


def test_what_is_listed_for_a_name_is_read_along_that_dimension() -> None:
    zones = ef.Grid(day=DAYS, zone=Static(names=("north", "south")))
    pairs = Matched({"north": ["eu", "us"], "south": ["eu"]})
    world = on_cells(reader(("d/s", ef.Along(region=pairs)), zones))
    world.publish("d/s", partition="2013-01-01|eu")
    assert ran(world, "d/a") == ["2013-01-01|south"]  # the north has nothing of the us yet
    world.publish("d/s", partition="2013-01-01|us")
    assert ran(world, "d/a") == ["2013-01-01|south", "2013-01-01|north"]


def test_a_dimension_that_the_reader_lacks_is_read_whole_and_one_that_it_has_by_name_not_by_place() -> None:
    turned = ef.Grid(region=REGIONS, day=DAYS)
    assert meant(None, turned, CELLS) == Along(dimensions={"day": Same(), "region": Same()})
    world = on_cells(reader("d/s", turned))
    world.publish("d/s", partition="2013-01-01|eu")
    assert (ran(world, "d/a"), inputs(world)) == (["eu|2013-01-01"], ["d/s[2013-01-01|eu]"])
    backwards = ef.Grid(destination=REGIONS, origin=REGIONS)
    along = meant(None, backwards, FLIGHTS)
    assert isinstance(along, Along)
    assert read_along(along, backwards, FLIGHTS, "eu|us") == ["us|eu"]
    assert readers_along(along, backwards, FLIGHTS, "us|eu") == [["eu"], ["us"]]
    to_one = meant(ef.Along(destination=Same()), REGIONS, FLIGHTS)
    assert isinstance(to_one, Along)
    assert read_along(to_one, REGIONS, FLIGHTS, "eu") == ["eu|eu", "us|eu"]


@pytest.mark.parametrize(
    ("parts", "read", "same"),
    [
        (CELLS, CELLS, True),
        (ef.Grid(at=ef.Daily("2014-01-01"), where=REGIONS), CELLS, True),
        (MONTHLY, CELLS, False),
        (CELLS, CUSTOMERS.model_copy(), None),
    ],
)
def test_partitions_of_the_same_names_are_read_by_them(parts: Grid, read: Grid, same: bool | None) -> None:
    if same is None:
        with pytest.raises(ValueError, match="it would read all of its 'customer', which has no end"):
            meant(None, parts, read)
    else:
        assert (meant(None, parts, read) == Same()) == same


@pytest.mark.parametrize(
    ("parts", "read", "mapping", "said"),
    [
        (
            DAYS,
            CUSTOMERS,
            None,
            "it would read all of its 'customer', which has no end; give the reader that dimension",
        ),
        (REGIONS, CELLS, None, "it would read all of its 'day', which has no end; "),
        (
            REGIONS,
            FLIGHTS,
            None,
            "it can't be told which of their dimensions belong together; give those the same name",
        ),
        (
            FLIGHTS,
            REGIONS,
            None,
            "it can't be told which of their dimensions belong together; give those the same name",
        ),
        (ef.Grid(a=REGIONS, b=DAYS), ef.Grid(c=REGIONS, d=REGIONS), None, "say mapping=Along(c=Same()) where only one"),
        (Static(names=("x",)), CELLS, None, "they have no dimension in common; say mapping=All() or Matched({…})"),
        (CELLS, Static(names=("x",)), None, "they have no dimension in common; say mapping=All() or Matched({…})"),
        (
            CELLS,
            ef.Grid(day=DAYS, region=Static(names=("eu",))),
            None,
            "their 'region' aren't the same; say mapping=Along(region=Matched({…})) or region=All()",
        ),
        (CELLS, CELLS, ef.Along(month=Same()), "Along(…) names 'month', which is no dimension; there are 'day' and"),
        (CELLS, DAYS, ef.Along(day=Same(), region=Same()), "Along(…) names 'day' and 'region', and the input has one"),
        (MONTHLY, CELLS, ef.Along(day=Last(3)), "Along(day=…): Last(…) counts windows of one unit and time zone"),
        (FLIGHTS, FLIGHTS, Last(3), "Last is of time windows, and there are none among 'origin' and 'destination'"),
        (MONTHLY, CELLS, Same(), "their partitions aren't the same ones; say mapping=All() or Matched({…})"),
        (DAYS, DAYS, ef.Along(day=Same()), "Along(…) is for dimensions, and neither of the two has any"),
        (None, CELLS, ef.Along(day=Same()), "an asset without partitions reads All() partitions of another"),
        (CELLS, CELLS, Matched({"2013-01-01|eu": ["2013-01-01|mars"]}), "Matched(…): 'region' of '2013-01-01|mars': "),
        (
            MONTHS,
            ef.Grid(day=DAYS, shop=Static(names=tuple(map(str, range(50))))),
            None,
            "a run would read up to 1650 of its partitions, and can name 750; put an asset between the two",
        ),
        (ef.Yearly("2013"), ef.Hourly("2013-01-01T00"), None, "a run would read up to 8786 of its partitions, and can"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_refused_with_the_way_out(
    parts: Partitions | None, read: Partitions, mapping: Mapping | None, said: str
) -> None:
    dep = "d/s" if mapping is None else ("d/s", mapping)
    with pytest.raises(DefinitionError) as refused:
        world_of(source("d/s", partitions=read), reader(dep, parts))
    assert str(refused.value).startswith("asset 'd/a' reads 'd/s': ")
    assert said in str(refused.value)


def test_all_of_a_computed_one_is_read_where_both_dimensions_are_listed() -> None:
    world = world_of(source("d/s", partitions=FLIGHTS), parted("d/b", "d/s", parts=FLIGHTS), reader("d/b", None))
    world.publish("d/s", partition="eu|us")
    world.publish("d/s", partition="us|us")
    assert (len(ran(world, "d/a")), inputs(world)) == (2, ["d/b[eu|us]", "d/b[us|us]"])
    many = Static(names=tuple(map(str, range(30))))
    pairs = ef.Grid(one=many, other=many)
    for parts, said in ((pairs, f"up to 900 of its partitions, and can name {READ_MAX}"), (CELLS, "which have no end")):
        with pytest.raises(DefinitionError, match=said):
            world_of(source("d/s", partitions=parts), parted("d/b", "d/s", parts=parts), reader("d/b", None))


@pytest.mark.parametrize(
    ("partition", "said"),
    [
        ("2013-01-01", "'2013-01-01' doesn't name its 'day' and 'region'; it is written like '2013-01-01|eu'"),
        ("2013-01-01|eu|x", "'2013-01-01|eu|x' doesn't name its 'day' and 'region'; "),
        ("2013-01-01|mars", "'region' of '2013-01-01|mars': 'mars' is none of its 2 partitions"),
        ("2012-01-01|eu", "'day' of '2012-01-01|eu': '2012-01-01' is before its first, '2013-01-01'"),
    ],
)
def test_a_change_that_names_none_is_a_dead_letter(partition: str, said: str) -> None:
    world = on_cells()
    world.publish("d/s", partition=partition)
    (letter,) = world.events("everfresh.dead.*")
    assert letter["error"].startswith(f"change of 'd/s': {said}")


def test_lookback_counts_windows_in_each_region() -> None:
    policy = Eager().lookback(2)
    world = World(
        domain_of(source("d/s", partitions=CELLS), parted("d/a", "d/s", parts=CELLS, policy=policy)),
        start="2013-03-10T12:00:00Z",
    )
    for cell in ("2013-03-08|eu", "2013-03-09|eu", "2013-03-09|us", "2013-03-10|us"):
        world.publish("d/s", partition=cell)
    assert ran(world, "d/a") == ["2013-03-09|eu", "2013-03-09|us", "2013-03-10|us"]
    assert world.state("d/a", "2013-03-08|eu")["verdict"] == "stale"
    with pytest.raises(DefinitionError, match="counts time windows, and it has none"):
        world_of(source("d/s"), parted("d/a", "d/s", parts=FLIGHTS, policy=policy))


@pytest.mark.parametrize(
    ("parts", "first", "last", "wanted"),
    [
        (CELLS, "2013-01-01|eu", "2013-01-02|eu", ["2013-01-01|eu", "2013-01-02|eu"]),
        (CELLS, "2013-01-02|eu", "2013-01-02|us", ["2013-01-02|eu", "2013-01-02|us"]),
        (CELLS, "2013-01-31", "2013-02-01", ["2013-01-31|eu", "2013-01-31|us", "2013-02-01|eu", "2013-02-01|us"]),
        (CUSTOMERS, "2013-01-01|c7", "2013-01-02|c7", ["2013-01-01|c7", "2013-01-02|c7"]),
        (FLIGHTS, "eu|eu", "us|eu", ["eu|eu", "us|eu"]),
    ],
)
def test_a_backfill_runs_the_range_along_both_dimensions(
    parts: Partitions, first: str, last: str, wanted: list[str]
) -> None:
    world = world_of(source("d/u"), parted("d/a", "d/u", parts=parts))
    world.publish("d/u")
    world.backfill("d/a", first, last)
    assert ran(world, "d/a") == wanted


@pytest.mark.parametrize(
    ("parts", "first", "last", "said"),
    [
        (CELLS, "2013-01-01|eu", "2013-01-02", "'2013-01-02' doesn't name its 'day' and 'region'; "),
        (CUSTOMERS, "2013-01-01", "2013-01-02", "a range of it names both dimensions at either end, like '2013-01-01|"),
        (CUSTOMERS, "2013-01-01|c7", "2013-01-02|c8", "its partitions have no order, so there is no range of them"),
        (FLIGHTS, "eu", "us", "a range of it names both dimensions at either end, like 'eu|eu'"),
        (SHOPS, "2013-01-01", "2013-07-20", "the range names 1005000 partitions, and may name 1000000; name a shorter"),
        (CELLS, "eu", "us", "'eu' is no day of UTC; it is written like '2013-01-31'"),
    ],
)
def test_a_range_that_makes_no_sense_is_a_dead_letter(parts: Partitions, first: str, last: str, said: str) -> None:
    world = world_of(source("d/u"), parted("d/a", "d/u", parts=parts))
    world.backfill("d/a", first, last)
    (letter,) = world.events("everfresh.dead.*")
    assert letter["error"].startswith(f"backfill of 'd/a': {said}")


def test_a_deploy_that_adds_a_dimension_drops_what_has_one_and_goes_on() -> None:
    world = world_of(source("d/s", partitions=DAYS), reader("d/s", DAYS))
    world.publish("d/s", partition="2013-01-01")
    assert ran(world, "d/a") == ["2013-01-01"]
    world.deploy(domain_of(source("d/s", partitions=CELLS), reader("d/s", CELLS)))
    assert world._up().state.nodes == {}
    world.publish("d/s", partition="2013-01-01|eu")
    assert ran(world, "d/a") == ["2013-01-01", "2013-01-01|eu"]
