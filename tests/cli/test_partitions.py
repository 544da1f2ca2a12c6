"""Partitions and backfills as they are typed, on an SQLite log."""

from pathlib import Path

import pytest

from tests.cli.shop import Shop

APP = """
import everfresh as ef

app = ef.App("shop", store=ef.JsonStore("store"))
days = ef.Daily("2013-01-01")
orders = app.source("orders", partitions=days)
rates = app.source("rates", exists=True)


@app.asset(deps=[orders], partitions=days, freshness=ef.Eager(), retry=ef.Retry(0))
async def daily(orders: ef.Input, ctx: ef.Context):
    if ctx.partition == "2013-01-03":
        raise ValueError("no such day")
    return ctx.partition


@app.asset(deps={"days": daily}, partitions=ef.Monthly("2013-01"), freshness=ef.Within("5s"))
async def monthly(days: dict[str, str]):
    return list(days)


@app.asset(deps=[rates], partitions=days, retry=ef.Retry(0))
async def priced(rates: ef.Input, ctx: ef.Context):
    if ctx.partition == "2013-01-03":
        raise ValueError("no such day")
    return ctx.partition


@app.asset(deps=[rates], freshness=ef.Manual())
async def rated(rates: ef.Input):
    return 1
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Two days were published and are done; a backfill of four ran, and one of them failed."""
    shop = Shop(tmp_path_factory.mktemp("partitions"), APP)
    shop.ok("deploy", "shop.py")
    for day in ("2013-01-01", "2013-01-02"):
        shop.ok("publish", "orders", "--partition", day)
    shop.ok("backfill", "start", "priced", "--from", "2013-01-01", "--to", "2013-01-04", "--slots", "2")
    assert shop.run("dev", "shop.py", "--until-idle").code == 1  # a day of it fails
    return shop


def test_status_says_how_many_partitions_stand_how(shop: Shop) -> None:
    rows = {row["asset"]: row for row in shop.look("status", "--json").json()}
    assert rows["shop/daily"]["partitions"] == {"fresh": 2}
    assert rows["shop/priced"]["partitions"] == {"failing": 1, "fresh": 3}
    assert (rows["shop/priced"]["verdict"], rows["shop/priced"]["reason"]) == ("failing", "1 failing, 3 fresh")


def test_an_asset_that_is_named_is_shown_by_its_partitions_and_a_partition_alone(shop: Shop) -> None:
    rows = shop.look("status", "daily", "--json").json()
    assert [(row["asset"], row["partition"]) for row in rows] == [
        ("shop/daily", "2013-01-01"),
        ("shop/daily", "2013-01-02"),
    ]
    assert [line.split()[0] for line in shop.look("status", "daily[2013-01-02]").lines] == [
        "asset",
        "shop/daily[2013-01-02]",
    ]


def test_explain_tells_of_an_asset_and_of_a_partition(shop: Shop) -> None:
    assert shop.look("explain", "monthly").lines[:3] == [
        "shop/monthly has partitions: 1 fresh.",
        "Its policy: within 5s, for each.",
        "`everfresh explain 'shop/monthly[PARTITION]'` says more of one.",
    ]
    told = shop.look("explain", "priced[2013-01-03]").lines
    assert told[0].startswith("shop/priced[2013-01-03] is failing: run ")
    assert "`everfresh materialize 'shop/priced[2013-01-03]'` tries it again" in told[2]


def test_runs_name_their_partition(shop: Shop) -> None:
    assert {run["partition"] for run in shop.look("runs", "priced", "--json").json()} == {
        f"2013-01-0{day}" for day in range(1, 5)
    }
    assert len(shop.look("runs", "priced[2013-01-04]", "--json").json()) == 1


def test_a_backfill_is_listed_with_what_failed_of_it(shop: Shop) -> None:
    (found,) = shop.look("backfill", "list", "--json").json()
    assert (found["asset"], found["status"], found["total"], found["done"]) == ("shop/priced", "done", 4, 3)
    assert list(found["failed"]) == ["2013-01-03"]
    assert "ValueError: no such day" in found["failed"]["2013-01-03"]


def test_a_backfill_that_is_waited_for_ends_with_one_where_a_partition_failed(shop: Shop) -> None:
    with shop.running("start", "--app", "shop.py") as roles:
        roles.says("worker ready")
        done = shop.run("backfill", "start", "priced", "--from", "2013-01-05", "--to", "2013-01-06", "--wait")
        assert (done.code, done.out.split(": ")[1]) == (0, "2 of 2 partitions right, 4 at once\n")
        failed = shop.run("backfill", "start", "priced", "--partition", "2013-01-03", "--force", "--wait")
        assert failed.code == 1
        assert "0 of 1 partition right, 4 at once; 1 failed (2013-01-03: run " in failed.out


