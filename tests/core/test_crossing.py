"""Deps across domains: subscription, delivery with cuts, and inputs that agree or are said not to."""

from everfresh.testing import World
from streams.definitions import AssetDef, Manifest
from streams.events import DomainDelivered
from streams.policies import Eager, Manual, Within
from tests.core.bridge import Bridge
from tests.core.test_partitions import parted
from tests.core.worlds import derived, outcomes, said, source, verdicts


def domain(name: str, *assets: AssetDef) -> World:
    return World(Manifest(domain=name, deploy=1, assets=assets))


def producer(second: str = "10s") -> World:
    """up/s → up/a (eager) and up/s → up/b (within `second`): they publish at different cuts."""
    return domain(
        "up",
        source("up/s"),
        derived("up/a", "up/s", policy=Eager()),
        derived("up/b", "up/s", policy=Within(second)),
    )


def joined(promise: str = "60s", takes: str = "1s") -> World:
    """down/j reads both of up's assets."""
    world = domain("down", derived("down/j", "up/a", "up/b", policy=Within(promise), takes_ms=1_000))
    world.takes("down/j", takes)
    return world


def test_what_another_domain_publishes_makes_its_readers_fresh() -> None:
    up, down = producer(), domain("down", derived("down/x", "up/a", policy=Within("5s")))
    worlds = Bridge(up, down)
    assert down.state("down/x")["verdict"] == "unknown"
    worlds.publish("up/s")
    worlds.advance(10)
    (run,) = down.runs("down/x")
    assert run.outcome == "materialized"
    assert run.inputs["up/a"].version == up.state("up/a")["version"]
    assert run.inputs["up/a"].cut["up/s"] == 1
    assert down.state("down/x")["verdict"] == "fresh"


def test_who_subscribes_late_is_handed_what_stands() -> None:
    up = producer()
    up.publish("up/s")
    up.advance("20s")
    down = domain("down", derived("down/x", "up/b", "up/s", policy=Eager()))
    Bridge(up, down)
    (run,) = down.runs("down/x")
    assert run.inputs["up/b"].version == up.state("up/b")["version"]
    assert run.inputs["up/s"].version == "change-1"


def test_a_delivery_that_comes_twice_or_late_changes_nothing() -> None:
    up, down = producer(), domain("down", derived("down/x", "up/a", policy=Eager()))
    worlds = Bridge(up, down)
    for _ in range(3):
        worlds.publish("up/s")
        worlds.advance(1)
    delivered = [one.event() for one in up.outputs if one.model is DomainDelivered]
    before = outcomes(down, "down/x")
    for event in reversed(delivered):
        worlds.post(event)
    worlds.advance(5)
    assert outcomes(down, "down/x") == before == ["materialized"] * 3


def test_an_unchanged_result_crosses_as_a_newer_cut_and_runs_nothing() -> None:
    up, down = producer(), domain("down", derived("down/x", "up/a", policy=Eager()))
    worlds = Bridge(up, down)
    worlds.publish("up/s")
    worlds.advance(1)
    up.unchanged("up/a")
    worlds.publish("up/s")
    worlds.advance(1)
    assert outcomes(down, "down/x") == ["materialized"]
    assert said(down, "asset.verified", "down/x")[-1]["run"] is None


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
    up, down = producer(), joined(promise="12s")
    worlds = Bridge(up, down)
    worlds.publish("up/s")
    worlds.advance(30)
    worlds.held = {"up/b"}
    worlds.publish("up/s")
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


def test_cuts_are_carried_through_domains_in_between() -> None:
    """top/z reads up/a itself and by way of mid/y: both must come from one commit of up/s."""
    up = domain("up", source("up/s"), derived("up/a", "up/s", policy=Eager()))
    middle = domain("mid", derived("mid/y", "up/a", policy=Within("6s")))
    top = domain("top", derived("top/z", "up/a", "mid/y", policy=Within("30s")))
    worlds = Bridge(up, middle, top)
    for _ in range(3):
        worlds.publish("up/s")
        worlds.advance(40)
    runs = top.runs("top/z")
    assert len(runs) == 3
    for run in runs:
        assert run.inputs["up/a"].cut["up/s"] == run.inputs["mid/y"].cut["up/s"]
    assert all(one["consistent"] for one in said(top, "asset.materialized", "top/z"))


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


