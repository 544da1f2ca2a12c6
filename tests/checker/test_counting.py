"""What counts as a commit, and what a cut names: tried on stories whose cuts count otherwise."""

from typing import Any

import pytest

from tests.checker import Invariant, check, read
from tests.checker.stories import broken
from tests.checker.story import Story, asset, source

DAY_MS = 86_400_000


def one_asset() -> Story:
    story = Story(source("d/s"), asset("d/a", "d/s", policy="eager"))
    story.change("d/s", "1", "x", source="shop", id="7")
    story.run("d/a")
    return story


def heard(story: Story, **data: str) -> None:
    """A change event that the story itself doesn't count."""
    name = data.pop("id", "8")
    story.fact("asset.changed", data, subject="d/s", source="shop", id=name)


def test_a_repeated_event_is_no_commit_for_a_day() -> None:
    story = one_asset()
    story.now += DAY_MS - 10_000
    heard(story, id="7", version="2")
    assert broken(story, quiet=True) == []
    story.now += 20_000
    heard(story, id="7", version="2")
    assert broken(story, quiet=True) == [Invariant.COVERAGE]


@pytest.mark.parametrize(("version", "fingerprint", "commits"), [("1", "x", 0), ("1", "y", 1), ("2", "x", 1)])
def test_an_equal_version_and_fingerprint_is_no_commit(version: str, fingerprint: str, commits: int) -> None:
    story = one_asset()
    heard(story, version=version, fingerprint=fingerprint)
    assert check(read(story.records)).counts["commits"] == 1 + commits


def test_a_version_alone_is_equal_to_itself() -> None:
    story = one_asset()
    heard(story, id="8", version="2")
    heard(story, id="9", version="2")
    heard(story, id="10")  # its version is its id
    heard(story, id="11", version="10")
    assert check(read(story.records)).counts["commits"] == 3


def test_a_change_that_was_refused_counts_once_it_is_said_again_of_a_source() -> None:
    story = one_asset()
    for _ in range(2):
        story.fact("asset.changed", {"version": "1"}, subject="d/late", source="shop", id="11")
        story.declare(source("d/s"), asset("d/a", "d/s", policy="eager"), source("d/late"))
    assert check(read(story.records), quiet=True).counts["commits"] == 2


def test_a_change_of_what_is_no_source_is_no_commit() -> None:
    story = one_asset()
    for subject in ("d/unknown", "d/a"):
        story.fact("asset.changed", {"version": "1"}, subject=subject)
    assert check(read(story.records), quiet=True).counts["commits"] == 1
    assert broken(story, quiet=True) == []


def test_a_programs_report_is_no_commit_and_its_cost_no_result() -> None:
    story = one_asset()
    said = {"run": "r", "asset": "d/s", "outcome": "succeeded", "exit_code": 0}
    story.fact("run.reported", said, subject="d/s", source="shop", id="7.reported")
    story.output("cost.incurred", {"asset": "d/s", "run": "r", "cost_id": "r/1/wall"}, "everfresh.costs.v1")
    acked = [{"source": "shop", "id": "7.reported", "asset": "d/s"}]
    report = check(read(story.records), quiet=True, acked=acked)
    assert (report.violations, report.counts["commits"], report.counts["unreadable"]) == ([], 1, 0)


def test_a_name_counts_once_in_a_day_whatever_is_said_under_it() -> None:
    story = one_asset()
    said = {"run": "r", "asset": "d/s", "outcome": "succeeded"}
    story.fact("run.reported", said, subject="d/s", source="shop", id="8")
    heard(story, id="8", version="2")
    assert broken(story, quiet=True) == []


def test_a_clock_that_steps_back_forgets_nothing() -> None:
    story = one_asset()
    story.now -= 2 * DAY_MS
    heard(story, id="7", version="2")
    assert broken(story, quiet=True) == []


def test_new_code_is_a_commit() -> None:
    story = one_asset()
    again = asset("d/a", "d/s", policy="within")
    story.declare(source("d/s"), again)
    assert broken(story, quiet=True) == []
    story.declare(source("d/s"), again | {"code_version": "2"})
    assert broken(story, quiet=True) == [Invariant.COVERAGE]
    story.run("d/a")
    assert broken(story, quiet=True) == []


def test_another_set_of_deps_is_a_commit_and_their_order_is_none() -> None:
    story = Story(source("d/s"), source("d/t"), asset("d/a", "d/s", "d/t", policy="eager"))
    story.change("d/s", "1")
    story.change("d/t", "1")
    story.run("d/a")
    story.declare(source("d/s"), source("d/t"), asset("d/a", "d/t", "d/s", policy="eager"))
    assert broken(story, quiet=True) == []
    story.declare(source("d/s"), source("d/t"), asset("d/a", "d/s", policy="eager"))
    assert broken(story, quiet=True) == [Invariant.COVERAGE]
    story.run("d/a")  # t is no ancestor any more: its leaving the cut is right
    assert broken(story, quiet=True) == []


def test_a_lower_deploy_is_ignored() -> None:
    story = one_asset()
    manifest = {"domain": "d", "deploy": 1, "assets": [source("d/s"), asset("d/a", "d/s", policy="eager", code="0")]}
    story.fact("definitions.declared", manifest)
    assert broken(story, quiet=True) == []


def test_a_source_that_leaves_the_cut_without_a_deploy_is_found() -> None:
    story = Story(source("d/s"), source("d/t"), asset("d/a", "d/s", "d/t", policy="eager"))
    story.change("d/s", "1")
    story.change("d/t", "1")
    story.run("d/a")
    story.change("d/s", "2")
    story.run("d/a", cut={"code:d/a": 1, "d/s": 2, "d/t": 1})
    story.records[-1]["event"]["data"] = story.records[-1]["event"]["data"] | {"cut": {"code:d/a": 1, "d/s": 2}}
    assert Invariant.CUTS in broken(story, quiet=True)


