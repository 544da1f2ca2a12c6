"""The life of a run: leases, retries, refusals; what comes too late changes nothing."""

from itertools import pairwise

import pytest

from reactors.runs import LOSSES_MAX
from streams.definitions import Retry
from streams.events import DefinitionsDeclared, RunFailed
from streams.policies import Eager, Within
from tests.core.worlds import Journal, derived, domain_of, granted, publish_each, source, world_of

DAY = 86_400_000


def test_a_failed_attempt_is_tried_again_and_siblings_go_on() -> None:
    world = world_of(
        source("d/s"), derived("d/a", "d/s", policy=Eager(), retry=Retry(2)), derived("d/b", "d/s", policy=Eager())
    )
    world.fails("d/a", 2)
    world.publish("d/s")
    world.advance("1m")
    assert [run.outcome for run in world.runs("d/a")] == ["failed", "failed", "materialized"]
    assert [run.attempt for run in world.runs("d/a")] == [1, 2, 3]
    assert len({run.run for run in world.runs("d/a")}) == 1
    assert [run.outcome for run in world.runs("d/b")] == ["materialized"]


def test_exhausted_retries_block_what_is_below_until_a_new_commit() -> None:
    world = world_of(source("d/s"), derived("d/a", "d/s", retry=Retry(0)), derived("d/b", "d/a", policy=Eager()))
    world.fails("d/a")
    world.publish("d/s")
    world.advance("1s")
    assert world.state("d/a")["verdict"] == "failing"
    world.publish("d/s")
    world.advance("1s")
    assert world.state("d/a")["verdict"] == "fresh"
    assert world.state("d/b")["verdict"] == "fresh"


def test_below_a_failing_asset_a_version_that_stands_is_blocked() -> None:
    world = world_of(source("d/s"), derived("d/a", "d/s", retry=Retry(0)), derived("d/b", "d/a", policy=Eager()))
    world.publish("d/s")
    world.advance("1s")
    world.fails("d/a")
    world.publish("d/s")
    world.advance("1s")
    assert world.state("d/b")["verdict"] == "blocked"
    assert "'d/a', which is failing" in world.state("d/b")["reason"]


def test_a_deploy_takes_away_what_fails_and_what_it_blocked_goes_on() -> None:
    failing = derived("d/a", "d/s", policy=Eager(), retry=Retry(0))
    world = world_of(source("d/s"), failing, derived("d/b", "d/a", policy=Within("1h")), takes="2s")
    world.publish("d/s")
    world.advance("2h")
    world.fails("d/a")
    world.publish("d/s")
    world.advance("1m")
    assert world.state("d/b")["verdict"] == "blocked"
    world.deploy(domain_of(source("d/s"), derived("d/b", "d/s", policy=Within("1h"))))
    world.advance("2h")
    assert world.state("d/b")["verdict"] == "fresh"
    assert [run.outcome for run in world.runs("d/b")] == ["materialized", "materialized"]


def test_the_cool_down_tries_again_and_doubles_up_to_a_day() -> None:
    world = world_of(source("d/s"), derived("d/a", "d/s", policy=Eager(), retry=Retry(0, cool_down="1h")))
    world.fails("d/a", 8)
    world.publish("d/s")
    world.advance("1s")
    for _ in range(100):
        world.advance("1h")
    begun = [run.granted_at for run in world.runs("d/a")]
    waits = [later - earlier for earlier, later in pairwise(begun)]
    assert waits[:4] == [3_600_000 * 2**n for n in range(4)]
    assert max(waits) <= DAY


def test_what_fails_after_a_deploy_by_which_nobody_needs_it_is_tried_again_on_command_only() -> None:
    above = derived("d/a", "d/s", retry=Retry(1, delay="1m", cool_down="1h"))
    world = world_of(source("d/s"), above, derived("d/b", "d/a", policy=Eager()))
    world.fails("d/a", 2)
    world.publish("d/s")
    world.advance("1s")
    world.deploy(domain_of(source("d/s"), above, derived("d/b", "d/s", policy=Eager())))
    world.advance("1d")
    assert [run.outcome for run in world.runs("d/a")] == ["failed", "failed"]
    world.command("materialize", "d/a")
    world.advance("1s")
    assert [run.outcome for run in world.runs("d/a")] == ["failed", "failed", "materialized"]


