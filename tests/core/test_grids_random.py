"""Random changes of a graph of two dimensions: every value is what a look at the names alone would make of it."""

from collections.abc import Iterator
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

import everfresh as ef
from streams.partitions import Last
from streams.policies import Eager, Within
from tests.core.test_grids import CELLS, CUSTOMERS, MONTHLY, REGIONS
from tests.core.test_partitions import DAYS, parted
from tests.core.test_partitions_random import DAY_NAMES, Play, digest, pairs
from tests.core.worlds import domain_of, source

Names = dict[str, str]
"""partition → version, or a computed one's fingerprint"""

CELL = st.tuples(st.sampled_from(DAY_NAMES), st.sampled_from(REGIONS.names)).map("|".join)
SOLD = st.tuples(st.sampled_from(DAY_NAMES), st.sampled_from(["c7", "c8"])).map("|".join)
CHANGES = {"s": CELL, "sold": SOLD, "rates": st.sampled_from(DAY_NAMES), "tax": st.sampled_from(REGIONS.names)}


def story() -> st.SearchStrategy[list[tuple[str, str]]]:
    changes = [st.tuples(st.just(name), names) for name, names in CHANGES.items()]
    return st.lists(
        st.one_of(*changes, changes[0], changes[0], st.tuples(st.sampled_from(["wait", "crash"]), st.just("")))
    )


def world_of_two(takes: str) -> Play:
    """Sources by day and region, day and customer, day, region; and each kind of reading between them."""
    quarters = ef.Grid(region=REGIONS, quarter=ef.Quarterly("2013-Q1"))  # turned round
    return Play(
        domain_of(
            source("d/s", partitions=CELLS),
            source("d/sold", partitions=CUSTOMERS),
            source("d/rates", partitions=DAYS),
            source("d/tax", partitions=REGIONS),
            parted("d/cell", "d/s", "d/tax", parts=CELLS, takes_ms=takes),
            parted("d/priced", "d/rates", parts=CELLS, policy=Eager(), takes_ms=takes),
            parted("d/trend", ("d/s", Last(2)), parts=CELLS, policy=Within("3m"), takes_ms=takes),
            parted("d/day", "d/cell", policy=Within("5m"), takes_ms=takes),
            parted("d/month", "d/cell", parts=MONTHLY, policy=Eager(), takes_ms=takes),
            parted("d/quarter", "d/month", parts=quarters, policy=Within("10m"), takes_ms=takes),
            parted("d/paid", "d/sold", "d/rates", parts=CUSTOMERS, policy=Within("5m"), takes_ms=takes),
        )
    )


@settings(max_examples=150, deadline=None)
@given(story=story(), slots=st.sampled_from([0, 1, 3]), takes=st.sampled_from(["0s", "7s"]))
def test_every_partition_of_two_ends_as_the_names_alone_would_have_it(
    story: list[tuple[str, str]], slots: int, takes: str
) -> None:
    world = world_of_two(takes)
    if slots:
        world.slots(slots)
    sources: dict[str, Names] = {name: {} for name in CHANGES}
    for number, (kind, partition) in enumerate(story):
        if kind == "wait":
            world.advance("3m")
        elif kind == "crash":
            world.crash()
            world.restart()
        else:
            sources[kind][partition] = f"v{number}"
            world.publish(f"d/{kind}", version=f"v{number}", partition=partition)
            world.advance("1s")
    world.advance("1h")
    nodes, wanted = world._up().state.nodes, dict(from_scratch(**sources))
    assert {key: node.fingerprint for key, node in nodes.items() if node.version} == wanted
    assert all(nodes[key].stale_at is None for key in wanted)
    for before, run in pairs(world):
        assert {key: pin.version for key, pin in before.items()} != {key: pin.version for key, pin in run.items()}


def from_scratch(s: Names, sold: Names, rates: Names, tax: Names) -> Iterator[tuple[str, str]]:
    """Node → fingerprint, by names alone."""
    cells = {cell for cell in s if region_of(cell) in tax}
    cell = {one: made("cell", one, {"s": [one], "tax": [region_of(one)]}, s=s, tax=tax) for one in cells}
    yield from told("cell", cell)
    priced = {f"{day}|{region}": day for day in rates for region in REGIONS.names}
    yield from told("priced", {one: made("priced", one, {"rates": [day]}, rates=rates) for one, day in priced.items()})
    touched = {f"{after(one, days)}|{region_of(one)}" for one in s for days in (0, 1)}
    trend = {one: [f"{after(one, -days)}|{region_of(one)}" for days in (1, 0)] for one in touched}
    yield from told("trend", {one: made("trend", one, {"s": read}, s=s) for one, read in trend.items()})
    paid = {one: one[:10] for one in sold if one[:10] in rates}
    yield from told(
        "paid",
        {one: made("paid", one, {"sold": [one], "rates": [day]}, sold=sold, rates=rates) for one, day in paid.items()},
    )
    day, month = summed("day", "{day}", s, cell), summed("month", "{month}|{region}", s, cell)
    yield from told("day", day)
    yield from told("month", month)
    quarter = {f"{region_of(one)}|2013-Q1": [two for two in month if region_of(two) == region_of(one)] for one in month}
    yield from told(
        "quarter", {one: made("quarter", one, {"month": read}, month=month) for one, read in quarter.items()}
    )


def summed(asset: str, name: str, s: Names, cell: Names) -> Names:
    """A cell that waits for its region's tax can't be had yet: who reads what is there doesn't wait for it."""
    groups: dict[str, list[str]] = {}
    for one in s:
        if one not in cell:
            continue
        groups.setdefault(name.format(day=one[:10], month=one[:7], region=region_of(one)), []).append(one)
    return {group: made(asset, group, {"cell": ones}, cell=cell) for group, ones in groups.items()}


def told(asset: str, values: Names) -> Iterator[tuple[str, str]]:
    return ((f"d/{asset}[{partition}]", value) for partition, value in values.items())


def made(asset: str, partition: str, reads: dict[str, list[str]], **there: Names) -> str:
    """A run's fingerprint, of those that are there among what it reads."""
    pins = [
        f"d/{read}[{one}]={there[read][one]}" for read, names in reads.items() for one in names if one in there[read]
    ]
    return digest(f"d/{asset}[{partition}]", sorted(pins))


def region_of(cell: str) -> str:
    return cell.rpartition("|")[2]


def after(cell: str, days: int) -> str:
    return (date.fromisoformat(cell[:10]) + timedelta(days=days)).isoformat()
