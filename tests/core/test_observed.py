"""Sources that can't publish: a function looks at them as promises ask, and what it finds unchanged stops there."""

from itertools import pairwise
from typing import Any

import pytest

import everfresh as ef
from everfresh.testing import World
from reactors.state import Node
from streams.definitions import AssetDef
from streams.errors import DefinitionError
from streams.partitions import Windows
from streams.policies import Cron, Eager, OnDemand, Within
from tests.core.worlds import DAY, FIVE_MINUTES, MINUTE, derived, domain_of, observed, outcomes, source, verdicts


def looked_at(*assets: AssetDef, hours: int = 0) -> World:
    world = World(domain_of(*assets))
    world.advance(hours * 60 * MINUTE)
    return world


def gaps(world: World, asset: str) -> list[int]:
    """Minutes between the starts of its runs, rounded."""
    at = [run.granted_at for run in world.runs(asset)]
    return [round((after - before) / MINUTE) for before, after in pairwise(at)]


def planned(world: World, key: str) -> Node:
    """A node for which a wave is at work."""
    assert world.domain is not None
    assert world.domain.state.nodes[key].requests
    return world.domain.state.nodes[key]


def test_a_source_is_looked_at_as_seldom_as_the_promise_below_allows() -> None:
    with looked_at(observed("d/x"), derived("d/a", "d/x", policy=FIVE_MINUTES), hours=10) as world:
        assert set(gaps(world, "x")) == {5}
        assert len(world.runs("a")) == 1
        assert len(world.runs("x")) == 120
        assert world.events("everfresh.alert.*") == []


def test_what_changed_outside_is_taken_in_by_the_promises_end() -> None:
    with looked_at(
        observed("d/x", takes_ms=10_000), derived("d/a", "d/x", policy=FIVE_MINUTES, takes_ms=20_000)
    ) as world:
        for turn in range(40):
            world.advance(f"{7 + turn * 13 % 11}m")
            world.publish("x", version=f"v{turn}")
            world.advance("5m")
            assert world.runs("a")[-1].inputs["d/x"].version == f"v{turn}"
            assert world.state("a")["lag"] <= 5 * MINUTE
        assert len(world.runs("a")) == 41


def test_a_look_that_finds_nothing_new_runs_nothing_and_leaves_all_fresh() -> None:
    with looked_at(observed("d/x"), derived("d/a", "d/x", policy=FIVE_MINUTES), hours=2) as world:
        assert set(outcomes(world, "x")[1:]) == {"verified"}
        assert verdicts(world, "d/a")[-1] == "fresh"
        assert world.state("a")["reason"] == "nothing new was found when its source was last looked at"


def test_an_eager_reader_goes_along_with_others_looks_and_asks_for_none() -> None:
    assets = [observed("d/x", Within("10m")), derived("d/m", "d/x"), derived("d/a", "d/m", policy=Eager())]
    with looked_at(*assets, hours=5) as world:
        assert len(world.runs("a")) == 1
        assert set(gaps(world, "x")[1:]) == {10}
        world.publish("x")
        world.advance("10m")
        assert len(world.runs("a")) == 2


def test_an_eager_partition_that_lookback_leaves_out_goes_along_with_no_look() -> None:
    days = Windows(unit="day", first="2025-12-01", tz="UTC")
    eager = derived("d/a", "d/x", "d/s", policy=Eager(newest=1), partitions=days)
    reader = derived("d/b", "d/x", policy=Within("1h"))
    with looked_at(observed("d/x"), source("d/s", partitions=days), eager, reader) as world:
        for day in ("2025-12-30", "2026-01-01"):
            world.publish("d/s", partition=day)
        world.advance("2h")
        world.publish("x")
        world.advance("2h")
        assert [run.partition for run in world.runs("a")] == ["2026-01-01"] * 2


def test_what_reads_an_eager_reader_hears_of_a_look_while_a_wave_is_at_work_for_it() -> None:
    ignoring = derived("d/m", "d/x", "d/y", policy=OnDemand().ignore("d/x"), takes_ms=60_000)
    eager = derived("d/a", "d/m", "d/y", policy=Eager())
    promised = derived("d/n", "d/a", policy=Within("30m"))
    with looked_at(observed("d/x"), observed("d/y"), ignoring, eager, promised, hours=2) as world:
        looks = world.runs("y")
        world.publish("y")
        while len(world.runs("y")) == len(looks):
            world.advance("1s")
        assert planned(world, "d/n").since == world.runs("y")[-1].granted_at


