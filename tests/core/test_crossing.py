"""Deps across domains: who subscribes, what is delivered, and what of it counts."""

from streams.definitions import Manifest
from streams.events import DomainDelivered
from streams.policies import Eager, Manual, Within
from tests.core.bridge import Bridge, domain, producer
from tests.core.test_partitions import parted
from tests.core.worlds import derived, outcomes, said, source


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


def test_a_manual_asset_with_partitions_is_read_as_a_whole_like_a_source() -> None:
    up = domain("up", source("up/s"), parted("up/m", "up/s", policy=Manual()))
    down = domain("down", derived("down/x", "up/m", policy=Eager()))
    worlds = Bridge(up, down)
    worlds.publish("up/s")
    for day in ("2013-01-01", "2013-01-02"):
        up.command("materialize", "up/m", partition=day)
        worlds.advance(5)
    assert outcomes(down, "down/x") == ["materialized"] * 2
    assert down.events("everfresh.dead.letter.v1") == []


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


def test_what_an_asset_becomes_by_a_deploy_is_what_other_domains_are_handed_from_then_on() -> None:
    up, down = producer(), domain("down", derived("down/x", "up/a", policy=Eager()))
    worlds = Bridge(up, down)
    worlds.publish("up/s")
    worlds.advance(1)
    computed = up.state("up/a")["version"]
    for asset in (source("up/a"), derived("up/a", "up/s", policy=Manual())):
        up.deploy(Manifest(domain="up", deploy=0, assets=(source("up/s"), asset)))
        worlds.carry()
        worlds.advance(1)
        assert down.runs("down/x")[-1].inputs["up/a"].version == computed
        if asset.kind == "source":
            worlds.publish("up/a", version="from outside")
        else:
            up.command("materialize", "up/a")
        worlds.advance(1)
        assert down.runs("down/x")[-1].inputs["up/a"].version != computed
        up.deploy(Manifest(domain="up", deploy=0, assets=(source("up/s"), derived("up/a", "up/s", policy=Eager()))))
        worlds.carry()
        worlds.advance(1)
        worlds.publish("up/s")
        worlds.advance(1)
        computed = up.state("up/a")["version"]
        assert down.runs("down/x")[-1].inputs["up/a"].version == computed
        assert down.state("down/x")["verdict"] == "fresh"
