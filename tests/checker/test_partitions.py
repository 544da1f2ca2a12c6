"""Partitions: right exports pass, and each planted fault is found by the invariant that forbids it."""

from collections.abc import Callable

import pytest

from tests.checker import Invariant, check, read
from tests.checker.parted import DAYS, MONTHS, SHOPS, PartedStory, parted, parted_source
from tests.checker.stories import broken, spoil
from tests.checker.story import Json, asset, source

ONE, TWO, LATER = "2026-01-01", "2026-01-02", "2026-02-01"
JANUARY = "d/month[2026-01]"


def months() -> PartedStory:
    """Days of s → the same days of a → months, promised. Two days of January were published, the first one twice."""
    reads: dict[str, tuple[str, ...]] = {f"d/a[{day}]": (f"d/s[{day}]",) for day in (ONE, TWO, LATER)}
    story = PartedStory(
        reads,
        parted_source("d/s", DAYS),
        parted("d/a", DAYS, ("d/s", None)),
        parted("d/month", MONTHS, ("d/a", None), policy="within"),
    )
    for number, day in enumerate((ONE, TWO, ONE)):
        story.publish(f"d/s[{day}]", str(number))
        story.run(f"d/a[{day}]")
        reads[JANUARY] = tuple(f"d/a[{one}]" for one in (ONE, TWO)[: number + 1])
        story.run(JANUARY)
    return story


def shops(**source_has: bool) -> PartedStory:
    """s by shops → all, which has no partitions and reads all of it."""
    story = PartedStory(
        {"d/all": ("d/s",)},
        parted_source("d/s", SHOPS, **source_has),
        parted("d/all", None, ("d/s", None), policy="eager"),
    )
    story.publish("d/s[eu]", "1", "x")
    story.run("d/all", "X")
    return story


def weeks() -> PartedStory:
    """Days of s → the last two of them, promised for the newest window only."""
    two = f"d/two[{TWO}]"
    story = PartedStory(
        {f"d/two[{ONE}]": (f"d/s[{ONE}]",), two: (f"d/s[{ONE}]", f"d/s[{TWO}]")},
        parted_source("d/s", DAYS),
        parted("d/two", DAYS, ("d/s", {"kind": "last", "count": 2}), policy="within"),
    )
    story.now = 1_767_312_000_000  # the second of January
    return story


@pytest.mark.parametrize("told", [months, shops])
def test_a_right_export_of_partitions_passes(told: Callable[[], PartedStory]) -> None:
    report = check(read(told().records), quiet=True)
    assert (report.violations, report.counts["unreadable"]) == ([], 0)


def test_a_commit_of_another_partition_leaves_nothing_uncovered() -> None:
    story = months()
    story.publish(f"d/s[{LATER}]", "9")
    story.run(f"d/a[{LATER}]")
    story.reads["d/month[2026-02]"] = (f"d/a[{LATER}]",)
    assert broken(story, quiet=True) == [Invariant.COVERAGE]  # February's month, which was never run
    story.run("d/month[2026-02]")
    assert broken(story, quiet=True) == []


def test_a_partitions_commit_left_uncovered_is_found() -> None:
    story = months()
    story.publish(f"d/s[{TWO}]", "9")
    found = check(read(story.records), quiet=True).violations
    assert [(one.invariant, one.asset) for one in found] == [(Invariant.COVERAGE, JANUARY)]
    assert "d/s 4-4" in found[0].text


def test_a_cut_that_names_another_partitions_commit_is_found() -> None:
    story = months()
    story.publish(f"d/s[{TWO}]", "9")
    cut = story.newest(f"d/a[{TWO}]")
    story.publish(f"d/s[{ONE}]", "10")
    story.run(f"d/a[{TWO}]", cut=cut | {"d/s": 5})
    assert Invariant.INPUTS in broken(story)


def test_another_partitions_version_as_an_input_is_found() -> None:
    story = months()
    story.publish(f"d/s[{TWO}]", "9")
    wrong = story.pin(f"d/s[{TWO}]", {}) | {"version": "2"}  # what was said of the first day
    code = story.pin("code:d/a", {"code:d/a": 1})
    story.run(f"d/a[{TWO}]", inputs={f"d/s[{TWO}]": wrong, "code:d/a": code})
    assert broken(story) == [Invariant.INPUTS]


