"""One function that makes several assets: one run, and for each of them a version, checks, readers and a promise."""

import json
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

import everfresh as ef
from everfresh.testing import World
from reactors.causes import FAILING
from reactors.graph import compile_graph
from streams.definitions import AssetDef
from streams.errors import DefinitionError
from streams.policies import Eager, OnDemand, Policy, Within
from tests.core.worlds import FIVE_MINUTES, derived, domain_of, outcomes, said, source, world_of


def several(**policies: Policy) -> list[AssetDef]:
    """d/c reads d/s and makes these."""
    outputs = tuple(f"d/{name}" for name in policies)
    made = [derived(f"d/{name}", "d/c", policy=policy, made_by="d/c") for name, policy in policies.items()]
    return [derived("d/c", "d/s", takes_ms=1_000, outputs=outputs), *made]


def world_with(*readers: AssetDef, **policies: Policy) -> World:
    """These outputs and their readers; everything has run once."""
    world = World(domain_of(source("d/s"), *several(**policies), *readers))
    world.publish("s")
    world.advance("1h")
    return world


def counts(world: World, *assets: str) -> list[int]:
    return [len(world.runs(asset)) for asset in assets]


def test_one_run_makes_all_of_them_whoever_asked() -> None:
    with world_with(a=FIVE_MINUTES, b=OnDemand(), e=Within("2h")) as world:
        assert counts(world, "c", "a", "b", "e") == [1, 1, 1, 1]
        assert {world.state(name)["version"] for name in ("a", "b", "e")} == {world.runs("c")[0].run}
        world.publish("s")
        world.advance("5m")
        assert counts(world, "c", "a", "b", "e") == [2, 2, 2, 2]
        assert {world.state(name)["verdict"] for name in ("a", "b", "e")} == {"fresh"}
        assert said(world, "asset.materialized", "d/b")[1]["covers"] == {"d/s": (2, 2)}


def test_what_a_needed_run_makes_too_is_not_called_unneeded() -> None:
    needed, idle = several(a=FIVE_MINUTES, b=OnDemand()), several(a=OnDemand(), b=OnDemand())
    assert compile_graph(domain_of(source("d/s"), *needed)).unneeded() == []
    assert compile_graph(domain_of(source("d/s"), *idle)).unneeded() == ["d/c", "d/a", "d/b"]


def test_the_tightest_promise_decides_and_nobody_runs_it_twice() -> None:
    with world_with(a=Within("10m"), b=FIVE_MINUTES) as world:
        world.each("1m", 60, lambda _: world.publish("s"))
        world.advance("10m")
        assert counts(world, "c")[0] <= 1 + 13


def test_an_unchanged_output_stops_there_while_the_others_go_on() -> None:
    readers = [derived("d/ra", "d/a", policy=Eager()), derived("d/rb", "d/b", policy=Eager())]
    with world_with(*readers, a=OnDemand(), b=OnDemand()) as world:
        world.unchanged("a")
        world.publish("s")
        world.advance("1m")
        assert outcomes(world, "a")[-1] == "verified"
        assert outcomes(world, "b")[-1] == "materialized"
        assert counts(world, "ra", "rb") == [1, 2]
        assert world.state("ra")["cut"]["d/s"] == 2


def test_a_join_of_two_outputs_reads_both_from_one_run() -> None:
    with world_with(derived("d/j", "d/a", "d/b", policy=FIVE_MINUTES), a=OnDemand(), b=Eager()) as world:
        world.each("7s", 100, lambda _: world.publish("s"))
        world.advance("10m")
        for run in world.runs("j"):
            assert run.inputs["d/a"].cut["d/s"] == run.inputs["d/b"].cut["d/s"]


def test_a_check_holds_back_one_output_and_the_others_are_published() -> None:
    with world_with(derived("d/r", "d/b", policy=Eager()), a=Eager(), b=OnDemand()) as world:
        world.check("b", "fail")
        world.publish("s")
        world.advance("1m")
        assert (world.state("a")["verdict"], world.state("b")["verdict"]) == ("fresh", "quarantined")
        assert world.state("r")["verdict"] == "blocked"
        world.command("release", "b")
        world.advance("1m")
        assert {world.state(name)["verdict"] for name in ("b", "r")} == {"fresh"}
        assert world.state("b")["version"] == world.runs("c")[-1].run


