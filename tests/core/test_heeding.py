"""What makes an asset stale at all: inputs ignored, all of them required, new code, first versions."""

import pytest

from everfresh.testing import World
from streams.definitions import AssetDef
from streams.errors import DefinitionError
from streams.partitions import Windows
from streams.policies import Cron, Eager, Manual, OnDemand, Policy, Within
from tests.core.worlds import FIVE_MINUTES, SECOND, derived, domain_of, granted, source, verdicts, world_of


def two_inputs(policy: Policy, **fields: object) -> World:
    """s and t are read by a, which has the policy; both have a version, and a has run."""
    world = world_of(source("d/s"), source("d/t"), derived("d/a", "d/s", "d/t", policy=policy, **fields), takes="1s")
    world.publish("s")
    world.publish("t")
    world.advance("1h")
    return world


def runs_since(world: World, asset: str, count: int) -> list[dict[str, tuple[int, int]]]:
    return [run.covers for run in world.runs(asset)[count:]]


def test_what_comes_through_an_ignored_input_runs_nothing_and_is_read_by_the_next_run() -> None:
    with two_inputs(FIVE_MINUTES.ignore("d/t")) as world:
        world.publish("t")
        world.advance("1h")
        assert len(world.runs("a")) == 1
        assert (world.state("a")["verdict"], world.state("a")["lag"]) == ("fresh", 0)
        assert world.state("a")["reason"] == "nothing changed since its cut but what its policy ignores"
        world.publish("s")
        world.advance("5m")
        assert runs_since(world, "a", 1) == [{"d/s": (2, 2), "d/t": (2, 2)}]
        assert world.runs("a")[1].inputs["d/t"].cut == {"d/t": 2}


def test_a_promise_counts_from_what_isnt_ignored() -> None:
    with two_inputs(FIVE_MINUTES.ignore("d/t")) as world:
        begin = world.clock
        world.publish("t")
        world.advance("4m")
        world.publish("s")
        world.advance("4m")
        assert len(world.runs("a")) == 1
        world.advance("1m")
        finished = world.runs("a")[1].finished_at
        assert finished is not None
        assert finished <= begin + 9 * 60 * SECOND
        assert verdicts(world, "d/a")[-2:] == ["stale", "fresh"]


def test_what_is_ignored_above_makes_nothing_below_stale() -> None:
    world = world_of(
        source("d/s"),
        source("d/t"),
        derived("d/a", "d/s", "d/t", policy=OnDemand().ignore("d/t")),
        derived("d/b", "d/a", policy=Eager()),
        derived("d/c", "d/a", "d/t", policy=Eager()),  # hears of it by itself, so a is brought along
    )
    world.publish("s")
    world.publish("t")
    world.advance("1m")
    before = {key: len(world.runs(key)) for key in ("a", "b", "c")}
    world.publish("t")
    world.advance("1m")
    assert {key: len(world.runs(key)) - count for key, count in before.items()} == {"a": 1, "b": 0, "c": 1}
    assert world.state("b")["lag"] == 0


def test_what_was_ignored_while_it_failed_is_a_reason_to_try_again() -> None:
    with two_inputs(Eager().ignore("d/t")) as world:
        world.fails("a", times=3)
        world.publish("s")
        world.advance("1m")
        assert world.state("a")["verdict"] == "failing"
        world.publish("t")
        world.advance("1m")
        assert world.state("a")["verdict"] == "fresh"


def test_a_quiet_eager_waits_for_what_it_heeds_to_go_quiet() -> None:
    with two_inputs(Eager(quiet="10s").ignore("d/t")) as world:
        begin = world.clock
        world.publish("s")
        world.each("1s", 60, lambda _: world.publish("t"))
        assert world.runs("a")[1].granted_at == begin + 10 * SECOND


def test_an_asset_that_requires_all_waits_until_each_input_changed_and_counts_from_then() -> None:
    with two_inputs(FIVE_MINUTES.require("all")) as world:
        before = len(world.events("everfresh.alert.*"))
        world.each("1m", 60, lambda _: world.publish("s"))
        assert len(world.runs("a")) == 1
        assert (world.state("a")["verdict"], world.state("a")["lag"]) == ("fresh", 0)
        said = "not each of its inputs changed since its cut, and its policy requires all"
        assert world.state("a")["reason"] == said
        complete = world.clock
        world.publish("t")
        assert world.state("a")["verdict"] == "stale"
        world.advance("5m")
        assert runs_since(world, "a", 1) == [{"d/s": (2, 61), "d/t": (2, 2)}]
        assert complete + 240 * SECOND < world.runs("a")[1].granted_at < complete + 300 * SECOND
        assert len(world.events("everfresh.alert.*")) == before


def test_all_are_counted_anew_after_each_run() -> None:
    with two_inputs(Eager().require("all")) as world:
        for _ in range(3):
            world.publish("s")
            world.publish("s")
            world.publish("t")
            world.advance("1m")
        assert [len(covers) for covers in runs_since(world, "a", 1)] == [2, 2, 2]


def test_all_means_those_that_arent_ignored() -> None:
    reads = ("d/s", "d/t", "d/u")
    world = world_of(*map(source, reads), derived("d/a", *reads, policy=Eager().require("all").ignore("d/u")))
    for key in ("s", "t", "u"):
        world.publish(key)
    world.advance("1m")
    world.publish("s")
    world.publish("t")
    world.advance("1m")
    assert len(world.runs("a")) == 2


