"""Inputs from other domains: what is said to agree does, and what doesn't claims nothing."""

import pytest

from tests.checker import Invariant
from tests.checker.stories import broken
from tests.checker.story import Json, Story, asset, source

JOIN = (source("d/s"), asset("d/j", "d/s", "o/x", "o/y", policy="eager"))


def handed(story: Story, key: str, offset: int, **cut: int) -> None:
    """The other domain's publication, made from sources at these commits."""
    data: Json = {"asset": key, "version": f"{key}{offset}", "incarnation": "i", "offset": offset}
    story.fact("domain.delivered", data | {"cut": {f"d/{name}": seq for name, seq in cut.items()}, "consistent": True})
    story.seq[key] += 1
    story.current[key] = {"version": f"{key}{offset}"}


def joined(second: int, **said: bool) -> Story:
    """A join of a source, and of two of another domain's assets that were made of it: of its commits 1 and `second`."""
    story = Story(*JOIN)
    story.change("d/s", "1")
    handed(story, "o/x", 4, s=1)
    handed(story, "o/y", 5, s=second)
    granted = story.grant("d/j", **said)
    story.report("succeeded", granted)
    named = {name: granted[name] for name in ("run", "asset", "attempt", "inputs", "cut", "covers")}
    if said:
        named |= {"cut": {}, "covers": {}, **said}
    story.output("asset.materialized", named | {"version": "J"})
    return story


def test_a_join_of_what_agrees_is_right() -> None:
    assert broken(joined(1)) == []


@pytest.mark.parametrize("second", [0, 2])
def test_a_join_of_another_commit_than_its_own_is_found(second: int) -> None:
    assert broken(joined(second)) == [Invariant.INPUTS]


def test_what_says_that_it_doesnt_agree_may_be_published() -> None:
    assert Invariant.INPUTS not in broken(joined(0, consistent=False))


def test_what_says_so_of_inputs_that_agree_is_found() -> None:
    assert Invariant.INPUTS in broken(joined(1, consistent=False))


def test_a_delivery_of_what_stands_already_is_no_commit() -> None:
    story = Story(*JOIN)
    story.change("d/s", "1")
    handed(story, "o/x", 4, s=1)
    handed(story, "o/y", 5, s=1)
    again: Json = {"asset": "o/x", "version": "o/x4", "incarnation": "i", "offset": 6}
    story.fact("domain.delivered", again | {"cut": {"d/s": 1}, "consistent": True})
    granted = story.grant("d/j")
    story.report("succeeded", granted)
    named = {name: granted[name] for name in ("run", "asset", "attempt", "inputs", "cut", "covers")}
    story.output("asset.materialized", named | {"version": "J"})
    assert broken(story) == []