def test_a_source_that_exists_stands_at_zero() -> None:
    story = Story(source("d/s", exists=True), asset("d/a", "d/s", policy="eager"))
    assert broken(story, quiet=True) == [Invariant.COVERAGE]
    story.run("d/a", cut={"d/s": 0, "code:d/a": 1})
    assert broken(story, quiet=True) == []
    story.change("d/s", "1")
    assert broken(story, quiet=True) == [Invariant.COVERAGE]
    story.run("d/a")
    assert broken(story, quiet=True) == []


def test_a_source_that_does_not_exist_has_no_version_at_zero() -> None:
    story = Story(source("d/s"), asset("d/a", "d/s", policy="eager"))
    story.run("d/a", cut={"d/s": 0, "code:d/a": 1})
    assert broken(story, quiet=True) == [Invariant.INPUTS]


def test_a_manual_asset_is_counted_by_its_publications() -> None:
    assets = (source("d/s"), asset("d/m", "d/s", policy="manual"), asset("d/a", "d/m", policy="eager"))
    story = Story(*assets)
    story.change("d/s", "1")
    assert broken(story, quiet=True) == []  # the promise of a waits for m
    for _ in range(2):
        story.fact("command.materialize", {"asset": "d/m"})
        story.run("d/m")
        assert broken(story, quiet=True) == [Invariant.COVERAGE]
        story.run("d/a")
        assert story.cuts["d/a"].keys() == {"d/m", "code:d/a"}
        assert broken(story, quiet=True) == []
    story.change("d/s", "2")
    assert broken(story, quiet=True) == []
    story.run("d/m")
    assert broken(story) == [Invariant.NEED]


def test_an_asset_that_is_manual_no_longer_is_new_to_its_readers() -> None:
    story = Story(source("d/s"), asset("d/m", "d/s", policy="manual"), asset("d/a", "d/m", policy="eager"))
    story.change("d/s", "1")
    story.fact("command.materialize", {"asset": "d/m"})
    story.run("d/m")
    story.run("d/a")
    story.declare(source("d/s"), asset("d/m", "d/s"), asset("d/a", "d/m", policy="eager"))
    assert broken(story, quiet=True) == [Invariant.COVERAGE]
    story.move("d/m")
    story.move("d/a")
    assert story.cuts["d/a"] == {"code:d/a": 1, "code:d/m": 2, "d/s": 1}
    assert broken(story, quiet=True) == []


def test_a_quarantined_version_covers_nothing_until_it_is_released() -> None:
    story = one_asset()
    story.change("d/s", "2")
    granted = story.grant("d/a")
    story.report("succeeded", granted)
    named = {name: granted[name] for name in ("run", "asset", "attempt", "inputs", "cut", "covers")}
    story.output("asset.quarantined", named | {"version": "2"})
    assert broken(story, quiet=True) == [Invariant.COVERAGE]
    story.fact("command.release", {"asset": "d/a"})
    story.output("asset.released", named | {"version": "2"})
    assert broken(story, quiet=True) == []


def test_asking_for_an_asset_asks_for_what_it_needs() -> None:
    story = Story(source("d/s"), asset("d/a", "d/s"), asset("d/b", "d/a"), asset("d/c", "d/s"))
    story.change("d/s", "1")
    story.fact("command.materialize", {"asset": "d/b"})
    for key in ("d/a", "d/b"):
        story.run(key)
    assert broken(story, quiet=True) == []
    story.change("d/s", "2")
    story.run("d/a")  # what was asked for is done
    assert broken(story, quiet=True) == [Invariant.NEED]


def moved_meanwhile() -> tuple[Story, dict[str, Any]]:
    """A run is proposed at two new commits; before its grant stands in the journal, a move takes in the first alone."""
    story = Story(source("d/s"), source("d/t"), asset("d/a", "d/s", "d/t", policy="eager"))
    story.change("d/s", "1", "x")
    story.change("d/t", "1")
    story.run("d/a")
    story.change("d/s", "2", "x")
    at_first = story.newest("d/a")
    pins = {name: story.pin(name, at_first) for name in ("d/s", "d/t")}
    first = story.covers("d/a", at_first)
    story.change("d/t", "2")
    cut = story.newest("d/a")
    proposed = {"basis": story.offset, "cut_at": story.offset, "cut": cut, "covers": story.covers("d/a", cut)}
    story.fact("timer.fired", {"at": story.now})
    story.move("d/a", cut=at_first, covers=first, inputs=pins)
    return story, proposed


def test_a_grant_says_what_it_covers_as_of_its_basis_and_a_move_since_then_is_no_fault() -> None:
    story, proposed = moved_meanwhile()
    left = story.covers("d/a", proposed["cut"])
    assert left == {"d/t": [2, 2]} != proposed["covers"]
    story.succeed(story.grant("d/a", **proposed), "new", covers=left)
    assert broken(story, quiet=True) == []


def test_a_grant_proposed_after_a_move_covers_what_that_left() -> None:
    story, proposed = moved_meanwhile()
    left = story.covers("d/a", proposed["cut"])
    story.succeed(story.grant("d/a", **proposed | {"basis": story.offset, "cut_at": story.offset}), "new", covers=left)
    assert broken(story, quiet=True) == [Invariant.COVERAGE]


def test_a_publication_covers_what_a_move_left_whatever_its_grant_said() -> None:
    story, proposed = moved_meanwhile()
    story.succeed(story.grant("d/a", **proposed), "new")
    assert broken(story, quiet=True) == [Invariant.COVERAGE]