def test_what_was_commanded_and_failed_is_tried_again_after_the_cool_down_though_nobody_needs_it() -> None:
    world = world_of(source("d/s"), derived("d/a", "d/s", retry=Retry(0, cool_down="1h")))
    world.fails("d/a")
    world.publish("d/s")
    world.command("materialize", "d/a")
    world.advance("2h")
    assert [run.outcome for run in world.runs("d/a")] == ["failed", "materialized"]


@pytest.mark.parametrize("slots", [1, 8])
def test_what_fails_rests_longer_and_longer_though_a_promise_below_it_is_broken(slots: int) -> None:
    broken = derived("d/a", "d/s", retry=Retry(0, delay="1s", cool_down="1h"))
    world = world_of(source("d/s"), broken, derived("d/b", "d/a", policy=Within("2s")))
    world.slots(slots)
    world.fails("d/a", 1_000)
    publish_each(world, "d/s", "1s", 300)
    begun = [run.granted_at for run in world.runs("d/a")]
    waits = [later - earlier for earlier, later in pairwise(begun)]
    assert waits[1:] == sorted(waits[1:])
    assert len(begun) <= 12


def test_a_silent_worker_loses_its_lease_and_its_late_report_changes_nothing() -> None:
    world = world_of(source("d/s"), derived("d/a", "d/s", policy=Eager()))
    world.takes("d/a", "10m")
    world.publish("d/s")
    world.worker.silent = True
    world.advance("2m")
    assert [run.outcome for run in world.runs("d/a")] == ["lost"]
    world.worker.silent = False
    world.takes("d/a", "1s")
    world.worker.beat()
    world.advance("20m")
    outcomes = [run.outcome for run in world.runs("d/a")]
    assert outcomes == ["lost", "materialized"]
    assert [one["outcome"] for one in world.events("everfresh.run.ended.v1")] == ["lost", "rejected"]


def test_a_run_that_ends_its_workers_is_given_up() -> None:
    world = world_of(source("d/s"), derived("d/a", "d/s", policy=Eager()))
    world.takes("d/a", "1d")
    world.publish("d/s")
    for _ in range(LOSSES_MAX):
        world.kill_worker()
        world.advance("1m")
    assert world.state("d/a")["verdict"] == "failing"
    assert "may be what ends them" in world.state("d/a")["reason"]


def test_a_blocking_check_holds_a_version_back_until_it_is_released() -> None:
    world = world_of(source("d/s"), derived("d/a", "d/s"), derived("d/b", "d/a", policy=Eager()))
    world.publish("d/s")
    world.advance("1s")
    world.check("d/a", "fail")
    world.publish("d/s")
    world.advance("1h")
    assert world.state("d/a")["verdict"] == "quarantined"
    assert len(world.runs("d/b")) == 1
    world.command("release", "d/a")
    world.advance("1s")
    assert world.state("d/b")["cut"]["d/s"] == 2


def test_a_paused_asset_is_granted_nothing_until_it_is_resumed() -> None:
    world = world_of(source("d/s"), derived("d/a", "d/s", policy=Eager()), derived("d/b", "d/a", policy=Eager()))
    world.command("pause", "d/a", reason="a migration")
    world.publish("d/s")
    world.advance("1h")
    assert world.runs() == []
    assert world.state("d/a")["reason"] == "paused by world: a migration"
    world.command("resume", "d/a")
    world.advance("1s")
    assert [run.asset for run in world.runs()] == ["d/a", "d/b"]


def test_a_cancelled_run_is_over_and_what_it_reports_is_rejected() -> None:
    world = world_of(source("d/s"), derived("d/a", "d/s", policy=Eager()))
    world.takes("d/a", "10m")
    world.publish("d/s")
    world.advance("1m")
    world.command("cancel", "d/a")
    world.advance("1h")
    assert [run.outcome for run in world.runs("d/a")] == ["cancelled"]
    world.publish("d/s")
    world.advance("1h")
    assert world.runs("d/a")[-1].outcome == "materialized"


