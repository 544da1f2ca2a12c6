"""Joins over several domains: they wait for inputs that agree, or say that these don't."""

from everfresh.testing import World
from reactors.explain import explain
from streams.policies import Eager, Manual, Within
from tests.checker import check, read
from tests.core.bridge import Bridge, domain, joined, producer
from tests.core.test_partitions import DAYS, parted
from tests.core.worlds import derived, outcomes, said, source, verdicts


def apart(down: World) -> Bridge:
    """`down` was fresh, and of a second change it has heard by one of two inputs only."""
    worlds = Bridge(producer(), down)
    worlds.publish("up/s")
    worlds.advance(30)
    worlds.held = {"up/b"}
    worlds.publish("up/s")
    return worlds


def test_a_join_waits_within_its_slack_until_its_inputs_agree() -> None:
    up, down = producer(), joined(promise="12s")
    worlds = Bridge(up, down)
    worlds.publish("up/s")
    worlds.advance(30)
    worlds.publish("up/s")  # up/a is published at once, up/b some ten seconds later
    worlds.advance(30)
    runs = down.runs("down/j")
    assert [run.outcome for run in runs] == ["materialized"] * 2
    for run in runs:
        assert run.inputs["up/a"].cut["up/s"] == run.inputs["up/b"].cut["up/s"]
    assert all(one["consistent"] for one in said(down, "asset.materialized", "down/j"))
    assert "overdue" not in verdicts(down, "down/j")


def test_a_join_whose_inputs_never_agree_runs_on_time_and_says_so() -> None:
    down = joined(promise="12s")
    worlds = apart(down)
    worlds.advance(40)
    state = down.state("down/j")
    newest = said(down, "asset.materialized", "down/j")[-1]
    assert newest["consistent"] is False
    assert newest["covers"] == {}
    assert newest["inputs"]["up/a"]["cut"]["up/s"] == 2
    assert newest["inputs"]["up/b"]["cut"]["up/s"] == 1
    assert newest["cut"] == state["cut"], "it claims nothing about the newer commits"
    assert outcomes(down, "down/j") == ["materialized"] * 2, "once, not again and again"
    assert "didn't agree" in down.runs("down/j")[-1].reason
    assert state["verdict"] == "overdue"
    worlds.let_go()
    worlds.advance(20)
    assert down.state("down/j")["verdict"] == "fresh"
    assert said(down, "asset.materialized", "down/j")[-1]["consistent"] is True


def test_what_a_check_holds_back_claims_no_newer_cut_either() -> None:
    down = joined(promise="12s")
    worlds = apart(down)
    down.check("down/j", "fail")
    worlds.advance(40)
    (held,) = said(down, "asset.quarantined", "down/j")
    assert (held["consistent"], held["covers"]) == (False, {})
    assert held["cut"] == down.state("down/j")["cut"]


def test_inputs_that_share_no_source_always_agree() -> None:
    up = domain(
        "up",
        source("up/s"),
        source("up/t"),
        derived("up/a", "up/s", policy=Eager()),
        derived("up/b", "up/t", policy=Eager()),
    )
    down = joined(promise="10s")
    worlds = Bridge(up, down)
    worlds.publish("up/s")
    worlds.publish("up/t")
    worlds.advance(15)
    worlds.publish("up/s")
    worlds.advance(15)
    assert [one["consistent"] for one in said(down, "asset.materialized", "down/j")] == [True, True]


def test_one_input_of_a_wave_may_run_while_the_join_below_it_waits() -> None:
    up = producer()
    down = domain(
        "down",
        derived("down/x", "up/a", policy=Eager()),
        derived("down/j", "down/x", "up/b", policy=Within("15s")),
    )
    worlds = Bridge(up, down)
    for _ in range(3):
        worlds.publish("up/s")
        worlds.advance(40)
    assert outcomes(down, "down/x") == ["materialized"] * 3
    assert [one["consistent"] for one in said(down, "asset.materialized", "down/j")] == [True] * 3


