"""What a commit makes stale, since when, and what counts as a commit at all."""

from hypothesis import given, settings
from hypothesis import strategies as st

from reactors.commits import DENSE
from reactors.granting import Terms
from reactors.heeding import first_after
from reactors.marking import last_by
from streams.definitions import AssetDef
from streams.events import AssetChanged, RunGranted
from streams.policies import Eager, Manual, OnDemand, Within
from tests.core.worlds import (
    DAY,
    FIVE_MINUTES,
    MINUTE,
    SECOND,
    Journal,
    chain,
    derived,
    domain_of,
    outcomes,
    said,
    single,
    skipping_diamond,
    source,
    told,
    world_of,
)


def grown(length: int) -> Journal:
    """A chain whose assets all have a version, right at d/s 1."""
    journal = Journal(chain(length, Eager()), Terms(lease_ms=DAY))
    journal.beat("w", 100)
    journal.change("d/s", "1")
    while grants := journal.turn():
        for grant in grants:
            journal.report(grant)
    return journal


def test_a_commit_marks_everything_below_stale_from_its_time() -> None:
    world = world_of(*skipping_diamond(FIVE_MINUTES).assets)
    world.publish("d/s")
    world.advance("10m")
    world.publish("d/s")
    at = world.clock
    world.advance("1m")
    for asset in ("d/a", "d/b", "d/c1", "d/c2", "d/d"):
        assert (world.state(asset)["stale_since"], world.state(asset)["lag"]) == (at, MINUTE)


def test_the_oldest_commit_past_the_cut_is_what_counts() -> None:
    world = single(FIVE_MINUTES)
    world.publish("d/s")
    world.advance("10m")
    first = world.clock
    for _ in range(5):
        world.publish("d/s")
        world.advance("10s")
    assert world.state("d/a")["stale_since"] == first


def test_nothing_is_stale_that_does_not_read_what_changed() -> None:
    both = domain_of(
        source("d/s"), source("d/t"), derived("d/a", "d/s", policy=Eager()), derived("d/b", "d/t", policy=Eager())
    )
    world = world_of(*both.assets)
    world.publish("d/s")
    world.publish("d/t")
    world.advance("1s")
    ran = len(world.runs("d/b"))
    world.publish("d/s")
    assert (world.state("d/b")["verdict"], len(world.runs("d/b"))) == ("fresh", ran)


def test_lag_stays_zero_while_nothing_changes() -> None:
    world = single(Eager())
    world.publish("d/s")
    world.advance("90d")
    assert (world.state("d/a")["lag"], world.state("d/a")["verdict"], len(world.runs())) == (0, "fresh", 1)


def test_a_repeated_event_id_is_no_commit() -> None:
    world = single(Eager())
    world.publish("d/s", version="1", event="e1")
    world.publish("d/s", version="2", event="e1")
    world.advance("1s")
    assert world.state("d/a")["cut"]["d/s"] == 1


def test_an_event_id_is_remembered_for_a_day_and_not_for_ever() -> None:
    world = single(Eager())
    world.publish("d/s", version="1", event="e1")
    world.advance("23h")
    world.publish("d/s", version="2", event="e1")
    assert world.state("d/a")["cut"]["d/s"] == 1
    world.advance("26h")
    world.publish("d/s", version="3", event="e1")
    world.advance("1s")
    assert world.state("d/a")["cut"]["d/s"] == 2


def test_an_equal_version_and_fingerprint_are_no_commit() -> None:
    world = single(Eager())
    world.publish("d/s", version="1", fingerprint="x")
    world.publish("d/s", version="1", fingerprint="x")
    world.advance("1s")
    assert (world.state("d/a")["cut"]["d/s"], len(world.runs())) == (1, 1)
    world.publish("d/s", version="2", fingerprint="x")
    world.advance("1s")
    assert world.state("d/a")["cut"]["d/s"] == 2


