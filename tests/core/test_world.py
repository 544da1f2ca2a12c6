"""What a World promises those who test their app with it: their mistakes in a sentence, and their functions run."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

import everfresh as ef
from everfresh.testing import World
from tests.core.worlds import FIVE_MINUTES, derived, domain_of, source


def shop(store: Path) -> ef.App:
    """orders → revenue, which is loaded and added up → report, which is async; revenue is checked."""
    app = ef.App("shop", store=ef.JsonStore(str(store)))

    def read_orders(wanted: ef.Input) -> list[int]:
        return [int(part) for part in (wanted.version or "").split("+")]

    orders = app.source("orders", load=read_orders)

    @app.asset(deps=[orders], takes="30s", retry=ef.Retry(1, delay="1s"))
    def revenue(orders: list[int]) -> int:
        return sum(orders)

    @app.asset(deps=[revenue], freshness=ef.Within("5m"))
    async def report(revenue: int, ctx: ef.Context) -> str:
        await asyncio.sleep(0)
        ctx.report_cost("mails", 1)
        return f"{revenue} in all"

    @app.check(revenue, blocking=True)
    def not_below_zero(revenue: int) -> bool:
        return revenue >= 0

    return app


@pytest.fixture
def app(tmp_path: Path) -> ef.App:
    return shop(tmp_path / "store")


def value_at(world: World, asset: str) -> object:
    """What the version of an asset holds, read from where it lies."""
    return ef.JsonStore("elsewhere").load(world.state(asset)["uri"], "json")


# functions that really run


def test_functions_run_on_what_the_store_and_load_read_and_their_results_are_kept(app: ef.App) -> None:
    with World(app, compute=True) as world:
        world.publish("orders", version="40+2")
        world.advance("1h")
        assert (value_at(world, "revenue"), value_at(world, "report")) == (42, "42 in all")


def test_a_computed_run_takes_as_long_as_was_said_whatever_it_took(app: ef.App) -> None:
    with World(app, compute=True) as world:
        world.publish("orders", version="1")
        world.advance("1h")
        (run,) = world.runs("revenue")
        assert (run.finished_at or 0) - (run.started_at or 0) == 30_000
        costs = {one["resource"]: one["quantity"] for one in world.events("everfresh.cost.*") if one["run"] == run.run}
        assert costs["wall"] == 30


def test_an_equal_result_is_verified_and_nothing_downstream_runs(app: ef.App) -> None:
    with World(app, compute=True) as world:
        for version in ("1+2", "2+1"):
            world.publish("orders", version=version)
            world.advance("1h")
        assert [run.outcome for run in world.runs("revenue")] == ["materialized", "verified"]
        assert len(world.runs("report")) == 1


def test_checks_are_asked_and_a_bad_version_is_held_back(app: ef.App) -> None:
    with World(app, compute=True) as world:
        world.publish("orders", version="-1")
        world.advance("1h")
        assert world.state("revenue")["verdict"] == "quarantined"
        world.publish("orders", version="1")
        world.advance("1h")
        assert value_at(world, "report") == "1 in all"


def test_what_a_function_raises_is_a_failed_attempt_with_its_sentence(app: ef.App) -> None:
    with World(app, compute=True) as world:
        world.publish("orders", version="many")
        world.advance("1h")
        first, second = world.runs("revenue")[:2]
        assert (first.outcome, second.attempt) == ("failed", 2)
        assert "loading 'shop/orders': ValueError: invalid literal" in world.state("revenue")["reason"]


def test_what_a_test_tells_goes_before_what_is_computed(app: ef.App) -> None:
    with World(app, compute=True) as world:
        world.publish("orders", version="1")
        world.advance("1h")
        world.fails("revenue", times=1)
        world.unchanged("revenue")
        world.publish("orders", version="2")
        world.advance("1h")
        assert [run.outcome for run in world.runs("revenue")] == ["materialized", "failed", "verified"]
        world.check("revenue", "fail")
        world.publish("orders", version="3")
        world.advance("1h")
        assert world.state("revenue")["verdict"] == "quarantined"


def test_async_functions_share_one_loop_as_they_do_in_a_worker() -> None:
    app, loops = ef.App("shop"), []
    orders = app.source("orders")

    @app.asset(deps=[orders], freshness=ef.Eager())
    async def revenue(orders: ef.Input) -> None:
        loops.append(asyncio.get_running_loop())

    with World(app, compute=True) as world:
        world.each("1m", 2, lambda _: world.publish(orders))
    assert len(loops) == 2
    assert loops[0] is loops[1]
    assert loops[0].is_closed()


def test_an_attempt_runs_the_code_that_it_was_granted_for() -> None:
    ran = []

    def version(code: str) -> ef.App:
        app = ef.App("shop")
        app.source("orders")

        @app.asset(deps=["orders"], freshness=ef.Eager(), takes="1m", code_version=code)
        def revenue(orders: ef.Input) -> None:
            ran.append(code)

        return app

    with World(version("1"), compute=True) as world:
        world.publish("orders")
        world.advance("30s")
        world.deploy(version("2"))
        world.advance("10m")
    assert ran == ["1", "2"]


def test_a_program_is_run_with_its_inputs(tmp_path: Path) -> None:
    app = ef.App("shop")
    app.source("orders")
    app.command("docs", ["cp", "/dev/null", str(tmp_path / "docs.html")], deps=["orders"], freshness=ef.Eager())
    with World(app, compute=True) as world:
        world.publish("orders")
        world.advance("1m")
        assert [run.outcome for run in world.runs("docs")] == ["materialized"]
    assert (tmp_path / "docs.html").exists()


def test_nothing_is_computed_unless_it_is_asked_for(app: ef.App, tmp_path: Path) -> None:
    with World(app) as world:
        world.publish("orders", version="many")
        world.advance("1h")
        assert [run.outcome for run in world.runs("revenue")] == ["materialized"]
    assert not (tmp_path / "store").exists()


def test_a_manifest_holds_no_functions_to_run() -> None:
    with pytest.raises(ef.errors.DefinitionError, match=r"^the manifest of 'd' holds no functions to run; give World"):
        World(domain_of(source("d/s"), derived("d/a", "d/s", policy=FIVE_MINUTES)), compute=True)


async def test_a_world_that_computes_says_that_it_would_hold_up_a_loop(app: ef.App) -> None:
    with World(app, compute=True) as world:
        world.publish("orders", version="1")
        with pytest.raises(RuntimeError, match=r"^a World that computes would hold up the event loop it is in"):
            world.advance("1h")


# durations, names, seeds


def test_a_run_takes_what_the_app_declares_unless_the_world_says_otherwise(app: ef.App) -> None:
    with World(app) as world:
        world.publish("orders")
        world.advance("1h")
        world.takes("revenue", "2s")
        world.publish("orders")
        world.advance("1h")
        assert [(run.finished_at or 0) - (run.started_at or 0) for run in world.runs("revenue")] == [30_000, 2_000]


def test_an_asset_is_named_by_its_key_its_short_name_or_what_declared_it() -> None:
    app = ef.App("shop")
    orders = app.source("orders")

    @app.asset(deps=[orders], freshness=ef.Eager())
    def revenue(orders: object) -> None: ...

    with World(app) as world:
        world.publish(orders)
        world.advance("1m")
        assert world.runs(revenue) == world.runs("revenue") == world.runs("shop/revenue") != []


def test_what_is_declared_no_more_keeps_its_runs(app: ef.App) -> None:
    with World(app) as world:
        world.publish("orders")
        world.advance("1h")
        smaller = ef.App("shop")
        smaller.source("orders")
        world.deploy(smaller)
        assert len(world.runs("revenue")) == 1
        with pytest.raises(ef.errors.DefinitionError, match="nobody declares 'shop/revenue'"):
            world.state("revenue")


def test_a_seed_gives_other_ids_and_equal_seeds_give_equal_events(app: ef.App) -> None:
    def played(seed: int) -> list[str]:
        with World(app, seed=seed) as world:
            world.publish("orders")
            world.advance("1h")
            return [run.run for run in world.runs()]

    assert played(1) == played(1) != played(2)
    assert not set(played(1)) & set(played(2))


def test_a_worker_that_is_killed_loses_its_attempts(app: ef.App) -> None:
    with World(app) as world:
        world.takes("revenue", "10m")
        world.publish("orders")
        world.advance("1m")
        world.advance("4m")
        assert world.runs("revenue")[0].outcome is None
        world.kill_worker()
        world.advance("1h")
        assert [run.outcome for run in world.runs("revenue")] == ["lost", "materialized"]


# mistakes

Mistake = Callable[[World], object]

MISSPELT: tuple[Mistake, ...] = (
    lambda world: world.takes("shop/revenu", "1s"),
    lambda world: world.fails("shop/revenu"),
    lambda world: world.check("shop/revenu", "fail"),
    lambda world: world.unchanged("shop/revenu"),
    lambda world: world.command("pause", "shop/revenu"),
    lambda world: world.state("shop/revenu"),
    lambda world: world.runs("shop/revenu"),
    lambda world: world.runs("revenu"),
)


@pytest.mark.parametrize("mistake", MISSPELT)
def test_an_asset_that_nobody_declares_is_refused_with_what_may_be_meant(mistake: Mistake, app: ef.App) -> None:
    with World(app) as world, pytest.raises(ef.errors.DefinitionError) as raised:
        mistake(world)
    assert str(raised.value) == "nobody declares 'shop/revenu'; did you mean 'shop/revenue'?"


def test_a_source_has_no_runs_to_tell_about(app: ef.App) -> None:
    for mistake in (World.fails, World.state, World.unchanged):
        with World(app) as world, pytest.raises(ef.errors.DefinitionError, match="'shop/orders' is a source: nobody"):
            mistake(world, "orders")


REFUSED: dict[str, tuple[Mistake, type[Exception], str]] = {
    "source": (
        lambda world: world.publish("ordrs"),
        ef.errors.BadEvent,
        "nobody declares 'shop/ordrs'; did you mean 'shop/orders'?",
    ),
    "count": (
        lambda world: world.publish("orders", count="x"),
        ef.errors.BadEvent,
        "change of 'shop/orders': 'count': ",
    ),
    "field": (
        lambda world: world.publish("orders", dta_time="2026-01-01T00:00:00Z"),
        ef.errors.BadEvent,
        "a change has no 'dta_time'; it has version, ",
    ),
    "data_time": (
        lambda world: world.publish("orders", data_time="today"),
        ef.errors.BadEvent,
        "change of 'shop/orders': data_time: 'today' is no moment",
    ),
    "outcome": (
        lambda world: world.check("revenue", "perhaps"),
        ef.errors.DefinitionError,
        "no check comes out as 'perhaps'; there are pass, fail, error, skip",
    ),
    "command": (
        lambda world: world.command("stop", "revenue"),
        ef.errors.DefinitionError,
        "there is no command 'stop'; there are pause, ",
    ),
    "advance": (lambda world: world.advance(-5), ValueError, "-5 is below zero; write a duration like '30s'"),
    "takes": (lambda world: world.takes("revenue", -1), ValueError, "-1 is below zero; write a duration like '30s'"),
    "slots": (lambda world: world.slots(0), ValueError, "slots is a whole number from 1, not 0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_is_refused_in_one_sentence_and_changes_nothing(name: str, app: ef.App) -> None:
    mistake, kind, sentence = REFUSED[name]
    with World(app) as world:
        before = len(world.journal)
        with pytest.raises(kind) as raised:
            mistake(world)
        assert str(raised.value).startswith(sentence)
        assert "\n" not in str(raised.value)
        assert len(world.journal) == before
