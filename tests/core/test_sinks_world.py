"""What the sinks make of the fold's own outputs, as they travel."""

from collections import Counter

import orjson
import pytest

import everfresh as ef
from everfresh.testing import World
from sinks.lines import line
from sinks.metrics import Board
from streams.cloudevents import Envelope
from streams.topics import Topics

PROMISE_MS = 300_000


def shop() -> ef.App:
    app = ef.App("shop")
    orders = app.source("orders")

    @app.asset(deps=[orders], freshness=ef.Within("5m"), retry=ef.Retry(1, delay="1s"))
    def daily(orders: object) -> None: ...

    @app.check(daily, blocking=True)
    def good(daily: object) -> None: ...

    @app.asset(deps=[daily], freshness=ef.Within("30m"))
    def report(daily: object) -> None: ...

    return app


@pytest.fixture
def world() -> World:
    """Everything that can happen to a run, and an asset that stays overdue at the end."""
    world = World(shop(), seed=3)
    for step in ("", "unchanged", "fails", "check"):
        if step == "check":
            world.check("shop/daily", "fail")
        elif step:
            getattr(world, step)("shop/daily", times=1)
        world.publish("shop/orders")
        world.advance("1h")
    return world


def outputs(world: World) -> list[Envelope]:
    topics = Topics()
    told = {topics.materializations, topics.freshness, topics.checks, topics.costs, topics.alerts, topics.dead_letters}
    names = {topic.name for topic in told}
    return [orjson.loads(orjson.dumps(one["event"])) for one in world.exported() if one["topic"] in names]


def read(board: Board, name: str, *labels: str, now_ms: int = 0) -> object:
    return {family.name: dict(family.rows) for family in board.families(now_ms)}[name].get(labels)


def test_each_output_of_a_real_fold_becomes_a_line(world: World) -> None:
    said = [line(one) for one in outputs(world)]
    assert len({one.what.split()[0] for one in said}) >= 8
    assert not [one for one in said if "can't be read" in one.why]


def test_runs_are_counted_as_the_fold_counts_them(world: World) -> None:
    board = Board()
    for one in outputs(world):
        board.take(one)
    ended = Counter(run.outcome for run in world.runs() if run.outcome)
    assert ended.keys() >= {"materialized", "verified", "failed", "quarantined"}
    assert {outcome: read(board, "everfresh_runs_total", outcome) for outcome in ended} == ended


def test_staleness_and_alerts_are_the_folds_own(world: World) -> None:
    board = Board()
    for one in outputs(world):
        board.take(one)
    for asset in ("shop/daily", "shop/report"):
        lag_ms = world.state(asset)["lag"]
        assert read(board, "everfresh_asset_staleness_seconds", asset, now_ms=world.clock) == lag_ms / 1_000
    assert read(board, "everfresh_asset_promise_seconds", "shop/daily") == PROMISE_MS / 1_000
    opened = sum(one["type"] == "everfresh.alert.opened.v1" for one in outputs(world))
    resolved = sum(one["type"] == "everfresh.alert.resolved.v1" for one in outputs(world))
    assert read(board, "everfresh_alerts_firing", "error") == opened - resolved > 0