def test_what_is_held_back_isnt_looked_at_more_often_for_that() -> None:
    made = derived("d/a", "d/c", policy=Within("30m"), made_by="d/c")
    computation = derived("d/c", "d/x", outputs=("d/a",))
    with looked_at(observed("d/x"), computation, made, hours=2) as world:
        world.check("a", "fail")
        world.publish("x")
        world.advance("1h")
        assert world.state("a")["verdict"] == "quarantined"
        before = len(world.runs("x"))
        world.advance("10h")
        assert len(world.runs("x")) - before <= 21
        world.publish("x")
        world.advance("30m")
        assert world.state("a")["verdict"] == "fresh"


@pytest.mark.parametrize(("promise", "seconds", "most"), [("30m", 1_800, 3), ("2m", 120, 20), ("90s", 90, 2)])
def test_no_source_is_looked_at_without_a_pause(promise: str, seconds: int, most: int) -> None:
    """After one run that took hours; where a promise is as tight as can be; and where it can't be kept."""
    with looked_at(observed("d/x"), derived("d/a", "d/x", policy=Within(promise), takes_ms=MINUTE)) as world:
        for took in ("1m", "3h" if promise == "30m" else "1m", "1m"):
            world.takes("a", took)
            world.publish("x")
            world.advance("4h")
        before = len(world.runs("x"))
        world.advance("2h")
        assert 0 < len(world.runs("x")) - before <= most * 7_200 // seconds + 1


def test_one_that_is_hopelessly_slow_has_nobody_look_without_a_pause_where_slots_are_few() -> None:
    readers = [derived(f"d/{key}", f"d/{source}", policy=Within("30m")) for key, source in ("ax", "by", "cy")]
    with looked_at(observed("d/x"), observed("d/y"), *readers) as world:
        world.slots(1)
        for key in ("x", "y", "a", "b"):
            world.takes(key, "2s")
        world.takes("c", "24h")
        world.advance("30h")
        before = len(world.runs("x")), len(world.runs("y"))
        world.advance("10h")
        assert 0 < len(world.runs("x")) - before[0] <= 21
        assert 0 < len(world.runs("y")) - before[1] <= 61


def test_an_output_that_requires_all_hears_of_a_change_past_a_look_while_a_wave_is_at_work_for_it() -> None:
    joins = derived("d/m", "d/s", "d/x", policy=OnDemand(), takes_ms=MINUTE)
    computation = derived("d/c", "d/m", policy=OnDemand(), outputs=("d/a",))
    output = derived("d/a", "d/c", policy=Eager().require("all"), made_by="d/c")
    with looked_at(source("d/s"), observed("d/x"), joins, computation, output) as world:
        world.takes("m", "1m")
        world.publish("s")
        world.advance("2m")
        world.publish("s")
        world.advance("30s")  # the look came after the wave's cut
        world.publish("s")
        assert planned(world, "d/a").since == world.clock


def test_what_became_right_below_a_paused_asset_blocks_its_own_readers_no_longer() -> None:
    seldom = derived("d/b", "d/a", policy=Eager(), takes_ms=20 * MINUTE)
    assets = [observed("d/x", Within("10m")), derived("d/a", "d/x", policy=Eager()), seldom, derived("d/c", "d/b")]
    with looked_at(*assets) as world:
        world.takes("b", "20m")
        world.command("materialize", "b")
        world.command("pause", "a")
        world.advance("15m")
        assert world.state("c")["verdict"] == "blocked"
        world.advance("10m")
        assert [world.state(name)["verdict"] for name in ("b", "c")] == ["fresh", "stale"]


def test_an_eager_reader_hears_of_its_other_inputs_at_once() -> None:
    assets = [source("d/s"), observed("d/x", Within("10m")), derived("d/a", "d/x", "d/s", policy=Eager())]
    with looked_at(*assets) as world:
        world.publish("s")
        world.advance("1h")
        for _ in range(5):
            world.advance("3m")
            begin = world.clock
            world.publish("s")
            world.advance("1s")
            assert world.runs("a")[-1].granted_at == begin


def test_a_cron_reader_has_it_looked_at_each_tick() -> None:
    with looked_at(observed("d/x"), derived("d/a", "d/x", policy=Cron(expression="0 6 * * *")), hours=24 * 4) as world:
        assert [run.granted_at % DAY for run in world.runs("x")] == [6 * 60 * MINUTE] * 4


def test_what_only_eager_assets_read_is_never_looked_at_and_that_is_said() -> None:
    with looked_at(observed("d/x"), derived("d/a", "d/x", policy=Eager()), hours=2) as world:
        assert len(world.runs("x")) == 1  # for the first version of its reader
        assert world.domain is not None
        assert world.domain.graph.unneeded() == ["d/x"]


