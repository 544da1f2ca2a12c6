"""Backfills: each partition once, so many at once, and never in the way of a promise."""

from collections import Counter

import pytest

from everfresh.testing import World
from streams.definitions import AssetDef
from streams.events import Backfill
from streams.policies import Eager, Within
from tests.core.test_partitions import DAYS, parted
from tests.core.worlds import Journal, derived, domain_of, source, world_of

FIRST, LAST = "2013-01-01", "2013-01-10"
THOUSANDTH, TEN_THOUSANDTH = "2015-09-27", "2040-05-18"


def yearly(takes: str = "1m") -> list[AssetDef]:
    """A chain of three by day, from a source that has no partitions: nothing runs by itself."""
    return [
        source("d/s"),
        parted("d/a", "d/s", takes_ms=takes),
        parted("d/b", "d/a", takes_ms=takes),
        parted("d/c", "d/b", takes_ms=takes),
    ]


def ready(takes: str = "1m") -> World:
    world = world_of(*yearly(takes), takes=takes)
    world.publish("d/s")
    return world


def counts(world: World) -> Counter[tuple[str, str]]:
    return Counter((run.asset, run.partition) for run in world.runs() if run.outcome in ("materialized", "verified"))


def told(world: World) -> list[tuple[str, int, int, int]]:
    said = world.events("everfresh.backfill.*")
    return [(one["status"], one["total"], one["done"], one["failed"]) for one in said]


def test_each_partition_of_the_range_runs_once_and_what_it_needs_before_it() -> None:
    world = ready()
    world.backfill("d/c", FIRST, LAST)
    world.advance("1h")
    assert len(counts(world)) == 30
    assert set(counts(world).values()) == {1}
    assert told(world) == [("running", 10, 0, 0), ("done", 10, 10, 0)]


def test_no_more_partitions_than_its_slots_are_worked_on_at_once() -> None:
    world = ready()
    world.backfill("d/c", FIRST, LAST, slots=2)
    world.advance("179s")
    assert {run.partition for run in world.runs()} == {"2013-01-01", "2013-01-02"}
    world.advance("13m")
    assert told(world)[-1] == ("done", 10, 10, 0)


def test_what_is_right_already_is_left_alone_unless_it_is_forced() -> None:
    world = ready()
    world.backfill("d/c", FIRST, FIRST)
    world.advance("1h")
    world.backfill("d/c", FIRST, "2013-01-02")
    world.advance("1h")
    assert counts(world)["d/c", FIRST] == 1
    world.backfill("d/c", FIRST, FIRST, force=True)
    world.advance("1h")
    assert (counts(world)["d/c", FIRST], counts(world)["d/a", FIRST]) == (2, 1)


def test_a_forced_backfill_leaves_out_what_was_run_since_it_was_commanded() -> None:
    world = ready()
    world.backfill("d/a", FIRST, "2013-01-03")
    world.advance("1h")
    world.backfill("d/a", FIRST, "2013-01-03", slots=1, force=True)
    world.command("materialize", "d/a", partition="2013-01-03")
    world.advance("1h")
    assert (counts(world)["d/a", FIRST], counts(world)["d/a", "2013-01-03"]) == (2, 2)
    assert told(world)[-1] == ("done", 3, 3, 0)


def test_a_forced_backfill_takes_what_is_in_flight_since_it_was_commanded() -> None:
    world = ready()
    world.backfill("d/a", FIRST, "2013-01-03")
    world.advance("1h")
    world.backfill("d/a", FIRST, "2013-01-03", slots=1, force=True)
    world.advance("30s")
    world.publish("d/s")
    world.command("materialize", "d/b", partition="2013-01-02")  # for which it runs d/a too
    world.advance("1h")
    assert {number for (asset, _), number in counts(world).items() if asset == "d/a"} == {2}
    assert told(world)[-1] == ("done", 3, 3, 0)


def test_a_forced_backfill_runs_what_anothers_wave_found_unchanged() -> None:
    world = world_of(source("d/s"), derived("d/u", "d/s"), parted("d/a", "d/u", policy=Eager()), takes="1m")
    world.publish("d/s")
    world.backfill("d/a", FIRST, "2013-01-02")
    world.advance("1h")
    world.unchanged("d/u")
    world.publish("d/s")
    world.backfill("d/a", FIRST, "2013-01-02", force=True)
    world.advance("1h")
    assert [counts(world)["d/a", one] for one in (FIRST, "2013-01-02")] == [2, 2]
    assert told(world)[-1] == ("done", 2, 2, 0)


