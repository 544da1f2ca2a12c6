"""Budgets under random plays: what holds whatever was used, changed, deployed, and whenever the reactor died."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from everfresh.testing import World
from reactors.admission import next_instant, propose
from reactors.snapshots import restore
from reactors.timers import due
from streams.budgets import Budget
from streams.definitions import Manifest
from streams.policies import Cron, Eager, Within
from tests.core.test_budgets import bill
from tests.core.worlds import DAY, HOUR, MINUTE, derived, domain_of, source

Step = tuple[str, Any]

BUDGETS = (
    Budget.said("20 USD/day", name="day", on_breach="throttle", tz="America/New_York"),
    Budget.said("30 USD/day", name="hard", on_breach="pause"),
    Budget.said("8 USD/hour", name="hour", assets=("d/o",), on_breach="pause"),
    Budget.said("90 credits/week", name="none", on_breach="pause"),  # nobody's resource is called so
    Budget.said("20 warehouse/day", name="growth", owner="growth", on_breach="throttle", stretch=9),
    Budget.said("5 USD/day", name="day", on_breach="pause", owner="growth"),
)
KEYS = ("d/a", "d/b", "d/c", "d/o", "d/e")
AMOUNTS = st.sampled_from((1, 2, 3, 5, 9, 30, 0.01, -4, -30))
ASSETS = st.sampled_from(("d/s", "d/a", "d/b", "d/o", "d/o", "d/e"))
STEPS = st.one_of(
    st.tuples(st.just("bill"), st.tuples(AMOUNTS, ASSETS)),
    st.tuples(st.just("publish"), st.just("d/s")),
    st.tuples(st.just("advance"), st.sampled_from((1, MINUTE, 7 * MINUTE, HOUR, 5 * HOUR, DAY))),
    st.tuples(st.just("declare"), st.lists(st.sampled_from(BUDGETS), max_size=4, unique_by=lambda one: one.name)),
)
PLAYS = st.lists(STEPS, max_size=25)


def manifest(budgets: tuple[Budget, ...]) -> Manifest:
    assets = (
        source("d/s"),
        derived("d/a", "d/s", policy=Within("10m"), owner="growth"),
        derived("d/b", "d/s", policy=Eager()),
        derived("d/c", "d/a", policy=Cron(expression="0 */2 * * *"), owner="growth"),
        derived("d/o", "d/c"),
        derived("d/e", "d/o", "d/b", policy=Eager()),
    )
    return domain_of(*assets).model_copy(update={"budgets": budgets})


def begin(budgets: tuple[Budget, ...] = BUDGETS[:4]) -> World:
    world = World(manifest(budgets))
    for asset, takes in (("d/a", "2m"), ("d/b", "0s"), ("d/c", "30s"), ("d/e", "20m")):
        world.takes(asset, takes)
    return world


def do(world: World, step: Step) -> None:
    what, how = step
    if what == "bill":
        bill(world, *how)
    elif what == "declare":
        world.deploy(manifest(tuple(how)))
    elif what == "publish":
        world.publish(how)
    else:
        world.advance(how)


def paused(world: World) -> set[str]:
    """Assets of which nothing may begin now."""
    assert world.domain is not None
    return {key for key, limit in world.domain.limits.items() if limit.pauses and world.clock < limit.until}


@settings(deadline=None)
@given(PLAYS)
def test_a_restart_at_any_moment_changes_nothing(steps: list[Step]) -> None:
    world = begin()
    for step in steps:
        do(world, step)
        live = world.domain
        assert live is not None
        again = restore(live.dump())
        assert again is not None
        assert (again.digest(), again.limits) == (live.digest(), live.limits)
        assert next_instant(again) == next_instant(live)
        assert propose(again, world.clock, world.terms) == []
        for key, node in live.state.nodes.items():
            assert node.wake_at == due(live, node), key


@settings(deadline=None)
@given(PLAYS, st.integers(1, 9))
def test_a_reactor_that_dies_again_and_again_tells_the_same(steps: list[Step], every: int) -> None:
    one, other = begin(), begin()
    other.snapshot_every = every
    for place, step in enumerate(steps):
        for world in (one, other):
            do(world, step)
        if place % 2:
            other.crash()
            other.restart()
    budgets = [[out for out in world.events("everfresh.alert.*") if "budget" in out["rule"]] for world in (one, other)]
    assert budgets[0] == budgets[1]
    assert [run.granted_at for run in one.runs()] == [run.granted_at for run in other.runs()]


@settings(deadline=None)
@given(PLAYS)
def test_nothing_begins_while_it_is_paused_and_all_goes_on_after(steps: list[Step]) -> None:
    world = begin()
    for step in steps:
        do(world, step)
        held, begun = paused(world), len(world.runs())
        world.publish("d/s")
        assert not held & {run.asset for run in world.runs()[begun:]}
    world.publish("d/s")
    world.deploy(manifest(()))
    world.advance(2 * DAY)
    assert world.domain is not None
    assert world.domain.limits == {}
    assert world.domain.state.spendings == {}
    assert {world.state(key)["verdict"] for key in KEYS} == {"fresh"}


@settings(deadline=None)
@given(PLAYS)
def test_a_period_that_is_over_holds_nobody_and_fires_nothing(steps: list[Step]) -> None:
    world = begin()
    for step in steps:
        do(world, step)
    world.publish("d/s")
    world.advance(8 * DAY)
    assert {world.state(key)["verdict"] for key in KEYS} == {"fresh"}
    assert world.domain is not None
    assert [one for one in world.domain.state.alerts if "budget" in one] == []
    assert world.domain.limits == {}


def test_a_bill_that_comes_down_lets_go_at_once_what_slept_in_a_wave() -> None:
    reads = derived("d/o", "d/s"), derived("d/e", "d/o", policy=Eager())
    small = Budget.said("8 USD/day", assets=("d/s", "d/o"), on_breach="pause", forecast=False)
    world = World(domain_of(source("d/s"), *reads).model_copy(update={"budgets": (small,)}))
    bill(world, 9)
    world.publish("d/s")
    world.advance(HOUR)
    assert world.runs() == []
    bill(world, -5)
    world.advance("1s")
    assert [run.asset for run in world.runs()] == ["d/o", "d/e"]
