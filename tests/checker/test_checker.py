"""Right exports pass; each planted fault is found by the invariant that forbids it, and by no other."""

from collections.abc import Callable
from copy import deepcopy

import pytest

from tests.checker import Invariant, check, read
from tests.checker.stories import CHAIN, broken, chain, diamond, spoil
from tests.checker.story import Json, Story, asset, source


@pytest.mark.parametrize("told", [chain, diamond])
def test_a_right_export_passes(told: Callable[[], Story]) -> None:
    story = told()
    assert check(read(story.records), quiet=True).violations == []


def test_what_was_looked_at_is_counted() -> None:
    story = chain()
    story.records.append(story.records[-1])
    counted = check(read(story.records), acked=[{"source": "d", "id": "j1", "asset": "d/s"}]).counts
    assert (counted["events"], counted["commits"]) == (9, 2)
    assert (counted["runs"], counted["attempts"], counted["publications"]) == (3, 3, 4)
    assert (counted["repeats"], counted["acked"]) == (1, 1)


def test_a_lost_change_is_found() -> None:
    change = {"source": "shop", "id": "7", "asset": "d/s"}
    story = chain()
    assert broken(story, acked=(change,)) == [Invariant.ACCOUNTING]
    story.change("d/s", "3", source="shop", id="7")
    assert broken(story, acked=(change,)) == []


def test_one_id_with_two_contents_is_found() -> None:
    story = chain()
    story.records.append(deepcopy(story.records[-1]))
    assert broken(story) == []
    story.records[-1]["event"]["data"]["version"] = "another"
    assert broken(story) == [Invariant.ACCOUNTING]


def test_a_cut_ahead_of_the_journal_is_found() -> None:
    story = chain()
    spoil(story, "run.granted", cut_at=0)
    assert broken(story) == [Invariant.ACCOUNTING]


def test_a_grant_without_a_fact_is_found() -> None:
    story = chain()
    story.change("d/s", "3", "z")
    story.grant("d/a")
    story.records = [one for one in story.records if one["offset"] != story.offset or "journal" not in one["topic"]]
    assert broken(story) == [Invariant.ACCOUNTING]


def test_a_fact_that_was_not_accepted_does_not_count() -> None:
    story = Story(*CHAIN)
    story.change("d/s", "1")
    granted = story.grant("d/a")
    story.fact("run.granted", granted | {"worker": "w2"})
    story.succeed(granted)
    assert broken(story) == []


def test_a_report_that_nothing_came_of_is_found_once_it_is_quiet() -> None:
    story = chain()
    story.change("d/s", "3", "z")
    story.report("succeeded", story.grant("d/a"))
    assert broken(story) == []
    assert broken(story, quiet=True) == [Invariant.ACCOUNTING, Invariant.COVERAGE]


def test_an_event_that_makes_no_sense_is_passed_over_and_counted() -> None:
    story = chain()
    story.fact("run.succeeded", {"run": "forged"})
    report = check(read(story.records), quiet=True)
    assert (report.violations, report.counts["unreadable"]) == ([], 1)


def test_an_output_without_a_cause_is_found() -> None:
    story = chain()
    story.output("freshness.changed", {"asset": "d/b", "verdict": "fresh"})
    assert broken(story) == []
    del story.records[-1]["event"]["journaloffset"]
    assert broken(story) == [Invariant.ACCOUNTING]


def test_a_cut_that_goes_back_is_found() -> None:
    story = chain()
    story.current["d/s"] = {"version": "1", "fingerprint": "x"}
    story.run("d/a", "new", cut={"code:d/a": 1, "d/s": 1})
    assert broken(story) == [Invariant.CUTS]


def test_a_commit_left_uncovered_at_the_end_is_found() -> None:
    story = chain()
    story.change("d/s", "3")
    assert broken(story) == []
    assert broken(story, quiet=True) == [Invariant.COVERAGE]
    story.output("freshness.changed", {"asset": "d/b", "verdict": "paused"})
    assert broken(story, quiet=True) == []


