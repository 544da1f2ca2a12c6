"""A recorded journal under other promises: what is repeated, what is decided anew, and what that comes to."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import everfresh as ef
from everfresh.policy_text import read_policy
from everfresh.scores import Score
from everfresh.testing import World
from everfresh.whatif import Past, Recording, again
from reactors.apply import apply
from reactors.domain import Domain
from streams.errors import DefinitionError
from streams.policies import Manual, OnDemand, Policy

POLICIES = [ef.Within("5m"), ef.Within("20m"), ef.Eager(), ef.Eager(quiet="1m", max_wait="5m"), OnDemand()]


def shop(*, clean: Policy = OnDemand(), totals: Policy = OnDemand(), report: Policy = ef.Within("5m")) -> ef.App:  # noqa: B008
    """orders and rates; clean reads orders, totals reads rates, report reads both: a join."""
    app = ef.App("shop")
    orders, rates = app.source("orders"), app.source("rates")

    @app.asset(deps=[orders], freshness=clean, name="clean", takes="10s")
    def _clean(orders: ef.Input) -> None: ...

    @app.asset(deps=[rates], freshness=totals, name="totals", takes="20s")
    def _totals(rates: ef.Input) -> None: ...

    @app.asset(deps={"clean": "shop/clean", "totals": "shop/totals"}, freshness=report, name="report", takes="30s")
    def _report(clean: ef.Input, totals: ef.Input) -> None: ...

    return app


def record(world: World) -> Recording:
    """What a world's journal tells, read as from a log."""
    found, domain = Recording(), Domain()
    for offset, (time, event) in enumerate(world.journal):
        outputs = apply(domain, offset, time, event)
        found.take(domain, event, outputs)
    found.end()
    return found


def each_minute(world: World, minutes: int) -> None:
    world.publish("rates")
    world.each("1m", minutes, lambda _: world.publish("orders"))
    world.advance("2h")
    world.publish("orders")  # so that the journal goes on until then
    world.advance("2h")


@settings(deadline=None, max_examples=60)
@given(
    policies=st.tuples(*[st.sampled_from(POLICIES)] * 3),
    steps=st.lists(
        st.tuples(st.sampled_from(["orders", "rates"]), st.integers(0, 900), st.integers(0, 5)), max_size=25
    ),
)
def test_replayed_as_declared_it_comes_to_what_was_recorded(
    policies: tuple[Policy, Policy, Policy], steps: list[tuple[str, int, int]]
) -> None:
    clean, totals, report = policies
    with World(shop(clean=clean, totals=totals, report=report)) as world:
        for source, seconds, same in steps:
            if same == 0:
                world.unchanged("clean")
            if same == 1:
                world.unchanged("totals", 2)
            world.publish(source)
            world.advance(seconds * 1_000)
        world.advance("1d")
        recording = record(world)
    assert again(recording, {}) == recording.scores.of()


def test_a_longer_promise_takes_fewer_runs_and_a_shorter_one_more() -> None:
    with World(shop()) as world:
        each_minute(world, 60)
        recording = record(world)
    ran = recording.scores.of()["shop/report"]
    longer, shorter = (again(recording, {"shop/report": ef.Within(lag)}) for lag in ("30m", "150s"))
    assert longer["shop/report"].runs < ran.runs / 3
    assert shorter["shop/report"].runs > ran.runs * 1.5
    assert longer["shop/clean"].runs < ran.runs / 3  # nobody needs it more often
    assert 1_500_000 < longer["shop/report"].longest_lag_ms <= 1_800_000
    assert ran.busy_ms == 30_000 * ran.runs
    assert (longer["shop/report"].overdue, longer["shop/report"].busy_ms) == (0, 30_000 * longer["shop/report"].runs)


def test_a_promise_below_its_path_shows_as_overdue() -> None:
    with World(shop()) as world:
        each_minute(world, 10)
        recording = record(world)
    assert recording.scores.of()["shop/report"].overdue == 0
    assert again(recording, {"shop/report": ef.Within("30s")})["shop/report"].overdue > 0


def test_runs_take_what_the_recorded_one_nearest_in_time_took() -> None:
    with World(shop(report=ef.Eager())) as world:
        world.publish("rates")
        for minutes in (1, 2, 3):
            world.takes("report", f"{minutes}m")
            world.publish("orders")
            world.advance("1h")
        recording = record(world)
    past = Past(recording.scores.history.runs)
    granted = [run.granted_at for run in world.runs("report")]
    assert [past.took("shop/report", at) for at in granted] == [60_000, 120_000, 180_000]
    assert past.took("shop/report", granted[0] + 1) == 60_000
    assert past.took("shop/report", granted[2] - 1) == 180_000
    assert past.took("shop/report", 0) == 60_000
    assert past.took("shop/report", granted[2] * 2) == 180_000
    assert past.took("shop/nothing", 0) is None


def test_a_result_that_was_unchanged_stops_the_ripple_again() -> None:
    with World(shop(clean=ef.Eager())) as world:
        world.publish("rates")
        world.publish("orders")
        world.advance("1h")
        world.unchanged("clean", 5)
        for _ in range(5):
            world.publish("orders")
            world.advance("1h")
        recording = record(world)
    for policy in (ef.Within("10m"), ef.Eager(quiet="1m")):
        found = again(recording, {"shop/clean": policy})
        assert (found["shop/clean"].runs, found["shop/report"].runs) == (6, 1)


