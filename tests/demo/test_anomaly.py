"""Of the real flights: an anomaly opens an alert when nulls fill columns from a day on, be they 5, 20 or 60 percent."""

import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import everfresh as ef
from bench.anomaly import COLUMNS, days, emptied
from everfresh.testing import World

LEARNED = 40
"""days before the first bad one"""


@pytest.fixture(scope="module")
def year() -> list[pl.DataFrame]:
    return days()


def flown(folder: Path, table: list[pl.DataFrame], columns: tuple[str, ...] = COLUMNS) -> list[dict[str, Any]]:
    """The events of a domain that is given these days, one after the other."""
    app, left = ef.App("flights", store=ef.ParquetStore(str(folder))), iter(table)
    landed = app.source("landed")

    @app.asset(deps={"landed": landed}, freshness=ef.Eager())
    def day(landed: ef.Input) -> pl.DataFrame:
        return next(left)

    app.expect(day, ef.checks.anomaly(*columns, metrics=["nulls"]))
    with World(app, start="2013-01-01T00:00:00Z", compute=True) as world:
        for number in range(len(table)):
            world.publish(landed, version=str(number))
            world.advance("1d")
        return world.events("everfresh.*")


def alerts(events: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    return [one for one in events if one["type"] == f"everfresh.alert.{what}.v1" and one["rule"] == "check.failed"]


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.6])
@pytest.mark.parametrize("seed", range(2))
def test_nulls_that_fill_three_columns_open_an_alert_on_the_first_day(
    tmp_path: Path, year: list[pl.DataFrame], rate: float, seed: int
) -> None:
    dice = random.Random(seed)
    first = dice.randrange(100, 300)  # summer and autumn, when no storm is about
    bad = [emptied(day, COLUMNS, rate, dice) for day in year[first : first + 3]]
    events = flown(tmp_path, [*year[first - LEARNED : first], *bad])
    outcomes = [one["outcome"] for one in events if one["type"] == "everfresh.check.evaluated.v1"]
    assert outcomes[LEARNED:] == ["fail"] * 3
    firing = alerts(events, "opened")[-1]
    assert firing["labels"] == {"check": f"anomaly({', '.join(COLUMNS)})"}
    assert "nulls(" in firing["actual"]


def test_a_column_that_is_often_empty_is_told_once_most_of_it_is_gone(tmp_path: Path, year: list[pl.DataFrame]) -> None:
    dice, column = random.Random(1), COLUMNS[:1]
    bad = [emptied(day, column, 0.6, dice) for day in year[200:203]]
    events = flown(tmp_path, [*year[200 - LEARNED : 200], *bad], column)
    outcomes = [one["outcome"] for one in events if one["type"] == "everfresh.check.evaluated.v1"]
    assert outcomes[LEARNED:] == ["fail"] * 3