def test_what_was_held_back_is_judged_anew_with_the_next_run() -> None:
    with world_with(a=Eager(), b=Eager()) as world:
        world.check("b", "fail")
        world.publish("s")
        world.advance("1m")
        world.publish("s")
        world.advance("1m")
        assert outcomes(world, "b") == ["materialized", "quarantined", "materialized"]
        assert world.events("everfresh.alert.resolved.v1")[-1]["asset"] == "d/b"


@pytest.mark.parametrize(("outcome", "runs"), [("pass", 2), ("fail", 1)])
def test_what_is_below_a_held_output_can_be_materialized_while_that_is_made_again(outcome: str, runs: int) -> None:
    with world_with(derived("d/r", "d/b", policy=OnDemand()), a=Eager(), b=OnDemand()) as world:
        world.command("materialize", "r")
        world.check("b", "fail")
        world.publish("s")
        world.advance("1m")
        world.check("b", outcome)
        world.command("materialize", "b")
        world.command("materialize", "r")  # its way is held until the run that goes on has ended
        world.advance("1m")
        assert counts(world, "r") == [runs]
        assert world.state("r")["verdict"] == ("fresh" if runs == 2 else "blocked")


def test_checks_of_a_run_that_finds_nothing_new_are_heard_all_the_same() -> None:
    with world_with(a=Eager(), b=Eager()) as world:
        world.unchanged("a")
        world.unchanged("b")
        world.check("b", "fail")
        world.publish("s")
        world.advance("1m")
        assert outcomes(world, "a") == ["materialized", "verified"]
        assert outcomes(world, "b") == ["materialized", "quarantined"]
        assert {one["run"] for one in said(world, "asset.verified", "d/a")} == {world.runs("c")[-1].run}


def test_a_paused_output_takes_what_was_made_meanwhile_once_it_is_resumed_without_a_run() -> None:
    with world_with(a=Eager(), b=Eager()) as world:
        world.command("pause", "b")
        world.publish("s")
        world.advance("1m")
        assert world.state("b")["cut"]["d/s"] == 1
        world.command("resume", "b")
        world.advance("1m")
        assert world.state("b")["cut"]["d/s"] == 2
        assert counts(world, "c") == [2]


def test_a_computation_that_fails_blocks_each_of_its_outputs_and_alerts_once() -> None:
    with world_with(a=Eager(), b=FIVE_MINUTES) as world:
        world.fails("a", times=10)
        world.publish("s")
        world.advance("1m")
        assert [world.state(name)["verdict"] for name in ("c", "a", "b")] == ["failing", "blocked", "blocked"]
        opened = world.events("everfresh.alert.opened.v1")
        assert [one["asset"] for one in opened if one["rule"] == FAILING] == ["d/c"]


def test_to_materialize_an_output_is_to_run_its_computation() -> None:
    with world_with(a=Eager(), b=OnDemand()) as world:
        world.command("materialize", "b")
        world.advance("1m")
        assert counts(world, "c", "a", "b") == [2, 2, 2]
        assert "materialize was commanded by world" in world.runs("b")[-1].reason


def test_a_deploy_that_adds_an_output_runs_it_again_and_one_that_takes_it_away_forgets_it() -> None:
    with world_with(a=Eager()) as world:
        world.deploy(domain_of(source("d/s"), *several(a=Eager(), b=Eager())))
        world.advance("1m")
        assert counts(world, "c") == [2]
        assert world.state("b")["verdict"] == "fresh"
        world.deploy(domain_of(source("d/s"), *several(b=Eager())))
        world.advance("1m")
        assert world.state("b")["verdict"] == "fresh"


def test_an_asset_may_become_an_output_and_become_itself_again() -> None:
    alone = domain_of(source("d/s"), derived("d/a", "d/s", policy=Eager()))
    with World(alone) as world:
        for manifest in (alone, domain_of(source("d/s"), *several(a=Eager(), b=OnDemand())), alone):
            world.deploy(manifest)
            world.publish("s")
            world.advance("1m")
            assert world.state("a")["verdict"] == "fresh"
        assert [made_by for made_by, _ in groupby(run.made_by for run in world.runs("a"))] == ["", "d/c", ""]