def test_a_promise_below_brings_what_waits_for_all_of_its_inputs() -> None:
    world = world_of(
        source("d/s"),
        source("d/t"),
        derived("d/a", "d/s", "d/t", policy=Eager().require("all")),
        derived("d/b", "d/a", policy=FIVE_MINUTES),
    )
    world.publish("s")
    world.publish("t")
    world.advance("1h")
    world.publish("s")
    world.advance("5m")
    assert world.state("b")["cut"]["d/s"] == 2
    assert world.state("b")["lag"] == 0


def test_an_input_that_is_computed_counts_as_changed_with_what_is_above_it() -> None:
    world = world_of(
        source("d/s"),
        source("d/t"),
        derived("d/m", "d/s"),
        derived("d/a", "d/m", "d/t", policy=Eager().require("all")),
    )
    world.publish("s")
    world.publish("t")
    world.advance("1m")
    world.publish("t")
    world.advance("1m")
    assert len(world.runs("a")) == 1
    world.publish("s")
    world.advance("1m")
    assert len(world.runs("a")) == 2


def with_code(policy: Policy, version: str) -> AssetDef:
    return derived("d/a", "d/s", policy=policy, code_version=version)


@pytest.mark.parametrize(
    ("policy", "waits"),
    [
        (Within("1h"), 3_500),
        (Within("1h").on_code_change("now"), 0),
        (Within("1h").on_code_change("ignore"), None),
        (Cron(expression="0 0 * * *").on_code_change("now"), 0),
        (Within("1h").require("all").on_code_change("now"), 0),
    ],
)
def test_new_code_runs_later_or_now_or_with_the_next_change(policy: Policy, waits: int | None) -> None:
    with world_of(source("d/s"), with_code(policy, "1")) as world:
        world.publish("s")
        world.advance("1d")
        count, begin = len(world.runs("a")), world.clock
        world.deploy(domain_of(source("d/s"), with_code(policy, "2")).model_copy(update={"deploy": 2}))
        world.advance("2h")
        found = [(run.granted_at - begin) / SECOND for run in world.runs("a")[count:]]
        if waits is None:
            assert found == []
            world.publish("s")
            world.advance("1h")
            assert world.runs("a")[-1].cut["code:d/a"] == 2
        else:
            (after,) = found
            assert waits <= after <= waits + 100


@pytest.mark.parametrize("policy", [Within("1h"), Cron(expression="0 0 * * *"), OnDemand(), Manual()])
def test_a_first_version_may_be_computed_at_once_whatever_the_policy(policy: Policy) -> None:
    chosen = policy.on_missing()
    with world_of(source("d/s"), derived("d/m", "d/s"), derived("d/a", "d/m", policy=chosen), takes="1s") as world:
        world.advance("1m")
        assert world.runs("a") == []
        world.publish("s")
        world.advance("3s")
        assert granted(world, "a") == [61.0]
        assert "it has no version yet" in world.runs("a")[0].reason
        count = len(world.runs("a"))
        world.publish("s")
        world.advance("1m")
        assert len(world.runs("a")) == count  # from then on the policy says when


def test_ignoring_goes_by_partitions_too() -> None:
    days = Windows(unit="day", first="2026-01-01")
    policy = Eager().ignore("d/t")
    world = world_of(
        source("d/s", partitions=days), source("d/t"), derived("d/a", "d/s", "d/t", policy=policy, partitions=days)
    )
    world.publish("t")
    world.publish("s", partition="2026-01-01")
    world.publish("s", partition="2026-01-02")
    world.advance("1m")
    world.publish("t")
    world.advance("1m")
    assert len(world.runs("a")) == 2
    world.publish("s", partition="2026-01-02")
    world.advance("1m")
    assert [run.partition for run in world.runs("a")[2:]] == ["2026-01-02"]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Manual().ignore("d/s"), "makes no sense with Manual: it runs on command only"),
        (lambda: Eager().ignore(), "name the inputs to ignore"),
        (lambda: Eager().ignore(3), "name the inputs to ignore"),
        (lambda: OnDemand().require("all"), "makes no sense with OnDemand: it is never due by itself"),
        (lambda: Eager().require("most"), "it is 'any' or 'all'"),  # type: ignore[arg-type]
        (lambda: OnDemand().on_code_change("now"), "makes no sense with OnDemand"),
        (lambda: Eager().on_code_change("soon"), "it is 'later', 'now' or 'ignore'"),  # type: ignore[arg-type]
    ],
)
def test_what_contradicts_itself_is_refused_where_it_is_written(make: object, reason: str) -> None:
    with pytest.raises(DefinitionError, match=reason):
        make()  # type: ignore[operator]


def test_ignoring_what_isnt_read_is_refused_with_what_may_be_meant() -> None:
    with pytest.raises(
        DefinitionError, match="'d/a' ignores 'd/orders', which it doesn't read; did you mean 'd/order'"
    ):
        world_of(source("d/order"), source("d/t"), derived("d/a", "d/order", "d/t", policy=Eager().ignore("d/orders")))


def test_ignoring_all_that_is_read_is_refused() -> None:
    with pytest.raises(DefinitionError, match="'d/a' ignores all that it reads"):
        world_of(source("d/s"), derived("d/a", "d/s", policy=Eager().ignore("d/s")))