def test_a_change_of_what_nobody_declared_is_a_dead_letter_and_changes_nothing() -> None:
    world = single(Eager())
    world.append(AssetChanged(), "d/other")
    world.publish("d/a")
    reasons = [one["error"] for one in world.events("everfresh.dead.letter.v1")]
    assert ["declares no such source" in reasons[0], "computed here" in reasons[1]] == [True, True]
    assert world.runs() == []


def test_what_came_from_one_place_is_taken_once_whatever_its_id() -> None:
    journal = grown(1)
    change = {"specversion": "1.0", "source": "x", "type": "everfresh.asset.changed.v1", "subject": "d/s"}
    from reactors.apply import apply

    for number, origin in enumerate(("changes/0/7", "changes/0/7", "changes/0/6", "changes/1/6", "changes/0/8")):
        journal.clock += SECOND
        event = {**change, "id": f"x{number}", "data": {}, "origin": origin}
        journal.entries.append((journal.clock, event))
        apply(journal.domain, len(journal.entries) - 1, journal.clock, event)
    assert journal.domain.state.roots["d/s"].seq == 4


def test_commits_that_land_while_a_run_is_in_flight_start_the_next_staleness() -> None:
    journal = grown(1)
    journal.clock += MINUTE
    journal.change("d/s", "2")
    (grant,) = journal.turn()
    journal.clock += SECOND
    journal.change("d/s", "3")
    landed = journal.clock
    journal.clock += SECOND
    journal.report(grant)
    node = journal.domain.state.nodes["d/c1"]
    assert (node.cut["d/s"], node.stale_since) == (2, landed)


def test_marking_stops_at_what_has_been_stale_for_longer() -> None:
    journal = Journal(chain(50, Within("1d")))
    journal.change("d/s", "1")
    told_first = journal.change("d/s", "2")
    assert told_first == []  # nobody downstream is told a second time
    assert journal.domain.touched == {}


def test_a_manual_asset_is_stale_and_its_readers_are_not_until_it_publishes() -> None:
    manifest = domain_of(source("d/s"), derived("d/m", "d/s", policy=Manual()), derived("d/a", "d/m", policy=Eager()))
    world = world_of(*manifest.assets)
    world.publish("d/s")
    world.command("materialize", "d/m")
    world.advance("1s")
    assert world.state("d/a")["cut"] == {"code:d/a": 1, "d/m": 1}
    world.publish("d/s")
    world.advance("1h")
    assert (world.state("d/m")["verdict"], world.state("d/a")["verdict"]) == ("stale", "fresh")
    world.command("materialize", "d/m")
    world.advance("1s")
    assert (world.state("d/a")["cut"]["d/m"], outcomes(world, "d/a")) == (2, ["materialized", "materialized"])


def test_a_source_that_exists_is_readable_before_any_change_and_another_is_not() -> None:
    manifest = domain_of(
        source("d/s", exists=True),
        source("d/t"),
        derived("d/a", "d/s", policy=Eager()),
        derived("d/b", "d/t", policy=Eager()),
    )
    world = world_of(*manifest.assets)
    world.advance("1s")
    assert outcomes(world, "d/a") == ["materialized"]
    assert (world.runs("d/b"), world.state("d/b")["verdict"]) == ([], "unknown")
    assert world.state("d/a")["cut"] == {"code:d/a": 1, "d/s": 0}


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60), st.integers(0, 60))
@settings(max_examples=50)
def test_thinned_out_commits_never_hide_what_a_live_cut_leaves_out(gaps: list[int], stop: int) -> None:
    """A slow reader keeps an old cut while the source changes thousands of times."""
    journal = grown(1)
    node = journal.domain.state.nodes["d/c1"]
    journal.change("d/s", "slow")
    (grant,) = journal.turn()
    everything = [(node.requests[0].at, grant.cut["d/s"])]
    for number, gap in enumerate(gaps):
        for _ in range(gap):
            journal.entries.append(journal.entries[0])  # a repeat of the deploy: an offset without a commit
        offset = len(journal.entries)
        journal.change("d/s", f"v{number}")
        everything.append((offset, journal.domain.state.roots["d/s"].seq))
    root = journal.domain.state.roots["d/s"]
    first_left_out = first_after(root, node.requests[0].at)
    assert first_left_out.seq == everything[1][1]
    for offset, seq in everything[-min(stop, len(everything)) :]:
        if len(journal.entries) - offset < DENSE:
            found = last_by(root, offset)
            assert found is not None
            assert found.seq == seq


