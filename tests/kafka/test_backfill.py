"""A backfill on a real broker, its roles killed in the middle."""

import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.cli.shop import Shop, eventually
from tools.kafka.broker import Broker

APP = """
import asyncio

import everfresh as ef

app = ef.App("shop", store=ef.JsonStore("store"))
days = ef.Daily("2013-01-01")
rates = app.source("rates")


@app.asset(deps=[rates], partitions=days)
async def first(ctx: ef.Context, rates: ef.Input):
    await asyncio.sleep(0.1)  # so that the kill comes amid runs
    return {"day": ctx.partition}


@app.asset(deps=[first], partitions=days)
async def second(first):
    return first | {"second": True}


@app.asset(deps=[second], partitions=days)
async def third(second):
    return second | {"third": True}
"""
ROLES = ("start", "reactor", "ingress", "worker", "--app", "shop.py")
DAYS = 500
LAST = "2014-05-15"


@pytest.mark.kafka
@pytest.mark.timeout(900)  # for machines that have other things to do
def test_five_hundred_days_over_a_chain_of_three_are_made_once_each_though_all_roles_are_killed(
    tmp_path: Path, kafka_broker: Broker
) -> None:
    shop = Shop(tmp_path, APP)
    log = {
        "EVERFRESH_LOG": kafka_broker.url,
        "EVERFRESH_PREFIX": f"{os.urandom(4).hex()}.",
        "EVERFRESH_SESSION_MS": "3s",
        "EVERFRESH_LEASE_MS": "3s",
    }
    shop.ok("deploy", "shop.py", **log)
    shop.ok("publish", "rates", **log)

    def through() -> int:
        (found,) = shop.typed("backfill", "list", "--json", **log).json()
        return int(found["done"] + len(found["failed"]))

    with shop.running(*ROLES, **log) as roles:
        roles.says("worker ready")
        begun = shop.ok("backfill", "start", "third", "--from", "2013-01-01", "--to", LAST, "--slots", "20", **log)
        assert begun.out.endswith(f"of shop/third is running: 0 of {DAYS} partitions right, 20 at once\n")
        assert eventually(lambda: 50 < through() < DAYS)
        assert roles.ended(signal.SIGKILL) == -signal.SIGKILL
    with shop.running(*ROLES, **log):
        assert eventually(lambda: through() == DAYS, seconds=500)
    (found,) = shop.ok("backfill", "list", "--json", **log).json()
    assert (found["status"], found["done"], found["failed"]) == ("done", DAYS, {})
    runs = shop.ok("runs", "--limit", "100000", "--json", **log).json()
    made = Counter((run["asset"], run["partition"]) for run in runs if run["outcome"] in {"materialized", "verified"})
    assert (len(made), set(made.values())) == (3 * DAYS, {1})
    print(f"{len(runs)} attempts for {len(made)} partitions made")