def test_a_window_that_leaves_out_a_day_is_found() -> None:
    story = months()
    story.publish(f"d/s[{ONE}]", "9")
    story.run(f"d/a[{ONE}]")
    whole = story.reads[JANUARY]
    cut = story.newest(JANUARY)
    story.reads[JANUARY] = whole[:1]
    story.run(JANUARY, cut=cut)
    assert broken(story) == [Invariant.INPUTS]


def test_a_window_that_reads_a_day_of_another_month_is_found() -> None:
    story = months()
    story.publish(f"d/s[{LATER}]", "9")
    story.run(f"d/a[{LATER}]")
    story.publish(f"d/s[{ONE}]", "10")
    story.run(f"d/a[{ONE}]")
    story.reads[JANUARY] = (*story.reads[JANUARY], f"d/a[{LATER}]")
    story.run(JANUARY)
    assert broken(story) == [Invariant.INPUTS]


def test_days_that_dont_agree_are_found() -> None:
    story = months()
    old = story.pin(f"d/a[{ONE}]", {})
    story.publish(f"d/s[{ONE}]", "9")
    cut = story.newest(JANUARY)
    inputs = {f"d/a[{TWO}]": story.pin(f"d/a[{TWO}]", {}), f"d/a[{ONE}]": old}
    story.run(JANUARY, inputs=inputs | {"code:d/month": story.pin("code:d/month", cut)})
    assert broken(story) == [Invariant.INPUTS, Invariant.NEED]  # at the cut that it says; and it read nothing new


def test_a_run_of_a_partition_that_there_is_not_is_found() -> None:
    story = months()
    story.reads["d/a[2025-12-31]"] = ("d/s[2025-12-31]",)
    story.run("d/a[2025-12-31]")
    assert Invariant.INPUTS in broken(story)


def test_a_change_of_a_partition_that_there_is_not_is_no_commit() -> None:
    story = months()
    for partition in ("2025-12-31", "2026-13-01", "eu", ""):
        story.fact("asset.changed", {"version": "9", "partition": partition}, subject="d/s")
    report = check(read(story.records), quiet=True)
    assert (report.violations, report.counts["commits"]) == ([], 3)


def test_an_equal_version_of_another_partition_is_a_commit() -> None:
    story = months()
    story.publish(f"d/s[{TWO}]", "2")  # as the first day's newest
    assert check(read(story.records)).counts["commits"] == 4
    story.fact("asset.changed", {"version": "2", "partition": ONE}, subject="d/s")
    assert check(read(story.records)).counts["commits"] == 4


def test_two_attempts_of_a_partition_are_found_and_those_of_two_partitions_are_right() -> None:
    story = months()
    for day in (ONE, TWO):
        story.publish(f"d/s[{day}]", f"9-{day}")
    first, second = story.grant(f"d/a[{ONE}]"), story.grant(f"d/a[{TWO}]")
    assert broken(story) == []
    story.again(first)
    assert broken(story) == [Invariant.ATTEMPTS]
    story.succeed(second)
    assert broken(story) == [Invariant.ATTEMPTS]


def test_a_partitions_run_without_new_inputs_is_found() -> None:
    story = months()
    story.run(f"d/a[{ONE}]")
    assert broken(story) == [Invariant.NEED]
    story = months()
    story.fact("command.materialize", {"asset": "d/a", "partition": ONE})
    story.run(f"d/a[{ONE}]")
    assert broken(story) == []
    story.run(f"d/a[{TWO}]")  # nobody asked for that one
    assert broken(story) == [Invariant.NEED]


def without_the_second() -> PartedStory:
    """A deploy had a's days begin with the second one: January was computed from the first, too."""
    story = months()
    days = {"kind": "windows", "unit": "day", "first": TWO, "tz": "UTC"}
    story.declare(
        parted_source("d/s", days),
        parted("d/a", days, ("d/s", None)),
        parted("d/month", MONTHS, ("d/a", None), policy="within"),
    )
    story.reads[JANUARY] = (f"d/a[{TWO}]",)
    return story


def test_a_run_without_a_partition_that_a_deploy_took_is_right() -> None:
    story = without_the_second()
    story.run(JANUARY)
    assert broken(story) == []
    story.run(JANUARY)
    assert broken(story) == [Invariant.NEED]


