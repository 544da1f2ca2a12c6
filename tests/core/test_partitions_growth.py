"""Partitions that come to be: what they change for those that read them, and for those that were there before."""

from everfresh.testing import World
from streams.definitions import AssetDef, Retry
from streams.events import CheckResult
from streams.partitions import All, Last, Overlapping, Static, Windows
from streams.policies import Eager, Manual, OnDemand, Policy, Within
from tests.checker import check, read
from tests.core.test_partitions import DAYS, MONTHS, parted, ran
from tests.core.worlds import Journal, accepted_in, domain_of, source, world_of

DAILY = source("d/s", partitions=DAYS)
REGIONS = Static(names=("eu", "us"))


def test_who_reads_all_partitions_runs_for_an_equal_change_of_another_one() -> None:
    world = world_of(source("d/s", partitions=REGIONS), parted("d/all", "d/s", parts=None, policy=Eager()))
    for region in ("eu", "us", "eu"):
        world.publish("d/s", version="1", fingerprint="empty", partition=region)
    assert len(ran(world, "d/all")) == 2  # the third says of its region what was said before
    assert world.state("d/all")["cut"]["d/s"] == 2


def test_a_month_waits_for_no_day_that_lacks_an_input_and_takes_it_in_when_it_can() -> None:
    world = world_of(
        source("d/s", partitions=DAYS),
        source("d/t", partitions=DAYS),
        parted("d/a", "d/s", "d/t"),
        parted("d/month", "d/a", parts=MONTHS, policy=Within("5m")),
    )
    for key, day in (("d/s", "2013-01-01"), ("d/t", "2013-01-01"), ("d/s", "2013-01-02")):
        world.publish(key, partition=day)
    world.advance("10m")
    assert ran(world, "d/month") == ["2013-01"]
    world.publish("d/s", partition="2013-01-01")
    world.advance("10m")
    assert ran(world, "d/month") == ["2013-01"] * 2
    since = world.clock
    world.publish("d/t", partition="2013-01-02")
    assert world.state("d/month", "2013-01")["stale_since"] == since  # what it lacked for longer counts from now
    world.advance("10m")
    assert sorted(key for key in world.runs("d/month")[-1].inputs if "code:" not in key) == [
        "d/a[2013-01-01]",
        "d/a[2013-01-02]",
    ]


def test_who_reads_all_of_an_asset_runs_for_a_partition_that_a_command_made() -> None:
    world = world_of(
        source("d/u"),
        parted("d/a", "d/u", parts=REGIONS),
        parted("d/all", ("d/a", All()), parts=None, policy=Eager()),
    )
    world.publish("d/u")
    for region in ("eu", "us"):
        world.command("materialize", "d/a", partition=region)
        world.advance("1s")
    assert [sorted(run.inputs) for run in world.runs("d/all")] == [
        ["code:d/all", "d/a[eu]"],
        ["code:d/all", "d/a[eu]", "d/a[us]"],
    ]
    assert world.state("d/all")["verdict"] == "fresh"


def test_a_window_made_ahead_of_its_time_hears_of_the_ones_before_it() -> None:
    days = parted("d/two", ("d/s", Last(2)), policy=Eager())
    world = World(domain_of(source("d/s", partitions=DAYS), days), start="2013-03-10T12:00:00Z")
    world.publish("d/s", partition="2013-03-10")
    world.command("materialize", "d/two", partition="2013-03-11")
    world.advance("1s")
    world.publish("d/s", partition="2013-03-10")
    assert ran(world, "d/two") == ["2013-03-10", "2013-03-11", "2013-03-10", "2013-03-11"]


def test_a_window_reads_no_manual_partition_that_was_never_published() -> None:
    world = world_of(
        source("d/s", partitions=DAYS),
        parted("d/m", "d/s", policy=Manual()),
        parted("d/month", "d/m", parts=MONTHS, policy=Eager()),
    )
    for day in ("2013-01-01", "2013-01-02"):
        world.publish("d/s", partition=day)
    world.command("materialize", "d/m", partition="2013-01-02")
    world.advance("1s")
    (run,) = world.runs("d/month")
    assert sorted(run.inputs) == ["code:d/month", "d/m[2013-01-02]"]