def test_a_domain_that_reads_an_asset_no_more_is_handed_no_more_of_it() -> None:
    up, down = producer(), domain("down", derived("down/x", "up/a", policy=Eager()))
    worlds = Bridge(up, down)
    down.deploy(Manifest(domain="down", deploy=2, assets=(source("down/own"),)))
    worlds.carry()
    delivered = len([one for one in up.outputs if one.model is DomainDelivered])
    worlds.publish("up/s")
    worlds.advance(3)
    assert len([one for one in up.outputs if one.model is DomainDelivered]) == delivered


def test_a_journal_that_was_begun_anew_counts_from_its_start() -> None:
    up, down = producer(), domain("down", derived("down/x", "up/a", policy=Eager()))
    worlds = Bridge(up, down)
    worlds.publish("up/s")
    worlds.advance(2)
    again = DomainDelivered(to="down", asset="up/a", version="v9", cut={"up/s": 1}, incarnation="another", offset=3)
    worlds.post(again)
    worlds.advance(2)
    assert down.runs("down/x")[-1].inputs["up/a"].version == "v9"


def test_a_restart_remembers_who_reads_what() -> None:
    up, down = producer(), domain("down", derived("down/x", "up/a", policy=Eager()))
    up.snapshot_every = down.snapshot_every = 1
    worlds = Bridge(up, down)
    worlds.publish("up/s")
    for world in (up, down):
        world.crash()
        world.restart()
    worlds.publish("up/s")
    worlds.advance(2)
    assert outcomes(down, "down/x") == ["materialized"] * 2


def test_a_manual_asset_crosses_when_it_is_published() -> None:
    up = domain("up", source("up/s"), derived("up/m", "up/s", policy=Manual()))
    down = domain("down", derived("down/x", "up/m", policy=Eager()))
    worlds = Bridge(up, down)
    worlds.publish("up/s")
    worlds.advance(5)
    assert outcomes(down, "down/x") == []
    up.command("materialize", "up/m")
    worlds.advance(5)
    assert outcomes(down, "down/x") == ["materialized"]


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


def test_of_two_cuts_within_one_entry_the_newer_one_is_handed_on() -> None:
    up = domain(
        "up",
        source("up/s"),
        source("up/t"),
        derived("up/a", "up/s"),
        derived("up/b", "up/a", policy=Eager()),
        derived("up/c", "up/t"),
        derived("up/d", "up/a", "up/c", policy=Eager()),
    )
    up.takes("up/a", "5s")
    down = domain("down", derived("down/x", "up/a", policy=Eager()))
    worlds = Bridge(up, down)
    up.publish("up/t")
    worlds.publish("up/s")
    worlds.advance(20)
    up.command("pause", "up/d")
    up.publish("up/s", version="2", fingerprint="f")
    worlds.advance(1)
    up.publish("up/t")
    up.publish("up/s", version="3", fingerprint="f")
    up.command("resume", "up/d")  # which wants up/a at another cut than its run in flight, and that is the same there
    worlds.advance(20)
    handed = [event.cut["up/s"] for one in up.outputs if isinstance(event := one.event(), DomainDelivered)]
    assert handed == [1, 3]
    assert said(down, "asset.materialized", "down/x")[-1]["inputs"]["up/a"]["cut"]["up/s"] == 3
    assert down.state("down/x")["verdict"] == "fresh"


def test_what_has_partitions_is_refused_by_another_domain_and_says_so() -> None:
    up = domain("up", source("up/s"), parted("up/a", "up/s", policy=Eager()))
    down = domain("down", derived("down/x", "up/a", policy=Eager()))
    worlds = Bridge(up, down)
    up.publish("up/s")
    up.command("materialize", "up/a", partition="2013-01-01")
    worlds.advance(5)
    (letter,) = down.events("everfresh.dead.letter.v1")
    assert "'up/a[2013-01-01]': what has partitions isn't read by another domain" in letter["error"]
    assert down.runs() == []
