"""When something runs: as late as the promise allows, once a wave, never on mixed inputs."""

from everfresh.testing import World
from streams.policies import Eager, Manual, OnDemand, Within
from tests.checker import check, read
from tests.core.worlds import derived, domain_of, granted, skipping_diamond, source, world_of

SECOND, MINUTE = 1_000, 60_000


def test_an_update_that_lands_while_its_child_runs_is_never_lost() -> None:
    world = world_of(source("d/s"), derived("d/a", "d/s", policy=Eager()))
    world.takes("d/a", "10s")
    world.publish("d/s")
    world.advance("5s")
    world.publish("d/s")
    world.advance("1m")
    assert [run.cut["d/s"] for run in world.runs("d/a")] == [1, 2]
    assert world.state("d/a")["verdict"] == "fresh"


def test_a_diamond_with_a_skip_runs_its_end_once_a_wave_and_never_on_mixed_cuts() -> None:
    world = world_of(*skipping_diamond(Eager()).assets)
    for name in ("a", "b", "c1", "c2", "d"):
        world.takes(f"d/{name}", "700ms")
    world.each("500ms", 10, lambda _: world.publish("d/s"))
    world.advance("1m")
    runs = world.runs("d/d")
    assert len({run.wave for run in runs}) == len(runs)
    assert runs[-1].cut["d/s"] == 10
    for run in runs:
        assert all(pin.cut.get("d/s", run.cut["d/s"]) == run.cut["d/s"] for pin in run.inputs.values())
    assert check(read(world.exported()), quiet=True).violations == []


def test_a_recompute_with_an_equal_fingerprint_runs_nothing_downstream() -> None:
    world = world_of(source("d/s"), derived("d/a", "d/s"), derived("d/b", "d/a", policy=Eager()))
    world.publish("d/s")
    world.advance("1s")
    world.unchanged("d/a")
    world.publish("d/s")
    world.advance("1s")
    assert [run.outcome for run in world.runs("d/a")] == ["materialized", "verified"]
    assert len(world.runs("d/b")) == 1
    moved = world.events("everfresh.asset.verified.v1")[-1]
    assert (moved["asset"], moved["run"], moved["cut"]["d/s"]) == ("d/b", None, 2)


def burst(policy: Eager) -> list[int]:
    """The cuts of the runs that 100 updates in two seconds lead to, on an asset that takes 0.2 s."""
    world = world_of(source("d/s"), derived("d/a", "d/s", policy=policy))
    world.takes("d/a", "200ms")
    world.each("20ms", 100, lambda _: world.publish("d/s"))
    world.advance("1m")
    return [run.cut["d/s"] for run in world.runs("d/a")]


def test_a_burst_is_taken_in_by_few_eager_runs_the_last_update_too() -> None:
    cuts = burst(Eager())
    assert 5 <= len(cuts) <= 11
    assert cuts[-1] == 100


def test_a_quiet_eager_waits_for_the_end_of_a_burst() -> None:
    cuts = burst(Eager(quiet="1s"))
    assert 1 <= len(cuts) <= 2
    assert cuts[-1] == 100


def test_max_wait_bounds_a_burst_that_never_goes_quiet() -> None:
    world = world_of(source("d/s"), derived("d/a", "d/s", policy=Eager(quiet="1s", max_wait="10s")))
    world.each("500ms", 60, lambda _: world.publish("d/s"))
    assert 2 <= len(world.runs("d/a")) <= 4


def test_a_promise_is_kept_as_late_as_it_allows_by_one_run_for_many_changes() -> None:
    world = world_of(source("d/s"), derived("d/a", "d/s", policy=Within("5m"), takes_ms=10_000))
    world.takes("d/a", "10s")
    begun = world.clock
    world.each("10s", 12, lambda _: world.publish("d/s"))
    world.advance("10m")
    [run] = world.runs("d/a")
    assert world.domain is not None
    # Nobody measured it yet, so it may take twice as long as declared; and the decision has a way of its own.
    assert run.granted_at - begun == 5 * MINUTE - 20 * SECOND - world.domain.state.moment
    assert run.covers["d/s"] == (1, 12)