def test_the_first_change_of_a_source_that_exists_reaches_the_windows_over_it() -> None:
    world = world_of(
        source("d/s", partitions=DAYS, exists=True),
        parted("d/a", "d/s"),
        parted("d/month", "d/s", parts=MONTHS, policy=Eager()),
    )
    world.command("materialize", "d/month", partition="2013-01")
    assert world.state("d/month", "2013-01")["verdict"] == "unknown"
    world.publish("d/s", partition="2013-01-02")
    assert ran(world, "d/month") == ["2013-01"]


def test_a_partition_that_lookback_has_left_behind_is_overdue_no_longer() -> None:
    asset = parted("d/a", "d/s", policy=Within("5m").lookback(1))
    world = World(domain_of(source("d/s", partitions=DAYS), asset), start="2013-03-10T22:00:00Z")
    world.command("pause", "d/a", partition="2013-03-10")
    world.publish("d/s", partition="2013-03-10")
    world.advance("1h")
    assert [one["type"] for one in world.events("everfresh.alert.*")] == ["everfresh.alert.opened.v1"]
    world.advance("2h")
    assert [one["type"] for one in world.events("everfresh.alert.*")][1:] == ["everfresh.alert.resolved.v1"]


def test_a_partition_that_reads_less_after_a_deploy_runs_on() -> None:
    read = source("d/s", partitions=DAYS)
    world = world_of(read, parted("d/a", ("d/s", Last(2)), policy=Eager()))
    for day in ("2013-01-02", "2013-01-01"):
        world.publish("d/s", partition=day)
        world.advance("1s")
    assert world.state("d/a", "2013-01-02")["cut"]["d/s"] == 2  # the first day's commit touched it too
    world.deploy(domain_of(read, parted("d/a", "d/s", policy=Eager())))
    assert ran(world, "d/a").count("2013-01-02") == 3
    assert world.state("d/a", "2013-01-02")["cut"]["d/s"] == 1
    world.publish("d/s", partition="2013-01-02")
    assert ran(world, "d/a").count("2013-01-02") == 4


def test_a_partition_that_reads_less_of_what_an_earlier_deploy_took_away_runs_on() -> None:
    read = source("d/s", partitions=DAYS), source("d/never")
    world = world_of(*read, parted("d/a", ("d/s", Last(2)), policy=Eager()), takes="10s")
    for day in ("2013-01-02", "2013-01-01"):
        world.publish("d/s", partition=day)
        world.advance("1m")
    for dep in ("d/never", "d/s"):
        world.deploy(domain_of(*read, parted("d/a", dep, policy=Eager())))
        world.advance("1m")
    assert "rejected" not in [run.outcome for run in world.runs("d/a")]
    assert world.state("d/a", "2013-01-02")["cut"]["d/s"] == 1
    assert world.state("d/a", "2013-01-02")["verdict"] == "fresh"


def touched_by_two(*readers: AssetDef) -> World:
    """d/a's days read the day before too, and each of the two days has a change; a run takes ten seconds."""
    world = world_of(DAILY, parted("d/a", ("d/s", Last(2)), policy=Eager()), *readers, takes="10s")
    for day in ("2013-01-01", "2013-01-02"):
        world.publish("d/s", partition=day)
        world.advance("1m")
    world.command("pause", readers[-1].key if readers else "d/a", partition="2013-01-01")
    return world


def runs_on(world: World, *readers: AssetDef) -> None:
    """A deploy has d/a read its own day only: no run of the second day is rejected, then or later."""
    asset = readers[-1].key if readers else "d/a"
    world.deploy(domain_of(DAILY, parted("d/a", "d/s", policy=Eager()), *readers))
    world.command("release", "d/a", partition="2013-01-02")
    world.advance("1m")
    world.publish("d/s", partition="2013-01-02")
    world.advance("1m")
    outcomes = [run.outcome for run in world.runs(asset) if run.partition == "2013-01-02"]
    assert "rejected" not in outcomes
    assert world.state(asset, "2013-01-02")["cut"]["d/s"] == 4


def test_a_run_in_flight_stands_for_what_a_deploy_lets_its_partition_read() -> None:
    world = touched_by_two()
    world.publish("d/s", partition="2013-01-01")
    world.advance("5s")
    runs_on(world)