def test_where_recorded_runs_found_a_change_each_commit_on_the_way_counts_as_one() -> None:
    with World(shop(clean=ef.Within("10m"))) as world:
        world.publish("rates")
        world.publish("orders")
        world.advance("1h")
        for _ in range(4):  # one run covers all four, and another nothing new
            world.publish("orders")
            world.advance("1m")
        world.advance("1h")
        world.unchanged("clean")
        world.publish("orders")
        world.advance("1h")
        recording = record(world)
    past = Past(recording.scores.history.runs)
    contents = [past.content("shop/clean", {"shop/orders": seq, "code:shop/clean": 1}) for seq in range(1, 8)]
    assert len(set(contents[:5])) == 5
    assert contents[5] == contents[4]
    assert contents[6] is None  # nobody knows, so each result there is new
    assert past.content("shop/report", {}) is not None


def test_commands_come_again() -> None:
    with World(shop(clean=ef.Eager())) as world:
        world.publish("orders")
        world.advance("5m")
        world.command("pause", "clean", "too dear")
        for _ in range(5):
            world.publish("orders")
            world.advance("10m")
        world.command("resume", "clean")
        world.advance("1h")
        world.publish("orders")
        world.advance("1h")
        world.publish("orders")
        recording = record(world)
    found = again(recording, {"shop/clean": ef.Within("2m")})["shop/clean"]
    assert (found.runs, found.overdue) == (3, 1)
    assert 2_900_000 < found.longest_lag_ms < 3_100_000


def test_while_no_worker_was_there_nothing_runs() -> None:
    with World(shop(clean=ef.Eager())) as world:
        world.publish("orders")
        world.advance("1m")
        world.worker.slots = 0
        world.worker.beat()
        each_minute(world, 30)
        world.slots(2)
        each_minute(world, 1)
        recording = record(world)
    assert again(recording, {}) == recording.scores.of()
    assert again(recording, {"shop/clean": ef.Within("2m")})["shop/clean"].longest_lag_ms > 1_800_000


def test_a_deploy_keeps_the_other_promise_and_brings_its_own_graph() -> None:
    with World(shop()) as world:
        each_minute(world, 30)
        world.deploy(shop(clean=ef.Eager()))
        each_minute(world, 30)
        recording = record(world)
    found = again(recording, {"shop/report": ef.Within("1h")})
    assert found["shop/clean"].runs > 30  # the second deploy made it eager
    assert found["shop/report"].runs < 6


def test_scores_add_up_and_money_goes_with_the_runs() -> None:
    first = Score(runs=1, busy_ms=5, longest_lag_ms=7, overdue=1, money={"EUR": 1.0})
    second = Score(runs=2, busy_ms=6, longest_lag_ms=3, overdue=0, money={"EUR": 0.5, "USD": 2.0})
    assert first + second == Score(3, 11, 7, 1, {"EUR": 1.5, "USD": 2.0})


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ('Within("1h")', ef.Within("1h")),
        (" ef.Within('1h') ", ef.Within("1h")),
        ("Within(1000)", ef.Within(1_000)),
        ('everfresh.Eager(quiet="1s", max_wait="9s")', ef.Eager(quiet="1s", max_wait="9s")),
        ('Eager().at_most_every("1m")', ef.Eager().at_most_every("1m")),
        (
            'Within("1h").at_most_every("1m").only_between("08:00", "18:00", tz="Europe/Berlin")',
            ef.Within("1h").at_most_every("1m").only_between("08:00", "18:00", tz="Europe/Berlin"),
        ),
        ('Cron("0 6 * * *", tz="Asia/Tokyo", within="1h")', ef.Cron("0 6 * * *", tz="Asia/Tokyo", within="1h")),
        ("OnDemand()", OnDemand()),
        ("Manual()", Manual()),
    ],
)
def test_a_policy_is_read_as_it_stands_in_code(text: str, policy: Policy) -> None:
    assert read_policy(text) == policy


@pytest.mark.parametrize(
    "text",
    [
        *("", "Within", "Within(", "within('1h')", "Within(lag)", "Within(**{})", "Within('1h', 'x', 'y')"),
        *("print('x')", "__import__('os').system('x')", "ef.App('x')", "os.Within('1h')", "Within('1h').model_copy()"),
        *("Within('1h').__class__()", "[Within('1h')]", "Within('1h'); Eager()", "Within('1h', soon=True)", "\0"),
        *("(" * 5_000, "Within(open('x'))", "Within('1h').at_most_every(f())", "lambda: Within('1h')"),
    ],
)
def test_what_makes_no_policy_is_refused_and_never_run(text: str) -> None:
    with pytest.raises(DefinitionError, match="makes no policy"):
        read_policy(text)


def test_a_policy_that_makes_no_sense_says_why() -> None:
    with pytest.raises(DefinitionError, match="is no duration"):
        read_policy('Within("soon")')
    with pytest.raises(DefinitionError, match="contradicts"):
        read_policy('Within("1m").at_most_every("1h")')
