"""How long a run is expected to take: what was declared, and ever more what was seen."""

from everfresh.testing import World
from streams.policies import Within
from tests.core.worlds import MINUTE, SECOND, derived, source, verdicts, world_of


def lived(takes_ms: int, *seconds: int, slots: int = 0) -> World:
    """d/s → d/a, promised within 1m, after runs of so many seconds each, one in ten minutes."""
    world = world_of(source("d/s"), derived("d/a", "d/s", policy=Within("1m"), takes_ms=takes_ms))
    if slots:
        world.slots(slots)
    for took in seconds:
        world.takes("d/a", took * SECOND)
        world.publish("d/s")
        world.advance("10m")
    return world


def known(world: World) -> tuple[int, int]:
    """What a run of d/a is expected to take, and at most, in seconds."""
    assert world.domain is not None
    node = world.domain.state.nodes["d/a"]
    return node.takes // SECOND, node.most // SECOND


def test_one_slow_start_makes_no_promise_infeasible_and_a_second_one_does() -> None:
    assert verdicts(lived(5_000, 45), "d/a")[-1] == "fresh"
    assert verdicts(lived(5_000, 45, 45), "d/a")[-1] == "infeasible"
    assert verdicts(lived(0, 45), "d/a")[-1] == "infeasible"  # nothing else is known


def test_a_declared_duration_counts_until_five_runs_were_seen() -> None:
    after = [known(lived(10_000, *[2] * runs)) for runs in range(6)]
    assert after == [(10, 20), (10, 20), (10, 20), (10, 14), (2, 12), (2, 2)]  # it falls in steps


def test_what_takes_longer_than_declared_is_believed_the_second_time() -> None:
    assert [known(lived(10_000, *[20] * runs)) for runs in range(3)] == [(10, 20), (10, 20), (20, 20)]


def test_a_second_run_that_takes_twice_what_was_declared_is_in_time() -> None:
    target = derived("d/b", "d/a", policy=Within("20s"), takes_ms=5_000)
    world = world_of(source("d/s"), derived("d/a", "d/s", takes_ms=5_000), target, takes="3s")
    world.publish("d/s")
    world.advance("1h")
    world.takes("d/a", "9s")
    world.takes("d/b", "5s")
    world.publish("d/s")
    world.advance("1h")
    assert [run.outcome for run in world.runs("d/b")] == ["materialized"] * 2
    assert world.events("everfresh.alert.*") == []


def granted_before(world: World) -> int:
    """How long before its promise of 1m the last run of d/a began, in seconds: each world publishes once in 10m."""
    *_, last = world.runs("d/a")
    published = world.clock - 10 * MINUTE
    return (published + MINUTE - last.granted_at) // SECOND


def test_after_a_slow_start_the_next_run_begins_in_time_for_another_one() -> None:
    assert granted_before(lived(5_000, 30, 5)) == 30
    assert granted_before(lived(5_000, 30, 5, 5, 5, 5)) == 30
    assert granted_before(lived(5_000, 30, 5, 5, 5, 5, 5)) < 12  # by now it was the only one of five


def test_where_slots_are_few_too_the_next_run_after_a_slow_start_is_in_time() -> None:
    assert granted_before(lived(5_000, 30, 30, slots=1)) >= 30