def test_thousands_of_commits_are_not_all_kept() -> None:
    journal = grown(1)
    (journal.change("d/s", "a"), journal.turn())
    for number in range(3 * DENSE):
        journal.change("d/s", f"v{number}")
    root = journal.domain.state.roots["d/s"]
    assert root.seq == 3 * DENSE + 2
    assert len(root.commits) < 2 * DENSE + 200


def test_on_demand_assets_are_marked_stale_and_not_run() -> None:
    world = single(OnDemand())
    world.publish("d/s")
    world.advance("30d")
    assert (world.runs(), world.state("d/a")["verdict"]) == ([], "stale")


def test_what_a_run_covers_is_what_was_committed_since_the_version_before() -> None:
    journal = grown(2)
    for number in range(7):
        journal.change("d/s", f"v{number}")
    (grant,) = journal.turn()
    assert isinstance(grant, RunGranted)
    assert grant.covers == {"d/s": (2, 8)}
    journal.report(grant)
    (next_one,) = journal.turn()
    assert (next_one.asset, next_one.covers) == ("d/c2", {"d/s": (2, 8)})
    assert "asset.materialized" in told(journal.report(next_one))


def test_freshness_is_told_once_a_change_and_not_once_a_commit() -> None:
    world = single(FIVE_MINUTES)
    world.publish("d/s")
    world.advance("10m")
    before = len(said(world, "freshness.changed", "d/a"))
    for _ in range(100):
        world.publish("d/s")
    assert len(said(world, "freshness.changed", "d/a")) == before + 1


def test_what_read_an_asset_while_it_was_manual_is_not_taken_to_be_right_at_what_is_above_it() -> None:
    def assets(policy: Manual | OnDemand) -> list[AssetDef]:
        return [source("d/s"), derived("d/m", "d/s", policy=policy), derived("d/a", "d/m", policy=FIVE_MINUTES)]

    world = world_of(*assets(Manual()))
    world.publish("d/s")
    world.command("materialize", "d/m")
    world.advance("10m")
    world.publish("d/s")  # nobody asks for m again, so it is a change behind, and a is as m is
    world.advance("10m")
    assert (len(world.runs("d/m")), world.state("d/a")["verdict"]) == (1, "fresh")
    world.deploy(domain_of(*assets(OnDemand())))
    assert world.state("d/a")["verdict"] == "stale"
    world.advance("10m")
    assert (len(world.runs("d/m")), world.state("d/a")["verdict"]) == (2, "fresh")


def test_what_a_deploy_gave_an_input_without_a_version_while_it_ran_first_is_past_nothing() -> None:
    world = single(FIVE_MINUTES, takes="1m")
    world.publish("d/s")
    world.advance("5m")
    assert world.domain is not None
    node = world.domain.state.nodes["d/a"]
    assert node.run is not None, "its first run is in flight"
    world.deploy(domain_of(source("d/s"), source("d/t"), derived("d/a", "d/s", "d/t", policy=FIVE_MINUTES)))
    assert (node.missing, node.version, node.stale_at, node.since_at) == (1, None, None, None)
    world.advance("1m")
    world.publish("d/t")
    world.advance("10m")
    assert [run.outcome for run in world.runs("d/a")] == ["materialized", "materialized"]
    assert world.state("d/a")["verdict"] == "fresh"