@pytest.mark.parametrize(
    ("said", "code", "told"),
    [
        (
            ("publish", "orders"),
            2,
            "change of 'shop/orders': the asset has partitions, so 'partition' must name one of",
        ),
        (
            ("publish", "orders", "--partition", "2013-02-30"),
            2,
            "change of 'shop/orders': '2013-02-30' is no day of UTC; it is written like '2013-01-31'",
        ),
        (("publish", "rates", "--partition", "x"), 2, "change of 'shop/rates': 'partition' names a partition, but"),
        (("materialize", "daily"), 2, "'shop/daily' has partitions: name one, like 'shop/daily[PARTITION]'; many are"),
        (
            ("materialize", "daily[2012-01-01]"),
            2,
            "'shop/daily' has no such partition: '2012-01-01' is before its first",
        ),
        (("explain", "daily[2013-05-05]"), 2, "'shop/daily' never heard of its partition '2013-05-05' yet"),
        (("explain", "nothing[x]"), 2, "nobody declares 'shop/nothing'; there are shop/daily, "),
        (("backfill", "start", "orders", "--from", "2013-01-01"), 2, "'shop/orders' is a source: nobody here computes"),
        (("backfill", "start", "daily"), 2, "say which partitions: --from and --to, or --partition"),
        (("backfill", "start", "rates"), 2, "'shop/rates' is a source: nobody here computes it, so there is nothing"),
        (
            ("backfill", "start", "rated"),
            2,
            "'shop/rated' has no partitions, so there is nothing to backfill; `everfresh materialize shop/rated` runs",
        ),
        (
            ("backfill", "start", "daily", "--to", "2013-01-01"),
            2,
            "--to is a range's last partition; say its first with",
        ),
        (
            ("backfill", "start", "daily", "--from", "2013-01-02", "--to", "2013-01-01"),
            2,
            "'shop/daily': '2013-01-01' comes before '2013-01-02'",
        ),
        (("backfill", "pause", "b7777"), 2, "there is no backfill 'b7777'; "),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_way_out(
    shop: Shop, said: tuple[str, ...], code: int, told: str
) -> None:
    ran = shop.typed(*said)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith(told)
    assert ran.err.count("\n") == 1


def test_a_backfill_is_paused_resumed_and_cancelled_by_name(tmp_path: Path) -> None:
    shop = Shop(tmp_path, APP)
    shop.ok("deploy", "shop.py")
    begun = shop.typed("backfill", "start", "priced", "--from", "2013-01-01", "--to", "2013-01-31", "--json").json()
    name = begun["backfill"]
    assert (begun["total"], begun["status"]) == (31, "running")
    for action, status in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        assert shop.typed("backfill", action, name, "--json").json()["status"] == status
    again = shop.typed("backfill", "cancel", name)
    assert (again.code, again.err) == (1, f"backfill {name!r} is cancelled already\n")


GRID = """
import everfresh as ef

app = ef.App("shop", store=ef.JsonStore("store"))
cells = ef.Grid(day=ef.Daily("2013-01-01"), region=ef.Static("eu", "us"))
orders = app.source("orders", partitions=cells)
rates = app.source("rates", exists=True)


@app.asset(deps=[orders], partitions=cells, freshness=ef.Eager())
async def revenue(orders: ef.Input, ctx: ef.Context):
    return ctx.partitions["region"]


@app.asset(deps=[rates], partitions=cells)
async def priced(ctx: ef.Context, rates: ef.Input):
    return ctx.partition
"""


def test_partitions_of_two_dimensions_are_named_by_both_and_ranges_by_their_windows(tmp_path: Path) -> None:
    shop = Shop(tmp_path, GRID)
    shop.ok("deploy", "shop.py")
    shop.ok("publish", "orders", "--partition", "2013-01-31|eu")
    begun = shop.typed("backfill", "start", "priced", "--from", "2013-01-01", "--to", "2013-01-03", "--json").json()
    assert begun["total"] == 6
    of_eu = ("--from", "2013-01-01|eu", "--to", "2013-01-31|eu")
    assert shop.typed("backfill", "start", "priced", *of_eu, "--json").json()["total"] == 31
    backwards = shop.typed("backfill", "start", "priced", "--from", "2013-01-02|eu", "--to", "2013-01-01|us")
    assert (backwards.code, backwards.err) == (2, "'shop/priced': '2013-01-01|us' comes before '2013-01-02|eu'\n")
    half = shop.typed("publish", "orders", "--partition", "2013-01-31")
    assert half.code == 2
    assert half.err.startswith(
        "change of 'shop/orders': '2013-01-31' doesn't name its 'day' and 'region'; it is written"
    )
    assert shop.run("dev", "shop.py", "--until-idle").code == 0
    (row,) = shop.look("status", "revenue", "--json").json()
    assert (row["partition"], row["verdict"]) == ("2013-01-31|eu", "fresh")
    assert shop.look("explain", "revenue[2013-01-31|eu]").lines[0].startswith("shop/revenue[2013-01-31|eu] is fresh")
    assert (tmp_path / "store/shop/revenue/2013-01-31%7Ceu").is_dir()
