"""Hours and the time between runs: what may not run yet waits, promises count on, and nobody else is held up by it."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from reactors.explain import explain
from streams.errors import DefinitionError
from streams.policies import Eager, Manual, OnDemand, Within
from tests.core.worlds import HOUR, MINUTE, SECOND, derived, granted, single, source, verdicts, world_of

OFFICE = ("08:00", "18:00")


def test_an_eager_asset_runs_in_its_hours_only() -> None:
    world = single(Eager().only_between(*OFFICE))
    world.each("1h", 30, lambda _: world.publish("d/s"))
    world.advance("1d")
    hours = [at / 3_600 % 24 for at in granted(world, "d/a")]
    assert hours
    assert all(8 <= hour < 18 for hour in hours)
    assert world.state("d/a")["verdict"] == "fresh"


def test_a_promise_that_ends_at_night_counts_on_from_the_morning() -> None:
    world = single(Within("2h").only_between(*OFFICE), takes="1m", takes_ms=MINUTE)
    world.publish("d/s")  # at midnight
    world.advance("9h")
    assert world.runs("d/a") == []
    assert world.events("everfresh.alert.*") == []
    world.advance("2h")
    (at,) = granted(world, "d/a")
    assert 8 * 3_600 <= at < 10 * 3_600
    assert world.events("everfresh.alert.*") == []


def test_hours_may_go_over_midnight() -> None:
    world = single(Eager().only_between("22:00", "02:00"))
    world.advance("3h")
    world.publish("d/s")
    world.advance("1d")
    assert granted(world, "d/a") == [22 * 3_600]


def test_what_a_consumer_needs_waits_for_its_hours_and_nobody_else_does() -> None:
    world = world_of(
        source("d/s"),
        derived("d/night", "d/s", policy=OnDemand().only_between("01:00", "05:00")),
        derived("d/soon", "d/night", policy=Within("10m")),
        derived("d/beside", "d/s", policy=Within("10m")),
    )
    world.publish("d/s")
    world.advance("6h")
    world.publish("d/s")
    world.advance("30m")
    assert len(world.runs("d/night")) == 1
    assert world.state("d/soon")["verdict"] == "overdue"
    assert len(world.runs("d/beside")) == 2
    world.advance("18h30m")
    assert world.runs("d/night")[1].granted_at == world.clock
    assert world.state("d/soon")["verdict"] == "fresh"


def test_explain_says_until_when_it_is_held() -> None:
    world = single(Eager().only_between(*OFFICE).at_most_every("30m"))
    world.publish("d/s")
    world.command("materialize", "d/a")
    assert world.domain is not None
    assert "It may not run before 2026-01-01T08:00:00.000Z: its hours are 08:00-18:00 UTC." in explain(
        world.domain, "d/a", world.clock
    )


def test_runs_are_at_least_so_far_apart_however_many_changes_come() -> None:
    world = single(Eager().at_most_every("10m"), takes="5s")
    world.each("7s", 600, lambda _: world.publish("d/s"))
    world.advance("1h")
    times = granted(world, "d/a")
    assert len(times) >= 6
    assert min(later - earlier for earlier, later in pairwise(times)) >= 600
    assert world.state("d/a")["verdict"] == "fresh"


def test_a_consumers_promise_has_to_wait_for_it_too() -> None:
    world = world_of(
        source("d/s"),
        derived("d/a", "d/s", policy=OnDemand().at_most_every("10m")),
        derived("d/b", "d/a", policy=Eager()),
    )
    world.each("30s", 100, lambda _: world.publish("d/s"))
    world.advance("1h")
    times = granted(world, "d/a")
    assert min(later - earlier for earlier, later in pairwise(times)) >= 600
    assert world.state("d/b")["verdict"] == "fresh"


def test_a_promise_leaves_room_for_an_ancestor_that_may_have_run_just_now() -> None:
    world = world_of(
        source("d/s"),
        source("d/t"),
        derived("d/a", "d/s", policy=Eager().at_most_every("10m")),
        derived("d/b", "d/a", "d/t", policy=Within("30m")),
    )
    world.each("47s", 500, lambda number: world.publish("d/s" if number % 2 else "d/t"))
    world.advance("1h")
    assert world.events("everfresh.alert.*") == []


def test_a_promise_that_its_ancestors_rest_makes_impossible_is_called_infeasible() -> None:
    world = world_of(
        source("d/s"),
        derived("d/a", "d/s", policy=OnDemand().at_most_every("1h")),
        derived("d/b", "d/a", policy=Within("30m")),
    )
    world.publish("d/s")
    world.advance("1m")
    assert "infeasible" in verdicts(world, "d/b")


def test_a_failed_attempt_is_tried_again_without_waiting_for_the_span() -> None:
    world = single(Eager().at_most_every("1h"))
    world.fails("d/a", times=1)
    world.publish("d/s")
    world.advance("1m")
    assert [run.outcome for run in world.runs("d/a")] == ["failed", "materialized"]


def test_what_is_fresh_and_commanded_to_run_waits_for_the_span_and_then_runs() -> None:
    with single(Eager().at_most_every("1m")) as world:
        world.publish("s")
        world.advance("1s")
        world.command("materialize", "a")
        world.advance("5m")
        first, second = (run.granted_at for run in world.runs("a"))
        assert second - first == 60_000


def test_a_crash_forgets_neither_hours_nor_span() -> None:
    world = single(Eager().at_most_every("10m").only_between(*OFFICE))
    world.publish("d/s")
    world.advance("8h")
    world.publish("d/s")
    world.advance("1m")
    world.crash()
    world.restart()
    world.advance("1h")
    assert granted(world, "d/a") == [8 * HOUR / SECOND, 8 * HOUR / SECOND + 600]


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (
            lambda: Within("5m").at_most_every("10m"),
            "at_most_every('10m') contradicts Within('5m'): a run that soon after another would be missing",
        ),
        (
            lambda: Manual().at_most_every("1m"),
            "at_most_every('1m') makes no sense with Manual: it runs on command only",
        ),
        (
            lambda: Eager().at_most_every("soon"),
            "at_most_every('soon'): 'soon' is no duration above zero; write it like '30s', '5m'",
        ),
        (
            lambda: Eager().only_between("8", "18:00"),
            "only_between('8', '18:00', tz='UTC'): '8' is no time of day; write it like '08:30'",
        ),
        (
            lambda: Eager().only_between("08:00", "08:00"),
            "only_between('08:00', '08:00', tz='UTC') begins and ends at one time; for the whole day leave it out",
        ),
    ],
)
def test_contradictions_are_refused_with_the_reason(made: Callable[[], object], sentence: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        made()
    assert str(refused.value) == sentence