def test_an_endless_burst_still_meets_its_deadline() -> None:
    world = world_of(source("d/s"), derived("d/report", "d/s", policy=Within("5m"), takes_ms=5_000))
    world.takes("d/report", "5s")
    longest = 0
    for _ in range(3_600):
        world.publish("d/s")
        world.advance("1s")
        longest = max(longest, world.state("d/report")["lag"])
    assert longest <= 5 * MINUTE
    assert 12 <= len(world.runs("d/report")) <= 14
    assert world.events("everfresh.alert.*") == []


def test_an_on_demand_asset_runs_only_when_a_promise_needs_it() -> None:
    world = world_of(
        source("d/s"),
        derived("d/needed", "d/s"),
        derived("d/unneeded", "d/s", policy=OnDemand()),
        derived("d/x", "d/needed", policy=Eager()),
    )
    world.publish("d/s")
    world.advance("1h")
    assert len(world.runs("d/needed")) == 1
    assert world.runs("d/unneeded") == []


def test_a_manual_asset_is_a_source_to_its_readers() -> None:
    world = world_of(source("d/s"), derived("d/m", "d/s", policy=Manual()), derived("d/x", "d/m", policy=Eager()))
    world.publish("d/s")
    world.advance("1h")
    assert world.runs() == []
    assert world.state("d/x")["verdict"] == "unknown"
    world.command("materialize", "d/m")
    world.advance("1s")
    assert [run.asset for run in world.runs()] == ["d/m", "d/x"]
    assert world.runs("d/x")[0].cut["d/m"] == 1


def neighbours(takes: dict[str, str], later: str) -> World:
    """x and y read a; y reads b as well, which nobody else does; all have one change to take in, and x is due first."""
    world = world_of(
        source("d/s"),
        source("d/t"),
        derived("d/a", "d/s"),
        derived("d/b", "d/t"),
        derived("d/x", "d/a", policy=Within("10m")),
        derived("d/y", "d/a", "d/b", policy=Within(later)),
    )
    for asset, duration in takes.items():
        world.takes(asset, duration)
    for _ in range(2):
        world.publish("d/s")
        world.publish("d/t")
        world.advance("2h")
    return world


def test_a_neighbour_rides_along_with_what_it_lacks_where_a_run_that_both_need_is_dear() -> None:
    world = neighbours({"d/a": "60s", "d/b": "1s", "d/x": "1s", "d/y": "1s"}, "13m")
    assert {run.wave for run in world.runs()[4:]} == {world.runs("d/x")[1].wave}


def test_a_neighbour_waits_for_its_own_due_moment_where_it_would_lose_more_than_it_saves() -> None:
    dear = neighbours({"d/a": "1s", "d/b": "60s", "d/x": "1s", "d/y": "60s"}, "16m")
    early = neighbours({"d/a": "10s", "d/b": "1s", "d/x": "1s", "d/y": "1s"}, "60m")
    for world in (dear, early):
        assert world.runs("d/y")[1].wave != world.runs("d/x")[1].wave


def test_a_source_that_exists_can_be_read_before_any_change() -> None:
    world = world_of(source("d/s", exists=True), derived("d/a", "d/s", policy=Eager()))
    world.advance("1s")
    assert [run.cut["d/s"] for run in world.runs("d/a")] == [0]


def test_where_one_slot_serves_many_promises_the_first_run_begins_early_enough_for_the_last() -> None:
    targets = [derived(f"d/x{number}", "d/s", policy=Within("8m"), takes_ms=MINUTE) for number in range(6)]
    world = world_of(source("d/s"), *targets, takes="1m")
    world.slots(1)
    world.publish("d/s")
    world.advance("10m")  # each has a version
    world.publish("d/s")
    world.advance("10m")
    assert [len(world.runs(f"d/x{number}")) for number in range(6)] == [2] * 6
    assert world.events("everfresh.alert.*") == []
    reasons = [run.reason for run in world.runs()[6:]]
    assert any(reason.startswith("others' work stands before its promise") for reason in reasons)
    begun = world.runs()[6].granted_at
    assert begun >= world.clock - 10 * MINUTE + MINUTE // 2  # and no earlier than that takes