def test_an_own_source_that_went_on_meanwhile_is_no_agreement() -> None:
    up = domain("up", source("up/s"), derived("up/j", "up/s", "down/x", policy=Within("30s")))
    down = domain("down", derived("down/x", "up/s", policy=Eager()))
    worlds = Bridge(up, down)
    worlds.publish("up/s")
    worlds.advance(40)
    worlds.held = {"down/x"}
    worlds.publish("up/s")
    worlds.advance(40)
    newest = said(up, "asset.materialized", "up/j")[-1]
    assert (newest["consistent"], newest["covers"]) == (False, {})
    assert (newest["inputs"]["up/s"]["cut"], newest["inputs"]["down/x"]["cut"]["up/s"]) == ({"up/s": 2}, 1)
    worlds.let_go()
    worlds.advance(40)
    assert said(up, "asset.materialized", "up/j")[-1]["consistent"] is True
    assert up.state("up/j")["verdict"] == "fresh"


def test_a_manual_asset_is_a_source_to_who_joins_it_in_another_domain() -> None:
    up = domain(
        "up",
        source("up/s"),
        derived("up/m", "up/s", policy=Manual()),
        derived("up/a", "up/m", policy=Eager()),
        derived("up/b", "up/s", policy=Eager()),
    )
    down = domain("down", derived("down/j", "up/m", "up/a", "up/b", policy=Within("10s")))
    worlds = Bridge(up, down)
    worlds.publish("up/s")
    up.command("materialize", "up/m")
    worlds.advance(20)
    worlds.publish("up/s")  # of which up/m knows nothing, and needn't
    worlds.advance(20)
    assert [one["consistent"] for one in said(down, "asset.materialized", "down/j")] == [True, True]
    assert down.state("down/j")["verdict"] == "fresh"


def test_what_waited_for_a_join_above_it_is_fresh_once_that_agrees() -> None:
    up = producer()
    down = domain(
        "down",
        derived("down/j", "up/a", "up/b", policy=Within("60s")),
        derived("down/k", "down/j", policy=Within("5s")),
    )
    up.unchanged("up/a", 9)
    up.unchanged("up/b", 9)
    worlds = Bridge(up, down)
    worlds.publish("up/s")
    worlds.advance(100)
    worlds.held = {"up/b"}
    worlds.publish("up/s")
    worlds.advance(20)  # down/k's promise is due, and there is nothing to run with
    worlds.let_go()
    worlds.advance(100)
    assert [down.state(one)["verdict"] for one in ("down/j", "down/k")] == ["fresh", "fresh"]


def test_a_partition_agrees_with_what_was_made_of_its_source_since_it_changed_last() -> None:
    up = domain("up", source("up/s", partitions=DAYS), parted("up/a", "up/s", "down/x", policy=Within("30s")))
    down = domain("down", derived("down/x", "up/s", policy=Within("10s")))
    worlds = Bridge(up, down)
    for day in ("2013-01-01", "2013-01-02"):
        up.publish("up/s", partition=day)
        worlds.advance(60)
    runs = said(up, "asset.materialized", "up/a")
    assert [(one["partition"], one["consistent"], one["inputs"]["down/x"]["cut"]["up/s"]) for one in runs] == [
        ("2013-01-01", True, 1),
        ("2013-01-02", True, 2),
        ("2013-01-01", True, 2),
    ]
    worlds.held = {"down/x"}
    up.publish("up/s", partition="2013-01-02")
    worlds.advance(60)
    newest = said(up, "asset.materialized", "up/a")[-1]
    assert (newest["partition"], newest["consistent"]) == ("2013-01-02", False)
    assert check(read(up.exported())).violations == []


def test_explain_says_what_doesnt_agree_and_how_long_that_is_waited_for() -> None:
    down = joined(promise="12s")
    worlds = apart(down)
    worlds.advance(11)
    torn = "What it reads of other domains doesn't agree: 'up/s' is at 2 in 'up/a' and at 1 in 'up/b'"
    assert f"{torn}; it waits until 2026-01-01T00:00:41.250Z, and runs then on what there is." in told(down)
    assert not any("waits for a free slot" in one for one in told(down))
    worlds.advance(30)
    assert f"{torn}." in told(down)
    assert any("is made from inputs that didn't agree, so right at no cut" in one for one in told(down))


def told(down: World) -> list[str]:
    return explain(down._up(), "down/j", down.clock)