def test_an_asset_without_all_its_sources_owes_nothing() -> None:
    story = Story(source("d/s"), source("d/t"), asset("d/a", "d/s", "d/t", policy="eager"))
    story.change("d/s", "1")
    assert broken(story, quiet=True) == []
    story.change("d/t", "1")
    assert broken(story, quiet=True) == [Invariant.COVERAGE]


@pytest.mark.parametrize("covers", [{}, {"d/s": [1, 2]}, {"d/s": [2, 3]}, {"d/s": [3, 3]}])
def test_a_commit_covered_twice_or_never_is_found(covers: Json) -> None:
    story = diamond()
    story.change("d/s", "4")
    story.run("d/left", covers=covers)
    assert broken(story) == [Invariant.COVERAGE]


def test_a_run_without_new_inputs_is_found() -> None:
    story = chain()
    story.run("d/b", "B")
    assert broken(story) == [Invariant.NEED]
    story = chain()
    story.fact("command.materialize", {"asset": "d/b"})
    story.run("d/b", "B")
    assert broken(story) == []
    story.run("d/b", "B")
    assert broken(story) == [Invariant.NEED]


def test_a_run_that_nobody_needs_is_found() -> None:
    story = chain()
    story.run("d/idle")
    assert broken(story) == [Invariant.NEED]
    story = chain()
    story.fact("command.materialize", {"asset": "d/idle"})
    story.run("d/idle")
    assert broken(story) == []


def test_two_attempts_in_flight_are_found() -> None:
    story = chain()
    story.change("d/s", "3", "z")
    first = story.grant("d/a")
    story.succeed(story.again(first), "A")
    assert broken(story) == [Invariant.ATTEMPTS]


def test_a_lost_attempt_makes_room_for_the_next() -> None:
    story = chain()
    story.change("d/s", "3", "z")
    first = story.grant("d/a")
    story.lose(first)
    second = story.again(first)
    story.report("succeeded", first)
    story.output("run.ended", {"run": first["run"], "asset": "d/a", "attempt": 1, "outcome": "rejected"})
    story.succeed(second, "A")
    story.move("d/b")
    assert broken(story, quiet=True) == []


def test_an_invented_loss_is_found() -> None:
    story = chain()
    story.change("d/s", "3", "z")
    first = story.grant("d/a")
    story.output("run.ended", {"run": first["run"], "asset": "d/a", "attempt": 1, "outcome": "lost"})
    assert broken(story) == [Invariant.ATTEMPTS]


def test_a_second_accepted_result_is_found() -> None:
    story = diamond()
    twice = story.records[-1]["event"]["data"]
    story.fact("run.succeeded", {name: twice[name] for name in ("run", "asset", "attempt")})
    story.output("asset.materialized", twice)
    assert broken(story) == [Invariant.ATTEMPTS]


def test_an_accepted_late_report_is_found() -> None:
    story = chain()
    story.change("d/s", "3", "z")
    first = story.grant("d/a")
    story.lose(first)
    story.again(first)
    story.succeed(first, "A")
    assert broken(story) == [Invariant.ATTEMPTS]


def test_a_grant_on_an_old_basis_is_found() -> None:
    story = diamond()
    story.change("d/s", "4")
    story.run("d/left", basis=3)
    assert broken(story) == [Invariant.ATTEMPTS]


def test_an_attempt_after_the_result_is_found() -> None:
    story = chain()
    story.change("d/s", "3", "z")
    granted = story.grant("d/a")
    story.succeed(granted, "C")
    story.again(granted)
    assert broken(story) == [Invariant.ATTEMPTS]


def test_a_skipped_attempt_is_found() -> None:
    story = diamond()
    story.change("d/s", "4")
    story.run("d/left", attempt=2)
    assert Invariant.ATTEMPTS in broken(story)