def test_crashes_change_nothing_of_what_is_published() -> None:
    def played(*crashes: int) -> list[dict[str, Any]]:
        world = world_with(derived("d/j", "d/a", "d/b", policy=FIVE_MINUTES), a=Eager(), b=OnDemand())
        for turn in range(20):
            world.publish("s")
            if turn in crashes:
                world.crash()
                world.restart()
            if turn == 7:
                world.check("b", "fail")
            world.advance("20s")
        return world.events("everfresh.asset.*")

    assert played(3, 7, 8, 12) == played()


@pytest.mark.parametrize(
    ("policies", "due"),
    [
        ({"a": Eager().on_missing(), "b": OnDemand()}, 0),
        ({"a": OnDemand().on_missing(), "b": OnDemand()}, 0),
        ({"a": Within("1h"), "b": OnDemand()}, 3_500),
    ],
)
def test_promises_of_outputs_are_like_any_other(policies: dict[str, Policy], due: int) -> None:
    with World(domain_of(source("d/s"), *several(**policies))) as world:
        world.publish("s")
        begin = world.clock
        world.advance("2h")
        assert due <= (world.runs("c")[0].granted_at - begin) / 1_000 <= due + 100


def test_an_output_may_require_all_inputs_of_its_computation() -> None:
    made = derived("d/a", "d/c", policy=Eager().require("all"), made_by="d/c")
    world = world_of(source("d/s"), source("d/t"), derived("d/c", "d/s", "d/t", outputs=("d/a",)), made)
    for key in ("s", "t", "s"):
        world.publish(key)
        world.advance("1m")
    assert counts(world, "c") == [1]
    world.publish("t")
    world.advance("1m")
    assert counts(world, "c") == [2]


def shop(tmp_path: Path) -> ef.App:
    app = ef.App("shop", store=ef.JsonStore(f"file://{tmp_path}/store"))
    orders = app.source("orders", load=lambda read: [3, -1, 4, -1 if read.version == "1" else -5])

    @app.assets(outputs={"kept": ef.Eager(), "refused": ef.OnDemand()}, deps=[orders], owner="sales")
    async def sifted(orders: list[int]) -> dict[str, Any]:
        refused = [one for one in orders if one <= 0]
        return {"kept": [one for one in orders if one > 0], "refused": ef.Output(refused, metadata={"n": len(refused)})}

    @app.asset(deps={"some": sifted["refused"]}, freshness=ef.Eager())
    async def worst(some: list[int]) -> int:
        return min(some)

    @app.check(sifted["kept"], blocking=True)
    def is_positive(kept: list[int]) -> bool:
        return all(one > 0 for one in kept)

    return app


def value(world: World, asset: str) -> Any:
    return json.loads(Path(world.state(asset)["uri"].removeprefix("file://")).read_text())


def test_a_function_returns_each_of_its_assets_and_each_is_stored_and_checked_by_itself(tmp_path: Path) -> None:
    with World(shop(tmp_path), compute=True) as world:
        world.publish("orders", version="1")
        world.advance("1s")
        assert (value(world, "kept"), value(world, "refused"), value(world, "worst")) == ([3, 4], [-1, -1], -1)
        world.publish("orders", version="2")
        world.advance("1s")
        assert [run.outcome for run in world.runs("kept")] == ["materialized", "verified"]
        assert (value(world, "refused"), value(world, "worst")) == ([-1, -5], -5)
        assert [one["check"] for one in said(world, "check.evaluated", "shop/kept")] == ["is_positive"] * 2
        assert [one["resource"] for one in said(world, "cost.incurred", "shop/sifted")].count("written") == 2


def test_its_function_is_called_like_any_other_and_its_assets_are_named_by_it(tmp_path: Path) -> None:
    app = ef.App("shop")

    @app.assets(outputs=["a", "b"])
    def both() -> dict[str, int]:
        return {"a": 1, "b": 2}

    assert both() == {"a": 1, "b": 2}
    assert both["b"].key == "shop/b"
    with pytest.raises(KeyError, match="'shop/both' makes no 'c'; it makes a, b"):
        both["c"]