def test_a_partition_that_fails_is_named_and_the_others_go_on() -> None:
    world = ready()
    world.fails("d/b", 3)
    world.backfill("d/c", FIRST, LAST, slots=1)
    world.advance("2h")
    assert told(world)[-1] == ("done", 10, 9, 1)
    (one,) = world._up().state.backfills.values()
    assert list(one.failed) == [FIRST]
    assert one.failed[FIRST] == "'d/b[2013-01-01]' above it is held"


def test_a_pause_begins_nothing_and_a_resume_goes_on() -> None:
    world = ready()
    name = world.backfill("d/c", FIRST, LAST, slots=1)
    world.advance("1m")
    world.steer(name, "pause")
    world.advance("1h")
    assert {run.partition for run in world.runs()} == {FIRST}
    world.steer(name, "resume")
    world.advance("2h")
    assert [status for status, *_ in told(world)] == ["running", "paused", "running", "done"]
    assert set(counts(world).values()) == {1}


def test_what_was_run_during_a_pause_is_done_though_it_has_become_stale_again() -> None:
    world = ready()
    name = world.backfill("d/a", FIRST, "2013-01-02", slots=1)
    world.advance("10s")
    world.steer(name, "pause")
    world.command("materialize", "d/a", partition="2013-01-02")
    world.advance("1h")
    world.publish("d/s")
    world.steer(name, "resume")
    world.advance("1h")
    assert counts(world) == {("d/a", FIRST): 1, ("d/a", "2013-01-02"): 1}
    assert told(world)[-1] == ("done", 2, 2, 0)


def test_a_cancelled_backfill_begins_nothing_more_and_lets_runs_end() -> None:
    world = ready()
    name = world.backfill("d/c", FIRST, LAST, slots=1)
    world.advance("1m")
    world.steer(name, "cancel")
    world.advance("2h")
    assert {run.partition for run in world.runs()} == {FIRST}
    assert {run.outcome for run in world.runs()} == {"materialized"}
    assert told(world)[-1][0] == "cancelled"


def test_what_waits_for_a_slot_as_its_backfill_is_cancelled_doesnt_run() -> None:
    world = world_of(*yearly(), derived("d/z", "d/s", pool="one"), parted("d/p", "d/s", pool="one"), pools={"one": 1})
    world.publish("d/s")
    world.takes("d/z", "1h")
    world.command("materialize", "d/z")
    name = world.backfill("d/p", FIRST, FIRST)
    world.advance("1m")
    world.steer(name, "cancel")
    world.advance("3h")
    assert [run.asset for run in world.runs()] == ["d/z"]


def test_what_waits_for_a_slot_as_its_backfill_is_paused_runs_once_it_is_resumed() -> None:
    world = world_of(*yearly(), derived("d/z", "d/s", pool="one"), parted("d/p", "d/s", pool="one"), pools={"one": 1})
    world.publish("d/s")
    world.takes("d/z", "1h")
    world.command("materialize", "d/z")
    name = world.backfill("d/p", FIRST, "2013-01-03", slots=2)
    world.advance("1m")
    world.steer(name, "pause")
    world.advance("3h")
    assert [run.asset for run in world.runs()] == ["d/z"]
    world.steer(name, "resume")
    world.advance("3h")
    assert [run.partition for run in world.runs()] == ["", FIRST, "2013-01-02", "2013-01-03"]
    assert told(world)[-1] == ("done", 3, 3, 0)


def test_what_was_cancelled_is_planned_again_as_a_backfill_wants_it() -> None:
    world = world_of(*yearly(), derived("d/z", "d/s", pool="one"), parted("d/p", "d/s", pool="one"), pools={"one": 1})
    world.publish("d/s")
    world.backfill("d/p", FIRST)
    world.advance("5m")
    world.publish("d/s")
    world.command("materialize", "d/p", partition=FIRST)
    world.command("cancel", "d/p", partition=FIRST)
    world.command("materialize", "d/z")
    world.backfill("d/p", FIRST)
    node = world._up().state.nodes[f"d/p[{FIRST}]"]
    assert node.hold is not None
    assert node.wave is not None
    assert node.since_at == node.stale_at is not None
    world.advance("5m")
    assert node.stale_at is None