def test_a_move_of_what_was_computed_from_a_partition_that_a_deploy_took_is_found() -> None:
    story = without_the_second()
    story.move(JANUARY)
    assert broken(story) == [Invariant.VALUES]


def test_a_partition_that_no_promise_needs_is_not_to_run() -> None:
    idle = parted("d/idle", DAYS, ("d/s", None))
    story = PartedStory({f"d/idle[{day}]": (f"d/s[{day}]",) for day in (ONE, TWO)}, parted_source("d/s", DAYS), idle)
    for day in (ONE, TWO):
        story.publish(f"d/s[{day}]", day)
    story.fact("command.backfill", {"asset": "d/idle", "first": TWO, "last": TWO})
    story.run(f"d/idle[{TWO}]")
    assert broken(story) == []
    story.run(f"d/idle[{ONE}]")
    assert broken(story) == [Invariant.NEED]


def test_a_cut_of_a_partition_that_goes_back_is_found() -> None:
    story = months()
    story.current[f"d/s[{ONE}]"] = {"version": "0"}
    story.touched[f"d/s[{ONE}]"] = 1
    story.run(f"d/a[{ONE}]", cut={"d/s": 1, "code:d/a": 1})
    assert broken(story) == [Invariant.CUTS]


@pytest.mark.parametrize("covers", [{}, {"d/s": [2, 4]}, {"d/s": [4, 4]}])
def test_what_a_partitions_cut_takes_in_is_covered_once(covers: Json) -> None:
    story = months()
    story.publish(f"d/s[{TWO}]", "9")
    story.run(f"d/a[{TWO}]", covers=covers)  # right is [3, 4]: of these the fourth touched it
    assert broken(story) == [Invariant.COVERAGE]


def test_who_reads_all_partitions_takes_an_equal_change_of_another_as_new() -> None:
    story = shops()
    story.publish("d/s[us]", "2", "x")
    story.run("d/all", "X")
    assert broken(story, quiet=True) == []
    story = shops()
    story.publish("d/s[us]", "2", "x")
    story.move("d/all")
    assert broken(story) == [Invariant.VALUES]


def test_a_move_over_a_partitions_new_version_is_found() -> None:
    story = months()
    story.publish(f"d/s[{TWO}]", "9")
    story.run(f"d/a[{TWO}]")
    story.move(JANUARY)
    assert broken(story) == [Invariant.VALUES]


def test_a_move_without_a_day_that_came_to_be_is_found() -> None:
    story = months()
    story.publish("d/s[2026-01-03]", "9")
    story.reads["d/a[2026-01-03]"] = ("d/s[2026-01-03]",)
    story.run("d/a[2026-01-03]")
    cut = story.newest(JANUARY) | {"d/s": 4}
    story.move(JANUARY, cut=cut, covers={"d/s": [4, 4]})
    assert broken(story) == [Invariant.VALUES]


def test_windows_that_have_not_begun_are_nobodys_to_bring() -> None:
    story = weeks()
    story.publish(f"d/s[{ONE}]", "1")
    story.run(f"d/two[{ONE}]")
    story.reads[f"d/two[{TWO}]"] = (f"d/s[{ONE}]",)
    assert broken(story, quiet=True) == [Invariant.COVERAGE]  # the second of January reads the first
    story.run(f"d/two[{TWO}]")
    assert broken(story, quiet=True) == []  # and the third, which reads neither yet, hasn't begun


def test_only_the_newest_windows_are_promised_where_the_policy_says_so() -> None:
    story = weeks()
    declared = story.assets["d/two"] | {"policy": {"kind": "within", "newest": 1}}
    story.declare(story.assets["d/s"], declared)
    story.publish(f"d/s[{ONE}]", "1")
    story.reads[f"d/two[{TWO}]"] = (f"d/s[{ONE}]",)
    story.run(f"d/two[{TWO}]")
    assert broken(story, quiet=True) == []  # the first of January is left to whoever asks for it
    story.run(f"d/two[{ONE}]")
    assert broken(story) == [Invariant.NEED]