def test_a_program_makes_several_assets(tmp_path: Path) -> None:
    app = ef.App("shop", store=ef.FileStore(f"file://{tmp_path}/store"))
    orders = app.source("orders", exists=True)
    code = (
        "import json, os, pathlib; there = pathlib.Path(os.environ['EVERFRESH_OUTPUT']);"
        "part = there.with_name('part'); part.write_text('hello');"
        "there.write_text(json.dumps({'outputs': {'a': {'path': str(part)}, 'b': {'version': '7'}}}))"
    )
    built = app.command("build", [sys.executable, "-c", code], deps=[orders], outputs=["a", "b"], freshness=ef.Eager())
    with World(app, compute=True) as world:
        world.publish("orders")
        world.advance("1s")
        assert Path(world.state(built["a"])["uri"].removeprefix("file://")).read_text() == "hello"
        assert world.state("b")["version"] == "7"


@pytest.mark.parametrize(
    ("returned", "wrong"),
    [
        ([1, 2], "it makes a, b, so it returns a dict from each name to its value, not a list"),
        ({"a": 1}, "it returned nothing for its output 'b'"),
        ({"a": 1, "b": 2, "c": 3}, "it returned 'c', which is none of its outputs; it makes a, b"),
        ({"a": 1, "bb": 2}, "it returned 'bb', which is none of its outputs; did you mean 'b'?"),
        ({"a": None, "b": 1}, "output 'a': it returned None, and its store waits for a value"),
    ],
)
def test_what_it_returns_is_read_strictly(tmp_path: Path, returned: Any, wrong: str) -> None:
    app = ef.App("shop", store=ef.JsonStore(f"file://{tmp_path}/store"))

    @app.assets(outputs=["a", "b"], freshness=ef.Eager(), retry=ef.Retry(0))
    async def both() -> Any:
        return returned

    with World(app, compute=True) as world:
        world.advance("1m")
        (ended,) = said(world, "run.ended", "shop/both")
        assert wrong in ended["reason"]
        assert world.runs("a") == []


def declared(**options: Any) -> None:
    app = ef.App("shop")
    orders = app.source("orders")

    @app.assets(**{"outputs": ["a", "b"], "deps": [orders], **options})
    def both(orders: ef.Input) -> None: ...


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ({"outputs": []}, "computation 'shop/both': outputs names no asset"),
        (
            {"outputs": "a"},
            "computation 'shop/both': outputs is a list of names, or a dict from name to policy, not 'a'",
        ),
        ({"outputs": ["a", "a"]}, "computation 'shop/both': outputs names an asset twice"),
        ({"outputs": ["both"]}, "two assets are called 'shop/both'; rename one"),
        ({"outputs": ["a/b"]}, "'a/b' can't be an asset's name"),
        ({"outputs": {"a": ef.Manual()}}, "its output 'a' can't be Manual, it is made with the others"),
        ({"outputs": {"a": ef.Eager()}, "freshness": ef.Eager()}, "say freshness= once for all of its outputs, or"),
        (
            {"outputs": {"a": ef.Eager().at_most_every("1m"), "b": ef.Eager()}},
            ".at_most_every(…) has to be the same for each",
        ),
        ({"freshnes": ef.Eager()}, "assets(…) has no option 'freshnes' (did you mean 'freshness'?)"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(options: dict[str, Any], refused: str) -> None:
    with pytest.raises(DefinitionError) as error:
        declared(**options)
    assert refused in str(error.value)


def test_a_computation_is_no_asset_to_read_or_to_ask_about() -> None:
    app = ef.App("shop")

    @app.assets(outputs=["a", "b"])
    def both() -> dict[str, int]:
        return {"a": 1, "b": 2}

    with pytest.raises(DefinitionError, match="that makes several assets; ask about one of them: 'shop/a', 'shop/b'"):
        app.check(both)(lambda both: True)

    @app.asset(deps={"read": both})
    def reader(read: ef.Input) -> None: ...

    with pytest.raises(DefinitionError, match="'shop/reader' reads the computation 'shop/both'; read what it makes"):
        World(app)