def test_a_join_of_two_readers_sees_one_look() -> None:
    assets = [
        observed("d/x"),
        derived("d/a", "d/x", takes_ms=1_000),
        derived("d/b", "d/x", takes_ms=7_000),
        derived("d/j", "d/a", "d/b", policy=FIVE_MINUTES),
    ]
    with looked_at(*assets) as world:
        for _ in range(30):
            world.publish("x")
            world.advance("3m")
        for run in world.runs("j"):
            assert run.inputs["d/a"].cut["look:d/x"] == run.inputs["d/b"].cut["look:d/x"]


def test_a_look_that_fails_is_tried_again_and_a_promise_it_breaks_is_told() -> None:
    with looked_at(observed("d/x"), derived("d/a", "d/x", policy=FIVE_MINUTES), hours=1) as world:
        world.fails("x", times=30)
        world.advance("1h")
        assert {one["rule"] for one in world.events("everfresh.alert.opened.v1")} == {
            "run.failing",
            "freshness.overdue",
        }
        world.advance("12h")
        assert world.state("a")["verdict"] == "fresh"
        assert set(gaps(world, "x")[-10:]) == {5}


def test_a_crash_forgets_no_look() -> None:
    def played(*crashes: int) -> list[dict[str, Any]]:
        world = looked_at(observed("d/x", takes_ms=2_000), derived("d/a", "d/x", policy=FIVE_MINUTES))
        for turn in range(20):
            if turn % 3 == 0:
                world.publish("x", version=str(turn))
            if turn in crashes:
                world.crash()
                world.restart()
            world.advance("100s")
        return world.events("everfresh.asset.*")

    assert played(2, 3, 11, 17) == played()


def test_a_source_may_begin_to_be_observed_and_cease_to() -> None:
    reader = derived("d/a", "d/x", policy=FIVE_MINUTES)
    published, looked = domain_of(source("d/x"), reader), domain_of(observed("d/x"), reader)
    with World(published) as world:
        world.publish("x")
        for manifest in (looked, published, looked):
            world.deploy(manifest)
            world.publish("x")
            world.advance("30m")
            assert world.state("a")["verdict"] == "fresh"


def prices(**options: Any) -> tuple[ef.App, list[Any]]:
    app, outside = ef.App("shop"), ["a"]
    said: dict[str, Any] = {"observe": lambda: outside[-1], "load": lambda: list(outside), **options}
    found = app.source("prices", **said)

    @app.asset(deps=[found], freshness=ef.Within("5m"))
    async def report(prices: list[str]) -> ef.Output:
        return ef.Output(version=",".join(map(str, prices)))

    return app, outside


def test_a_function_looks_and_load_reads() -> None:
    app, outside = prices()
    with World(app, compute=True) as world:
        world.advance("1h")
        assert world.state("report")["version"] == "a"
        outside.append(7)
        world.advance("5m")
        assert world.state("report")["version"] == "a,7"
        assert world.state("prices")["version"] == "7"
        assert len(world.runs("report")) == 2


@pytest.mark.parametrize("returned", [None, ef.Output(value=[1])])
def test_a_look_has_to_tell_one_state_from_another(returned: Any) -> None:
    app, _ = prices(observe=lambda: returned, retry=ef.Retry(0))
    with World(app, compute=True) as world:
        world.advance("10m")
        assert (
            "return what tells one state of the source from another"
            in world.events("everfresh.run.ended.v1")[0]["reason"]
        )


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ({"freshness": ef.Eager()}, "source 'shop/prices': freshness=ef.Eager() says nothing of how often to look"),
        ({"freshness": ef.Manual()}, "source 'shop/prices': freshness=ef.Manual() says nothing of how often to look"),
        ({"expect_every": "1h"}, "source 'shop/prices': expect_every= is of what is published"),
        ({"exists": True}, "source 'shop/prices': exists= is of what is published"),
        ({"partitions": ef.Daily("2013-01-01")}, "source 'shop/prices': partitions= is of what is published"),
        ({"observe": "prices"}, "observe= of source 'shop/prices' is a function that looks, not 'prices'"),
        ({"observe": lambda day: day}, "observe= of source 'shop/prices': nothing fills the argument 'day'"),
        ({"observe": None, "freshness": ef.Within("1h")}, "freshness= is of how it is looked at; say observe="),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(options: dict[str, Any], refused: str) -> None:
    with pytest.raises(DefinitionError) as error:
        prices(**options)
    assert refused in str(error.value)


def test_a_change_of_what_is_looked_at_is_a_dead_letter_that_says_so() -> None:
    from streams.events import AssetChanged

    with looked_at(observed("d/x"), derived("d/a", "d/x", policy=FIVE_MINUTES)) as world:
        world.append(AssetChanged(version="1"), "d/x")
        world.settle()
        (letter,) = world.events("everfresh.dead.*")
        assert "it is looked at by observe=, and not published" in letter["error"]