@pytest.mark.parametrize("how", ["cancelled", "failed"])
def test_a_run_only_commanded_that_comes_to_nothing_is_in_nobodys_way(how: str) -> None:
    world = world_of(source("d/s"), derived("d/a", "d/s", takes_ms=60_000), derived("d/b", "d/a", policy=Within("1h")))
    world.takes("a", "1m")
    world.publish("s")
    world.advance("2h")
    world.publish("s")
    world.command("materialize", "a")
    world.advance("30m")
    world.command("materialize", "a")
    world.advance("10s")
    assert world.domain is not None
    assert world.domain.state.nodes["d/b"].requests  # it rides along
    if how == "failed":
        world.fails("a", times=10)
        world.advance("10m")
    else:
        world.command("cancel", "a")
    world.advance("1h")
    assert world.state("b")["verdict"] == "fresh"
    assert len(world.runs("b")) == 2


def test_materialize_runs_an_asset_though_nothing_changed() -> None:
    world = world_of(source("d/s"), derived("d/a", "d/s"))
    world.publish("d/s")
    world.command("materialize", "d/a")
    world.advance("1s")
    world.command("materialize", "d/a")
    world.advance("1s")
    assert len(world.runs("d/a")) == 2


def test_never_more_in_flight_than_slots_and_the_most_urgent_first() -> None:
    names = [f"a{n}" for n in range(6)]
    assets = [derived(f"d/{name}", "d/s", policy=Within(f"{30 - n}s")) for n, name in enumerate(names)]
    world = world_of(source("d/s"), *assets)
    world.slots(2)
    for name in names:
        world.takes(f"d/{name}", "20s")
    world.publish("d/s")
    world.advance("5m")
    runs = world.runs()
    assert [run.asset for run in runs[:2]] == ["d/a5", "d/a4"]
    for run in runs:
        at_once = [one for one in runs if one.granted_at <= run.granted_at < (one.finished_at or 0)]
        assert len(at_once) <= 2


def test_a_pool_bounds_its_assets_and_no_others() -> None:
    pooled = [derived(f"d/p{n}", "d/s", policy=Eager(), pool="warehouse") for n in range(4)]
    world = world_of(source("d/s"), *pooled, derived("d/free", "d/s", policy=Eager()), pools={"warehouse": 1})
    for n in range(4):
        world.takes(f"d/p{n}", "10s")
    world.publish("d/s")
    world.advance("1ms")
    assert sorted(run.asset for run in world.runs()) == ["d/free", "d/p0"]
    world.advance("1m")
    assert len(world.runs()) == 5


def test_what_fails_for_good_is_not_tried_again_by_each_of_many_changes() -> None:
    world = world_of(source("d/s"), derived("d/a", "d/s"), derived("d/b", "d/a", policy=Eager()))
    for _ in range(400):
        world.check("d/a", "fail")
        world.publish("d/s")
        world.advance("100ms")
    assert granted(world, "d/a") == [0, 0.1, 1.1, 3.1, 7.1, 15.1, 31.1]
    world.check("d/a", "pass")
    world.advance("1m")
    world.publish("d/s")
    world.advance("1s")
    assert world.state("d/b")["verdict"] == "fresh"


@pytest.mark.parametrize("outcome", ["lost", "failed", "waiting"])
def test_after_a_deploy_of_new_code_a_run_is_not_tried_again_at_the_old_codes_cut(outcome: str) -> None:
    asset = derived("d/a", "d/s", policy=Eager(), retry=Retry(3, delay="10s"))
    journal = Journal(domain_of(source("d/s"), asset))
    journal.beat("w", 1)
    journal.change("d/s")
    (grant,) = journal.turn()
    if outcome == "waiting":
        journal.report(grant, RunFailed)
    newer = domain_of(source("d/s"), asset.model_copy(update={"code_version": "2"})).model_copy(update={"deploy": 2})
    journal.append(DefinitionsDeclared(**newer.model_dump()), "d")
    journal.clock += 60_000
    if outcome == "lost":
        journal.lose(grant)
    elif outcome == "failed":
        journal.report(grant, RunFailed)
    journal.codes = {"d/a": "2"}
    journal.beat("w", 1)
    (again,) = journal.turn()
    assert again.run != grant.run
    assert (again.attempt, again.cut["code:d/a"], again.code_version) == (1, 2, "2")
