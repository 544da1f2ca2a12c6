"""Faults in what runs read and in what moves without one: each found by the invariant that forbids it."""

import pytest

from tests.checker import Invariant
from tests.checker.stories import CHAIN, broken, chain, diamond, spoil
from tests.checker.story import Json, Story, asset, source


def test_a_verification_of_another_fingerprint_is_found() -> None:
    story = chain()
    story.change("d/s", "3", "z")
    story.run("d/a", "A")
    spoil(story, "asset.verified", fingerprint="other")
    assert Invariant.VALUES in broken(story)


def test_a_verification_of_nothing_is_found() -> None:
    story = Story(*CHAIN)
    story.change("d/s", "1")
    story.current["d/a"] = {"version": "0"}
    story.move("d/a")
    assert broken(story) == [Invariant.VALUES]


def test_a_run_cannot_verify_what_has_no_fingerprint() -> None:
    story = diamond()
    story.change("d/s", "4")
    granted = story.grant("d/left")
    story.report("succeeded", granted)
    named = {name: granted[name] for name in ("run", "asset", "attempt", "inputs", "cut", "covers")}
    story.output("asset.verified", named | {"version": story.current["d/left"]["version"]})
    assert broken(story) == [Invariant.VALUES]


@pytest.mark.parametrize("missing", ["code:d/b", "d/s"])
def test_a_move_to_half_a_cut_is_found(missing: str) -> None:
    story = chain()
    cut = {name: seq for name, seq in story.newest("d/b").items() if name != missing}
    story.move("d/b", cut=cut)
    assert Invariant.VALUES in broken(story)


def test_a_move_to_an_input_that_was_never_read_is_found() -> None:
    story = chain()
    story.declare(source("d/s"), source("d/t", exists=True), *CHAIN[1:2], asset("d/b", "d/a", "d/t", policy="eager"))
    story.move("d/b")
    assert broken(story) == [Invariant.VALUES]


def test_a_move_over_a_new_input_is_found() -> None:
    story = chain()
    story.change("d/s", "3", "z")
    story.run("d/a", "new")
    story.move("d/b")
    assert broken(story) == [Invariant.VALUES]


def test_a_move_ahead_of_its_input_is_found() -> None:
    story = chain()
    story.change("d/s", "3", "z")
    story.move("d/b")
    assert broken(story) == [Invariant.VALUES]


def test_mixed_inputs_are_found() -> None:
    story = diamond()
    story.change("d/s", "4")
    story.run("d/left")
    story.run("d/join")  # right is still at the third commit
    assert broken(story) == [Invariant.INPUTS]


def test_an_input_of_another_version_is_found() -> None:
    story = diamond()
    story.change("d/s", "4")
    story.current["d/s"] = {"version": "2"}
    story.run("d/left")
    assert broken(story) == [Invariant.INPUTS]


def test_an_input_pinned_at_another_cut_is_found() -> None:
    story = diamond()
    story.change("d/s", "4")
    story.run("d/left")
    honest = story.pin("d/right", story.cuts["d/right"])  # it says itself that it is from the third commit
    cut = story.newest("d/join")
    inputs = {"d/left": story.pin("d/left", cut), "d/right": honest, "code:d/join": story.pin("code:d/join", cut)}
    story.run("d/join", inputs=inputs)
    assert broken(story) == [Invariant.INPUTS]


def test_a_run_that_lacks_an_input_is_found() -> None:
    story = diamond()
    story.change("d/s", "4")
    cut = story.newest("d/left")
    story.run("d/left", inputs={"d/s": story.pin("d/s", cut), "code:d/left": story.pin("code:d/left", cut)})
    assert broken(story) == [Invariant.INPUTS]


def test_a_cut_over_what_is_no_ancestor_is_found() -> None:
    story = diamond()
    story.change("d/s", "4")
    story.run("d/right", cut=story.newest("d/right") | {"d/t": 0})
    assert broken(story) == [Invariant.INPUTS]


def test_a_run_of_what_is_not_declared_is_found() -> None:
    story = chain()
    story.change("d/s", "3", "z")
    granted = story.grant("d/a")
    story.lose(granted)
    story.declare(source("d/s"))
    story.send(granted | {"run": "new", "basis": story.offset})
    assert broken(story) == [Invariant.INPUTS, Invariant.NEED]


@pytest.mark.parametrize("other", [{"inputs": {}}, {"cut": {"d/s": 2, "code:d/a": 1}, "covers": {"d/s": [2, 2]}}])
def test_a_result_from_other_inputs_than_granted_is_found(other: Json) -> None:
    story = chain()
    story.change("d/s", "3", "z")
    story.change("d/s", "4", "zz")
    granted = story.grant("d/a")
    story.succeed(granted, "C")
    assert broken(story) == []
    spoil(story, "asset.materialized", **other)
    assert Invariant.INPUTS in broken(story)


def test_a_retry_at_another_cut_is_found() -> None:
    story = chain()
    story.change("d/s", "3", "z")
    lost = story.grant("d/a")
    story.lose(lost)
    story.change("d/s", "4", "zz")
    cut = story.newest("d/a")
    later = {"cut": cut, "covers": story.covers("d/a", cut), "cut_at": story.offset}
    story.again(lost, **later, inputs={name: story.pin(name, cut) for name in lost["inputs"]})
    assert broken(story) == [Invariant.INPUTS]


def test_a_grant_to_old_code_is_found() -> None:
    story = chain()
    story.declare(source("d/s"), asset("d/a", "d/s", code="2"), *CHAIN[2:])
    story.run("d/a", code_version="1")
    assert broken(story) == [Invariant.INPUTS]