def test_a_version_in_quarantine_stands_for_what_a_deploy_lets_its_partition_read() -> None:
    world = touched_by_two()
    world.check("d/a", "fail")
    world.publish("d/s", partition="2013-01-01")
    world.advance("1m")
    assert world.state("d/a", "2013-01-02")["verdict"] == "quarantined"
    runs_on(world)


def test_a_run_that_waits_for_its_next_attempt_stands_for_what_a_deploy_lets_its_partition_read() -> None:
    reader = parted("d/b", "d/a", policy=Eager(), retry=Retry(times=2, delay="30s"))
    world = touched_by_two(reader)
    world.fails("d/b")
    world.publish("d/s", partition="2013-01-01")
    world.advance("25s")
    assert world.runs("d/b")[-1].outcome == "failed"
    runs_on(world, reader)


def test_a_window_that_a_wave_wants_reads_what_there_was_at_its_cut_though_more_came_before_the_grant() -> None:
    read = [source("d/s", partitions=DAYS), parted("d/a", "d/s")]
    journal = Journal(domain_of(*read, parted("d/m", "d/a", parts=MONTHS, policy=Eager())))
    journal.beat("w", 4)
    journal.change("d/s", "1", partition="2013-01-01")
    (proposed,) = journal.proposals()
    journal.change("d/s", "2", partition="2013-01-02")  # lands before the grant's fact does
    (grant,) = accepted_in(journal.append(proposed, "d/a"))
    journal.report(grant, partition=grant.partition)
    month = next(one for one in journal.turn() if one.asset == "d/m")
    assert [key for key in month.inputs if not key.startswith("code:")] == ["d/a[2013-01-01]"]
    assert month.cut["d/s"] == 1


def test_where_the_newest_change_was_of_a_partition_that_a_deploy_removes_its_readers_run_once() -> None:
    def assets(*names: str) -> list[AssetDef]:
        parts = Static(names=names)
        regional = parted("d/a", "d/s", parts=parts)
        return [
            source("d/s", partitions=parts),
            regional,
            parted("d/all", ("d/a", All()), parts=None, policy=Eager()),
        ]

    world = world_of(*assets("eu", "us"), takes="1s")
    for region in ("eu", "us"):
        world.publish("d/s", partition=region)
        world.advance("1m")
    before = len(world.runs("d/all"))
    world.deploy(domain_of(*assets("eu", "asia")))
    world.advance("1m")
    assert [run.cut["d/s"] for run in world.runs("d/all")[before:]] == [1]
    assert world.state("d/all")["verdict"] == "fresh"


def test_what_a_deploy_took_away_isnt_in_what_stands_at_a_newer_cut() -> None:
    def assets(first: str) -> list[AssetDef]:
        days = Windows(unit="day", first=first)
        month = parted("d/month", "d/s", "d/t", parts=MONTHS, policy=Eager())
        return [source("d/s", partitions=days), source("d/t", partitions=MONTHS), month]

    world = world_of(*assets("2013-01-01"))
    for day in ("2013-01-01", "2013-01-02"):
        world.publish("d/s", partition=day)
    world.publish("d/t", fingerprint="same", partition="2013-01")
    world.deploy(domain_of(*assets("2013-01-02")))
    world.advance("1h")
    before = world.runs("d/month")
    assert "d/s[2013-01-01]" in before[-1].inputs
    world.publish("d/t", version="2", fingerprint="same", partition="2013-01")
    world.advance("1s")
    (last,) = world.runs("d/month")[len(before) :]
    assert "d/s[2013-01-01]" not in last.inputs
    assert world.events("everfresh.run.granted.v1")[-1]["news"] == {}  # it reads the whole
    world.publish("d/t", version="3", fingerprint="same", partition="2013-01")
    world.advance("1s")
    assert world.runs("d/month")[-1] == last
    assert check(read(world.exported()), quiet=True).violations == []


