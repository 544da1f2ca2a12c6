"""Checks in real runs: alone in a process, over tables that stay in their database, with samples of what failed."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import everfresh as ef
from everfresh.testing import World
from reactors.io.stores.local import path_of
from reactors.io.stores.reading import read
from streams.errors import DefinitionError
from streams.events import Pin
from tests.conformance.executor_runs import running_in

CHECK = "everfresh.check.evaluated.v1"


@pytest.mark.parametrize("place", ["thread", "process"])
async def test_a_check_that_stands_alone_loads_the_granted_version_and_keeps_nothing(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXECUTOR_APP_STORE", str(tmp_path))
    async with running_in(place) as runs:
        for version, outcome in (("39", "pass"), ("-7", "fail")):
            done = await runs.done("orders.no_negatives", {"orders": Pin(version=version)})
            assert (done.version, done.uri) == (version, None)
            assert [(one.check, one.outcome) for one in done.checks] == [("no_negatives", outcome)]
        failed = await runs.failed("orders.no_negatives", {"orders": Pin(version="no number")})
        assert "loading" in failed.error
    assert list(tmp_path.rglob("*")) == []


def lived(app: ef.App, source: str, versions: int) -> World:
    world = World(app, start="2026-01-01T00:00:00Z", compute=True)
    for number in range(versions):
        world.publish(source, version=str(number))
        world.advance("1m")
    return world


def warehouse(folder: Path) -> Callable[[], sqlite3.Connection]:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(folder / "warehouse.sqlite")

    return connect


def test_a_table_is_written_checked_and_read_where_it_stands(tmp_path: Path) -> None:
    connect = warehouse(tmp_path)
    app = ef.App("shop", store=ef.DatabaseStore(connect))
    orders = app.source("orders")

    @app.asset(deps={"orders": orders}, freshness=ef.Eager())
    def flights(orders: ef.Input, ctx: ef.Context) -> str:
        connection = connect()
        connection.execute(f'CREATE TABLE "flights_{ctx.run}" (id INTEGER, tail TEXT)')
        connection.execute(f'INSERT INTO "flights_{ctx.run}" VALUES (1, ?), (2, NULL)', (orders.version,))
        connection.commit()
        connection.close()
        return f"flights_{ctx.run}"

    @app.asset(deps=[flights], freshness=ef.Eager(), store=ef.JsonStore(str(tmp_path)))
    def known(flights: ef.Table) -> int:
        connection = flights.connect()
        (count,) = connection.execute(f'SELECT count(tail) FROM "{flights.name}"').fetchone()
        connection.close()
        return int(count)

    def is_named(flights: ef.Table) -> bool:
        return flights.name.startswith("flights_")

    app.check(flights)(is_named)
    app.expect(flights, ef.checks.not_null("tail"), ef.checks.unique("id"), ef.checks.schema_unchanged())
    with lived(app, "shop/orders", 2) as world:
        told = [(one["check"], one["outcome"], one["engine"]) for one in world.events(CHECK)]
        assert told[:4] == [
            ("is_named", "pass", "python"),
            ("not_null(tail)", "fail", "sqlite"),
            ("unique(id)", "pass", "sqlite"),
            ("schema_unchanged", "skip", "sqlite"),
        ]
        assert told[7] == ("schema_unchanged", "pass", "sqlite")
        published = [one for one in world.events("everfresh.asset.materialized.v1") if one["asset"] == "shop/flights"]
        assert published[0]["uri"].startswith("table:flights_1-")
        assert str(tmp_path) not in published[0]["uri"]
        (kept,) = [one for one in world.events("everfresh.asset.materialized.v1") if one["asset"] == "shop/known"][:1]
        assert read(kept["uri"], kept["format"]) == 1


def people(folder: Path, versions: int, **options: Any) -> ef.App:
    app = ef.App("shop", store=ef.ParquetStore(str(folder)))
    orders, left = app.source("orders"), iter(range(versions))

    @app.asset(deps={"orders": orders}, freshness=ef.Eager())
    def buyers(orders: ef.Input) -> pl.DataFrame:
        return pl.DataFrame({"id": [1, 2, 3, next(left)], "mail": ["ada@example.org", None, None, "x"]})

    app.expect(buyers, ef.checks.not_null("mail"), **options)
    return app


def samples(world: World) -> list[Path]:
    return [path_of(one["sample_ref"]) for one in world.events(CHECK) if one["sample_ref"]]


def test_a_sample_shows_the_named_columns_of_rows_that_failed_and_no_other(tmp_path: Path) -> None:
    with lived(people(tmp_path, 1, sample=ef.Sample(["id"], rows=1)), "shop/orders", 1) as world:
        (kept,) = samples(world)
        assert json.loads(kept.read_text()) == [{"id": 2, "mail": "redacted"}]
        assert "ada@" not in kept.read_text()


def test_without_a_word_no_row_leaves_its_table(tmp_path: Path) -> None:
    with lived(people(tmp_path, 1), "shop/orders", 1) as world:
        assert samples(world) == []
    assert not list(tmp_path.rglob("samples"))


def test_the_newest_samples_stay_and_no_version_goes_for_them(tmp_path: Path) -> None:
    with lived(people(tmp_path, 23, sample=ef.Sample(["id"])), "shop/orders", 23) as world:
        told = samples(world)
        assert [one.exists() for one in told] == [False] * 3 + [True] * 20
        assert len(list(tmp_path.rglob("*.parquet"))) == 23


def test_a_functions_own_sample_is_redacted_as_well(tmp_path: Path) -> None:
    app = people(tmp_path, 1)

    def is_known(buyers: pl.DataFrame) -> ef.CheckOutcome:
        return ef.CheckOutcome(False, sample=buyers.to_dicts())

    app.check("buyers", sample=ef.Sample(["id"]))(is_known)
    with lived(app, "shop/orders", 1) as world:
        (kept,) = samples(world)
        assert {row["mail"] for row in json.loads(kept.read_text())} == {"redacted"}


def test_a_sample_that_nothing_could_keep_is_refused(tmp_path: Path) -> None:
    app = ef.App("shop")
    app.asset(name="buyers", store=None)(lambda: None)
    with pytest.raises(DefinitionError, match="sample= keeps rows in the asset's store, a folder"):
        app.expect("buyers", ef.checks.not_null("id"), sample=ef.Sample(["id"]))
    with pytest.raises(DefinitionError, match="names the columns that may be shown"):
        ef.Sample("id")
    with pytest.raises(DefinitionError, match="keeps 1 to 1000 rows"):
        ef.Sample(["id"], rows=0)


@pytest.mark.parametrize(("on_error", "verdict"), [("block", "quarantined"), ("pass", "fresh")])
def test_what_a_blocking_check_cannot_judge_is_held_back_unless_it_may_pass(
    tmp_path: Path, on_error: Any, verdict: str
) -> None:
    app = people(tmp_path, 1)
    app.expect("buyers", ef.checks.in_range("gone", least=0), blocking=True, on_error=on_error)
    with lived(app, "shop/orders", 1) as world:
        assert world.state("shop/buyers")["verdict"] == verdict
        assert "error" in [one["outcome"] for one in world.events(CHECK)]