def test_a_run_that_newer_commits_overtook_is_enough_for_its_backfill() -> None:
    journal = Journal(
        domain_of(source("d/s"), source("d/t"), parted("d/a", "d/s"), derived("d/m", "d/t", policy=Eager()))
    )
    journal.beat("w", 2)
    journal.change("d/s")
    journal.change("d/t", "1", fingerprint="x")
    (other,) = journal.turn()
    journal.report(other)
    journal.append(Backfill(asset="d/a", partitions=(FIRST,)), "d/a")
    (grant,) = journal.proposals()
    journal.change("d/s")
    journal.change("d/t", "2", fingerprint="x")  # d/m moves to that cut, which is newer than the grant's
    journal.append(grant, "d/a")
    journal.report(grant, partition=FIRST)  # type: ignore[arg-type]
    assert journal.turn() == []
    assert [one.done for one in journal.domain.state.backfills.values()] == [1]


def test_a_deploy_in_the_middle_goes_on_with_the_new_code() -> None:
    world = ready()
    world.backfill("d/c", FIRST, LAST, slots=2)
    world.advance("4m")
    *before, last = yearly()
    world.deploy(domain_of(*before, last.model_copy(update={"code_version": "2"})))
    world.advance("2h")
    assert told(world)[-1] == ("done", 10, 10, 0)
    assert all(counts(world)["d/a", f"2013-01-{day:02}"] == 1 for day in range(1, 11))


def test_a_promise_goes_before_a_backfill_where_slots_are_few() -> None:
    hot = [source("d/hot"), parted("d/live", "d/hot", parts=None, policy=Within("10m"), takes_ms="1m")]
    world = world_of(*yearly(), *hot, takes="1m")
    world.slots(1)
    world.publish("d/s")
    world.backfill("d/c", FIRST, LAST)
    world.publish("d/hot")
    world.advance("11m")
    assert [run.outcome for run in world.runs("d/live")] == ["materialized"]
    assert world.events("everfresh.alert.*") == []


def test_readers_with_promises_follow_what_a_backfill_made() -> None:
    world = world_of(*yearly(), parted("d/next", "d/c", policy=Eager()))
    world.publish("d/s")
    world.backfill("d/a", FIRST, "2013-01-03")
    world.advance("1h")
    assert counts(world)["d/next", "2013-01-02"] == 1


@pytest.mark.parametrize(
    ("asset", "first", "last", "said"),
    [
        ("d/s", FIRST, LAST, "backfill of 'd/s': no such asset with partitions is computed in 'd'"),
        (
            "d/c",
            "2013-01-32",
            LAST,
            "backfill of 'd/c': '2013-01-32' is no day of UTC; it is written like '2013-01-31'",
        ),
        ("d/c", LAST, FIRST, "backfill of 'd/c': it names no partition"),
        ("d/c", "2012-12-31", LAST, "backfill of 'd/c': '2012-12-31' is before its first, '2013-01-01'"),
    ],
)
def test_a_backfill_that_makes_no_sense_is_a_dead_letter(asset: str, first: str, last: str, said: str) -> None:
    world = ready()
    world.backfill(asset, first, last)
    assert [letter["error"] for letter in world.events("everfresh.dead.*")] == [said]


@pytest.mark.parametrize("last", [THOUSANDTH, pytest.param(TEN_THOUSANDTH, marks=pytest.mark.long)])
def test_thousands_of_days_over_a_chain_of_three_run_once_each_through_a_crash(last: str) -> None:
    days = list(DAYS.within(FIRST, last))
    world = ready("1s")
    world.snapshot_every = 20_000
    world.backfill("d/c", FIRST, last, slots=100)
    world.advance("20s")
    assert 0 < len(counts(world)) < 3 * len(days)
    world.crash()
    world.restart()
    world.advance("1h")
    assert (len(counts(world)), set(counts(world).values())) == (3 * len(days), {1})
    assert told(world)[-1] == ("done", len(days), len(days), 0)