def test_what_is_made_together_knows_the_path_of_each() -> None:
    world = World(
        domain_of(
            source("d/s", partitions=DAYS, exists=True),
            parted("d/a", "d/s", takes_ms=1_000),
            parted("d/b", ("d/a", Overlapping()), takes_ms=10_000),
            parted("d/c", "d/b", "d/a", policy=Within("1h"), takes_ms=100),
        )
    )
    world.command("materialize", "d/b", partition="2013-01-01")
    assert world.domain is not None
    assert world.domain.state.nodes["d/c[2013-01-01]"].path == 11_100


def test_what_failed_before_its_first_version_is_waited_for_though_a_partition_came_to_be_above_it() -> None:
    journal = Journal(
        domain_of(
            source("d/s", partitions=REGIONS),
            parted("d/a", "d/s", parts=REGIONS),
            parted("d/all", ("d/a", All()), parts=None),
            parted("d/b", "d/all", parts=None, policy=Eager()),
        )
    )
    journal.beat("w", 2)
    journal.change("d/s", partition="eu")
    (first,) = journal.turn()
    journal.report(first, partition="eu")
    (second,) = journal.turn()
    journal.change("d/s", partition="eu")
    journal.report(second, checks=(CheckResult(check="told", outcome="fail", blocking=True),))
    (grant,) = journal.proposals()
    journal.change("d/s", partition="us")  # comes in between
    journal.append(grant, "d/a")
    assert list(journal.domain.state.nodes["d/b"].requests[0].waiting) == ["d/all"]


def test_what_was_published_before_the_asset_became_manual_is_numbered_as_it_came() -> None:
    assets = [source("d/s", partitions=REGIONS), parted("d/all", ("d/a", All()), parts=None, policy=Eager())]
    world = world_of(*assets, parted("d/a", "d/s", parts=REGIONS, policy=Eager()))
    for region in ("eu", "us", "eu", "us", "eu"):
        world.publish("d/s", partition=region)
        world.advance("1s")
    world.deploy(domain_of(*assets, parted("d/a", "d/s", parts=REGIONS, policy=Manual())))
    world.command("materialize", "d/all")
    world.advance("1s")
    assert world.state("d/all")["cut"]["d/a"] == 5
    assert world.domain is not None
    assert [one.seq for one in world.domain.state.roots["d/a"].commits] == [4, 5]
    assert [one.seq for one in world.domain.state.roots["d/a[eu]"].commits] == [5]
    world.command("materialize", "d/a", partition="us")
    world.advance("1s")
    assert world.state("d/all")["cut"]["d/a"] == 6
    assert check(read(world.exported())).violations == []


def test_a_partition_that_failed_isnt_tried_again_where_a_deploy_leaves_no_promise_that_needs_it() -> None:
    def reading(policy: Policy) -> list[AssetDef]:
        failing = parted("d/a", "d/s", policy=policy, retry=Retry(0, cool_down="1h"))
        later = parted("d/b", "d/a", parts=Windows(unit="day", first="2013-02-01"), policy=Eager())
        return [DAILY, failing, later]

    world = world_of(*reading(Eager()))
    world.fails("d/a", 9)
    world.publish("d/s", partition="2013-01-01")
    world.advance("1m")
    world.deploy(domain_of(*reading(OnDemand())))
    world.advance("3h")
    assert [run.outcome for run in world.runs("d/a")] == ["failed"]


def test_a_manual_partition_that_was_never_published_makes_nothing_below_stale() -> None:
    world = world_of(
        source("d/s", partitions=DAYS),
        parted("d/m", "d/s", policy=Manual()),
        parted("d/month", "d/m", parts=MONTHS, policy=Eager()),
        parted("d/told", "d/month", parts=MONTHS, policy=Manual()),
    )
    world.publish("d/s", partition="2013-01-01")
    world.command("materialize", "d/m", partition="2013-01-01")
    world.advance("1s")
    world.command("materialize", "d/told", partition="2013-01")
    world.advance("1s")
    assert world.state("d/told", "2013-01")["verdict"] == "fresh"
    world.publish("d/s", partition="2013-01-02")
    world.advance("1s")
    assert world.state("d/told", "2013-01")["verdict"] == "fresh"
    world.command("materialize", "d/m", partition="2013-01-02")
    world.advance("1s")
    assert world.state("d/told", "2013-01")["verdict"] == "stale"
    assert len(world.runs("d/month")) == 2
