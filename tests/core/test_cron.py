"""Cron: at each tick up to date with what came before it, right over daylight saving; nothing new, no run."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

import everfresh as ef
from everfresh.testing import World
from streams.errors import DefinitionError
from streams.policies import Cron, Eager, Policy, Within
from streams.wallclock import next_tick, opens_at, shortest_gap
from tests.core.worlds import (
    HOUR,
    MINUTE,
    SECOND,
    derived,
    domain_of,
    granted,
    said,
    single,
    source,
    verdicts,
    world_of,
)

HOURLY = Cron(expression="0 * * * *", within_ms=10 * MINUTE)


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1_000)


def utc(at: int) -> str:
    return datetime.fromtimestamp(at / 1_000, UTC).isoformat(timespec="minutes")[:16]


def test_it_runs_at_the_tick_with_everything_that_came_before_it() -> None:
    world = single(HOURLY, takes="1m")
    world.each("10m", 3, lambda _: world.publish("d/s"))
    world.advance("2h")
    assert granted(world, "d/a") == [3_600]
    assert world.runs("d/a")[0].covers["d/s"] == (1, 3)
    assert world.runs("d/a")[0].reason.startswith("its tick at 2026-01-01T01:00:00.000Z (0 * * * * UTC)")
    assert world.events("everfresh.alert.*") == []


def test_a_tick_since_which_nothing_changed_runs_nothing() -> None:
    world = single(HOURLY)
    world.publish("d/s")
    world.advance("1d")
    assert len(world.runs("d/a")) == 1


def test_what_comes_after_the_tick_waits_for_the_next_one() -> None:
    world = single(HOURLY, takes="1m")
    world.publish("d/s")
    world.advance("61m")
    world.publish("d/s")
    world.advance("30m")
    assert len(world.runs("d/a")) == 1
    assert world.state("d/a")["verdict"] == "stale"
    world.advance("1h")
    assert granted(world, "d/a") == [3_600, 7_200]


def test_it_is_overdue_once_a_tick_was_not_done_within_its_time_and_not_before() -> None:
    world = single(HOURLY, takes="25m")
    world.publish("d/s")
    world.advance("69m")
    assert world.events("everfresh.alert.*") == []
    world.advance("2m")
    (alert,) = said(world, "alert.opened", "d/a")
    assert (alert["rule"], alert["expected"]) == ("freshness.overdue", "2026-01-01T01:10:00.000Z")
    assert "before its tick at 2026-01-01T01:00:00.000Z" in alert["summary"]
    world.advance("1h")
    assert "alert.resolved" in {event["type"].removeprefix("everfresh.").removesuffix(".v1") for event in alerts(world)}


def alerts(world: World) -> list[dict[str, str]]:
    return [output.envelope("d", "") for output in world.outputs if output.model.TYPE.startswith("everfresh.alert.")]


def test_what_its_ticks_leave_too_little_time_for_is_infeasible() -> None:
    world = single(Cron(expression="*/5 * * * *", within_ms=MINUTE), takes="40s", takes_ms=40 * SECOND)
    world.publish("d/s")
    assert "infeasible" in verdicts(world, "d/a")


def test_a_failed_tick_is_made_up_for_without_waiting_for_the_next() -> None:
    world = world_of(source("d/s"), derived("d/a", "d/s", policy=Cron(expression="0 6 * * *")))
    world.fails("d/a", times=3)
    world.publish("d/s")
    world.advance("6h")
    world.advance("1m")
    assert world.state("d/a")["verdict"] == "failing"
    world.advance("31m")  # the cool-down
    assert world.state("d/a")["verdict"] == "fresh"


def test_a_consumers_promise_runs_it_off_its_schedule() -> None:
    world = world_of(
        source("d/s"),
        derived("d/daily", "d/s", policy=Cron(expression="0 6 * * *")),
        derived("d/quick", "d/daily", policy=Within("5m")),
    )
    world.publish("d/s")
    world.advance("10m")
    assert len(world.runs("d/daily")) == len(world.runs("d/quick")) == 1


def test_a_reactor_that_was_away_at_the_tick_makes_up_for_it_once() -> None:
    world = single(HOURLY)
    world.publish("d/s")
    world.advance("30m")
    world.crash()
    world.advance("3h")
    world.restart()
    world.advance("1m")
    assert len(world.runs("d/a")) == 1


@pytest.mark.parametrize(
    ("expression", "after", "ticks"),
    [  # Berlin: 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00
        ("30 2 * * *", "2026-03-28T12:00+01:00", ["2026-03-29T01:00", "2026-03-30T00:30"]),
        ("30 2 * * *", "2026-10-24T12:00+02:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),
        ("*/30 * * * *", "2026-10-25T02:15+02:00", ["2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30"]),
        ("0 6 * * *", "2026-03-28T12:00+01:00", ["2026-03-29T04:00", "2026-03-30T04:00"]),
        ("0 6 * * *", "2026-10-24T12:00+02:00", ["2026-10-25T05:00", "2026-10-26T05:00"]),
    ],
)
def test_ticks_are_right_over_daylight_saving(expression: str, after: str, ticks: list[str]) -> None:
    at = ms(after)
    for tick in ticks:
        at = next_tick(expression, "Europe/Berlin", at)
        assert utc(at) == tick


@given(st.integers(ms("2024-01-01T00:00Z"), ms("2030-01-01T00:00Z")), st.sampled_from([1, 5, 15, 30]))
def test_a_tick_is_after_its_instant_and_no_tick_lies_between(at: int, minutes: int) -> None:
    step = minutes * MINUTE
    assert next_tick(f"*/{minutes} * * * *", "UTC", at) == at // step * step + step


@given(
    st.integers(ms("2024-01-01T00:00Z"), ms("2030-01-01T00:00Z")),
    st.integers(0, 1_439),
    st.integers(0, 1_440),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]),
)
def test_hours_open_at_an_instant_from_which_they_are_open(at: int, first: int, end: int, tz: str) -> None:
    if first == end % 1_440:
        return
    opens = opens_at(first, end, tz, at)
    assert at <= opens <= at + 50 * HOUR
    if opens > at:  # just before they weren't, or that minute doesn't exist that day
        assert opens_at(first, end, tz, opens - 1) == opens
    assert opens_at(first, end, tz, opens) == opens or (end - first) % 1_440 <= 120


def test_hours_whose_begin_is_skipped_open_with_the_clock_set_forward() -> None:
    half_past_two, four = 150, 240
    opens = opens_at(half_past_two, four, "America/New_York", ms("2013-03-10T04:00Z"))
    assert opens == ms("2013-03-10T07:00Z")  # 03:00, where the clock went on at 02:00


def test_gaps_are_the_shortest_between_two_ticks() -> None:
    assert shortest_gap("0 6 * * *", "UTC") == 24 * HOUR
    assert shortest_gap("0 6 * * *", "Europe/Berlin") == 23 * HOUR
    assert shortest_gap("0 8,9,17 * * *", "UTC") == HOUR


@pytest.mark.parametrize(
    ("said_so", "sentence"),
    [
        (("0 6 * *",), "'0 6 * *' is no cron expression: wrong number of fields"),
        (("61 * * * *",), "'61 * * * *' is no cron expression: bad minute"),
        (("0 6 * * *", "Europe/Berln"), "'Europe/Berln' is no time zone; did you mean 'Europe/Berlin'?"),
        (("0 * * * *", "UTC", "2h"), "within (2h) is longer than the 1h between two of its ticks"),
        (("0 * * * *", "../../etc/passwd"), "'../../etc/passwd' is no time zone"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(said_so: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(DefinitionError, match=r"^Cron\(") as refused:
        ef.Cron(*said_so)
    assert str(refused.value).endswith(sentence)


@pytest.mark.parametrize("policy", [HOURLY, Within("5m").only_between("22:00", "06:00"), Eager().at_most_every("1m")])
def test_a_policy_travels_in_the_journal_as_data(policy: Policy) -> None:
    manifest = domain_of(source("d/s"), derived("d/a", "d/s", policy=policy))
    assert type(manifest).model_validate_json(manifest.model_dump_json()).assets[1].policy == policy
