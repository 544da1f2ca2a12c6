"""The promises of test_promises.py in virtual time: the same fold, to the millisecond."""

import everfresh as ef
from everfresh import App
from everfresh.policies import Eager
from everfresh.testing import World
from streams.policies import Policy
from tests.checker import check, read


def alone(policy: Policy) -> App:
    """orders → revenue, which nobody else asks for."""
    app = App("shop")
    app.source("orders")

    @app.asset(deps=["orders"], freshness=policy, takes="200ms")
    async def revenue(orders: ef.Input) -> None: ...

    return app


def row() -> App:
    """orders → revenue → report."""
    app = alone(Eager())

    @app.asset(deps=["revenue"], freshness=Eager(), takes="10ms")
    async def report(revenue: ef.Input) -> None: ...

    return app


def diamond() -> App:
    """a → b → d and a → c1 → c2 → d."""
    app = App("dia")
    app.source("a")

    @app.asset(deps=["a"], takes="100ms")
    async def b(a: ef.Input) -> None: ...

    @app.asset(deps=["a"], takes="400ms")
    async def c1(a: ef.Input) -> None: ...

    @app.asset(deps=["c1"], takes="300ms")
    async def c2(c1: ef.Input) -> None: ...

    @app.asset(deps=["b", "c2"], freshness=Eager(), takes="100ms")
    async def d(b: ef.Input, c2: ef.Input) -> None: ...

    return app


def assert_sound(world: World) -> None:
    report = check(read(world.exported()), quiet=True)
    assert not report.violations, "\n".join(map(str, report.violations))
    assert not report.is_empty


def test_an_update_that_lands_while_its_child_runs_is_never_lost() -> None:
    with World(row()) as world:
        world.publish("shop/orders", version="1")
        world.advance("100ms")
        world.publish("shop/orders", version="2")
        world.advance("1m")
        assert [run.cut["shop/orders"] for run in world.runs("shop/revenue")] == [1, 2]
        assert world.state("shop/report")["cut"]["shop/orders"] == 2
        assert_sound(world)


def test_a_join_runs_once_a_wave_and_never_on_mixed_cuts_while_updates_come_half_a_second_apart() -> None:
    with World(diamond()) as world:
        world.each("500ms", 10, lambda number: world.publish("dia/a", version=str(number)))
        world.advance("1m")
        runs = world.runs("dia/d")
        assert len({run.wave for run in runs}) == len(runs) <= 10
        for run in runs:
            assert [run.inputs[name].cut["dia/a"] for name in ("dia/b", "dia/c2")] == [run.cut["dia/a"]] * 2
        assert world.state("dia/d")["cut"]["dia/a"] == 10
        assert_sound(world)


def test_a_recompute_with_an_equal_fingerprint_runs_nothing_downstream() -> None:
    with World(row()) as world:
        world.publish("shop/orders", version="1")
        world.advance("1m")
        world.unchanged("shop/revenue")
        world.publish("shop/orders", version="2")
        world.advance("1m")
        assert [run.outcome for run in world.runs("shop/revenue")] == ["materialized", "verified"]
        assert len(world.runs("shop/report")) == 1
        (moved,) = [one for one in world.events("everfresh.asset.verified.v1") if one["asset"] == "shop/report"]
        assert moved["run"] is None
        assert moved["cut"]["shop/orders"] == 2
        assert_sound(world)


def burst(policy: Policy) -> int:
    """Runs for 100 updates in 2 seconds on an asset that takes 0.2 s."""
    with World(alone(policy)) as world:
        world.takes("shop/revenue", "200ms")
        world.each("20ms", 100, lambda number: world.publish("shop/orders", version=str(number)))
        world.advance("1m")
        assert world.state("shop/revenue")["cut"]["shop/orders"] == 100
        assert_sound(world)
        return len(world.runs("shop/revenue"))


def test_a_burst_on_an_eager_asset_takes_few_runs_and_ends_with_the_last_update() -> None:
    assert 5 <= burst(Eager()) <= 11


def test_a_burst_on_a_quiet_asset_takes_one_run_or_two() -> None:
    assert 1 <= burst(Eager(quiet="1s")) <= 2