def test_another_mapping_is_new_code() -> None:
    story = months()
    same = parted("d/a", DAYS, ("d/s", {"kind": "same"}))
    story.declare(story.assets["d/s"], same, story.assets["d/month"])
    assert broken(story, quiet=True) == [Invariant.COVERAGE]


def test_a_partition_that_waits_for_its_input_owes_nothing() -> None:
    story = PartedStory(
        {f"d/a[{ONE}]": (f"d/s[{ONE}]", f"d/t[{ONE}]")},
        *(parted_source(key, DAYS) for key in ("d/s", "d/t")),
        parted("d/a", DAYS, ("d/s", None), ("d/t", None), policy="eager"),
    )
    story.publish(f"d/s[{ONE}]", "1")
    assert broken(story, quiet=True) == []
    story.publish(f"d/t[{ONE}]", "1")
    assert broken(story, quiet=True) == [Invariant.COVERAGE]
    story.run(f"d/a[{ONE}]")
    assert broken(story, quiet=True) == []


def test_a_partition_owes_nothing_of_what_it_reads_through_an_ignored_input_alone() -> None:
    reads: dict[str, tuple[str, ...]] = {f"d/b[{day}]": ("d/s",) for day in (ONE, TWO)}
    reads |= {f"d/a[{day}]": (f"d/b[{day}]", f"d/s[{day}]") for day in (ONE, TWO)}
    heedless = parted("d/a", DAYS, ("d/b", None), ("d/s", None), policy="eager")
    heedless["policy"]["ignored"] = ["d/b"]
    story = PartedStory(reads, parted_source("d/s", DAYS), parted("d/b", DAYS, ("d/s", {"kind": "all"})), heedless)
    for day in (ONE, TWO):
        story.publish(f"d/s[{day}]", day)
        story.run(f"d/b[{day}]")
        story.run(f"d/a[{day}]")
    assert broken(story, quiet=True) == []
    story.publish(f"d/s[{ONE}]", "again")
    assert broken(story, quiet=True) == [Invariant.COVERAGE]


@pytest.mark.parametrize("names", [["eu", "us"], ["us"]], ids=["declared still", "taken away"])
def test_what_becomes_a_source_can_be_read_whole_by_what_is_declared_of_it_still(names: list[str]) -> None:
    whole = asset("d/whole", "d/a", policy="eager") | {"deps": [{"asset": "d/a", "mapping": {"kind": "all"}}]}
    made = parted("d/a", SHOPS, ("d/s", None), policy="eager")
    story = PartedStory({"d/a[eu]": ("d/s[eu]",), "d/whole": ("d/a[eu]",)}, parted_source("d/s", SHOPS), made)
    story.publish("d/s[eu]", "1")
    story.run("d/a[eu]")
    story.declare(parted_source("d/a", SHOPS | {"names": names}), whole)
    assert broken(story, quiet=True) == ([Invariant.COVERAGE] if "eu" in names else [])


def test_a_verdict_is_of_one_partition() -> None:
    story = months()
    story.publish(f"d/s[{TWO}]", "9")
    story.output("freshness.changed", {"asset": "d/month", "partition": "2026-02", "verdict": "paused"})
    assert Invariant.COVERAGE in broken(story, quiet=True)
    story.output("freshness.changed", {"asset": "d/month", "partition": "2026-01", "verdict": "paused"})
    assert broken(story, quiet=True) == []


def test_a_partitions_grant_that_says_less_than_its_result_is_found() -> None:
    story = months()
    story.publish(f"d/s[{TWO}]", "9")
    story.run(f"d/a[{TWO}]")
    spoil(story, "asset.materialized", partition=ONE)
    assert Invariant.ATTEMPTS in broken(story)


def test_a_source_without_partitions_is_read_by_each() -> None:
    story = PartedStory(
        {f"d/a[{ONE}]": (f"d/s[{ONE}]", "d/rates")},
        *(parted_source("d/s", DAYS), source("d/rates")),
        parted("d/a", DAYS, ("d/s", None), ("d/rates", None), policy="eager"),
    )
    story.publish(f"d/s[{ONE}]", "1")
    story.publish("d/rates", "1")
    story.run(f"d/a[{ONE}]")
    story.publish("d/rates", "2")
    assert broken(story, quiet=True) == [Invariant.COVERAGE]
    story.run(f"d/a[{ONE}]")
    assert broken(story, quiet=True) == []
