"""A budget that is used up, on a graph that really runs: what attempts measured of themselves gates the queue."""

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import everfresh as ef
from streams.units import instant
from tests.cli.shop import Shop
from tests.cli.test_commands import QUICK

APP = """
import asyncio
import everfresh as ef

app = ef.App("shop")
orders = app.source("orders")


@app.asset(deps=[orders], freshness=ef.Within("2s"), takes="400ms")
async def revenue(orders: ef.Input) -> ef.Output:
    await asyncio.sleep(0.4)
    return ef.Output(version=orders.version)


app.budget("{small} wall/hour", name="small", on_breach="throttle", stretch=4, thresholds=(100,))
app.budget("{large} wall/hour", name="large", on_breach="pause", thresholds=(100,))
"""


def app(small: float, large: float) -> str:
    return APP.replace("{small}", f"{small}").replace("{large}", f"{large}")


def hourly(seconds: float) -> None:
    """Wait for the next hour where this one ends before `seconds` are over: budgets begin anew then."""
    left = 3_600 - time.time() % 3_600
    if left < seconds:
        time.sleep(left + 1)


def alerts(shop: Shop) -> list[dict[str, Any]]:
    events = shop.typed("events", "alert.opened", "--json").jsonl()
    return [one["data"] | {"time": one["time"]} for one in events if one["data"]["rule"].startswith("budget.")]


def runs(shop: Shop) -> list[dict[str, Any]]:
    return [one["data"] for one in shop.typed("events", "asset.materialized", "--json").jsonl()]


def starts(shop: Shop) -> list[float]:
    """When each run began, in seconds."""
    return [instant(one["started_at"]) / 1_000 for one in runs(shop)]


def exercise(shop: Shop, seconds: float, rules: int) -> list[dict[str, Any]]:
    """Publish several times a second until so many budget alerts are there, and some seconds more."""
    with (
        shop.running("dev", "shop.py", **QUICK) as dev,
        ef.Publisher(f"sqlite:///{shop.folder}/.everfresh/log.db", "test") as publisher,
    ):
        dev.says("deploy 1")
        count, until = 0, time.monotonic() + seconds
        found: list[dict[str, Any]] = []
        while len(found) < rules and time.monotonic() < until:
            for _ in range(10):
                publisher.publish("shop/orders", version=str(count))
                count += 1
                time.sleep(0.2)
            found = alerts(shop)
        assert len(found) == rules, found
        last = len(starts(shop))
        for _ in range(25):
            publisher.publish("shop/orders", version=str(count))
            count += 1
            time.sleep(0.2)
        assert len(starts(shop)) <= last + 1  # what was in flight
        assert "budget 'large' is used up" in shop.typed("explain", "revenue").out
        return found


def test_a_small_budget_throttles_then_pauses_what_runs(tmp_path: Path) -> None:
    hourly(120)
    shop = Shop(tmp_path, app(2.2, 4).replace("thresholds=(100,))", "thresholds=(100,), forecast=False)"))
    found = exercise(shop, 90, rules=2)
    assert [(one["rule"], one["labels"]["budget"]) for one in found] == [
        ("budget.threshold", "small at 100%"),
        ("budget.threshold", "large at 100%"),
    ]
    throttled = instant(found[0]["time"]) / 1_000
    times = starts(shop)
    before = [after - one for one, after in pairwise(times) if after < throttled]
    after = [later - one for one, later in pairwise(times) if one > throttled]
    assert min(after) > max(before[1:])  # promises are four times as long


@pytest.mark.long
def test_the_forecast_comes_before_the_threshold(tmp_path: Path) -> None:
    hourly(300)
    shop = Shop(tmp_path, app(25, 30))
    found = exercise(shop, 280, rules=4)
    order = [(one["rule"], one["labels"]["budget"].split()[0]) for one in found]
    assert order.index(("budget.forecast", "large")) < order.index(("budget.threshold", "small"))