def test_a_wave_joins_no_cut_from_before_there_was_what_its_target_reads() -> None:
    read = derived("d/a", "d/s", policy=Within("1m"))
    world = world_of(source("d/s"), source("d/t"), read, derived("d/j", "d/a", policy=Within("2m")), takes="10s")
    world.publish("d/s")
    world.advance("1h")
    reads_more = derived("d/j", "d/a", "d/t", policy=Within("2m"))
    world.deploy(domain_of(source("d/s"), source("d/t"), read, reads_more))
    world.advance("1h")
    world.publish("d/s")
    world.advance("50s")  # d/a runs
    world.publish("d/t")
    world.advance("1h")
    assert [run.cut["d/t"] for run in world.runs("j")[1:]] == [1]


def test_while_the_pool_is_full_for_what_was_commanded_the_waves_below_it_wait() -> None:
    dear = derived("d/x", "d/t", policy=Eager(), pool="warehouse")
    line = [
        derived("d/c0", "d/s", policy=Within("10s")),
        derived("d/c1", "d/c0", pool="warehouse"),
        derived("d/c2", "d/c1", policy=Within("1m")),
    ]
    world = world_of(source("d/s"), source("d/t"), dear, *line, takes="1s", pools={"warehouse": 1})
    world.publish("d/s")
    world.publish("d/t")
    world.advance("1h")
    world.takes("d/x", "10m")
    world.unchanged("d/c0")
    world.publish("d/s")
    world.advance("20s")
    world.publish("d/t")
    world.advance("1s")
    world.command("materialize", "d/c1")
    world.advance("5m")
    assert [len(world.runs(name)) for name in ("c0", "c1", "c2", "x")] == [2, 1, 1, 2]
    world.advance("1h")
    assert [len(world.runs(name)) for name in ("c0", "c1", "c2", "x")] == [2, 2, 2, 2]


def test_nobody_rides_at_a_cut_from_before_a_deploy_that_changed_what_is_above_it() -> None:
    sources = [source("d/s"), source("d/t"), source("d/u")]
    dear = [derived("d/a", "d/s", takes_ms=30_000), derived("d/z", "d/a", policy=Within("1m"))]
    join = derived("d/j", "d/a", "d/b", policy=Within("2m"))
    world = world_of(*sources, *dear, derived("d/b", "d/t"), join, takes="1s")
    world.takes("d/a", "30s")
    for one in sources:
        world.publish(one.key)
    world.advance("1h")
    world.publish("d/s")
    world.advance("45s")  # d/a runs, for d/z and d/j
    world.deploy(domain_of(*sources, *dear, derived("d/b", "d/t", "d/u"), join))
    world.advance("1h")
    assert [run.cut["code:d/b"] for run in world.runs("d/j")[1:]] == [2]
    assert check(read(world.exported()), quiet=True).violations == []


def test_a_wave_joins_what_is_made_above_it_though_something_else_was_moved_meanwhile() -> None:
    line = [derived("d/a", "d/s"), derived("d/b", "d/a"), derived("d/e", "d/b", policy=Eager())]
    target = derived("d/t", "d/b", policy=Within("32s"))
    world = world_of(source("d/s"), source("d/u"), *line, target, derived("d/g", "d/u", policy=Eager()), takes="10s")
    world.takes("d/t", "1s")
    world.publish("d/s")
    world.publish("d/u", fingerprint="same")
    world.advance("1h")
    world.publish("d/s")
    world.advance("1s")
    world.publish("d/u", fingerprint="same")  # nothing to run, and a newer cut
    world.advance("11s")  # by now the target is due, and waits for what is made above it
    world.publish("d/s")
    world.advance("1h")
    assert granted(world, "d/t")[1:] == [3620.0, 3642.998]  # the second as late as its promise allows
    assert world.events("everfresh.alert.*") == []
