"""Whole stories, right from beginning to end, and what the checker says about one."""

import random
from copy import deepcopy
from typing import Any

from tests.checker.check import check, read
from tests.checker.story import Json, Story, asset, source
from tests.checker.violation import Invariant

CHAIN = (source("d/s"), asset("d/a", "d/s"), asset("d/b", "d/a", policy="within"), asset("d/idle", "d/s"))
DIAMOND = (
    source("d/s"),
    source("d/t", exists=True),
    asset("d/left", "d/s", "d/t"),
    asset("d/right", "d/s"),
    asset("d/join", "d/left", "d/right", policy="eager"),
)
POLICIES = ("on_demand", "within", "eager")


def chain() -> Story:
    """s → a → b (promised), and `idle`, which nobody needs. Two commits; the second changes nothing in a."""
    story = Story(*CHAIN)
    story.change("d/s", "1", "x")
    story.run("d/a", "A")
    story.run("d/b", "B")
    story.change("d/s", "2", "y")
    story.run("d/a", "A")
    story.move("d/b")
    return story


def diamond() -> Story:
    story = Story(*DIAMOND)
    for version in ("1", "2", "3"):
        story.change("d/s", version)
        for key in ("d/left", "d/right", "d/join"):
            story.run(key)
    return story


def random_assets(dice: random.Random) -> list[Json]:
    keys = [f"d/s{number}" for number in range(dice.randint(1, 4))]
    assets = [source(key) for key in keys]
    for number in range(dice.randint(1, 8)):
        deps = dice.sample(keys, min(len(keys), dice.randint(1, 3)))
        assets.append(asset(f"d/a{number}", *deps, policy=dice.choice(POLICIES)))
        keys.append(f"d/a{number}")
    for one in assets:  # what nobody reads is promised, so that every asset is needed
        if one["kind"] == "derived" and not any(
            dep["asset"] == one["key"] for other in assets for dep in deps_of(other)
        ):
            one["policy"] = {"kind": dice.choice(POLICIES[1:])}
    return assets


def random_story(seed: int, rounds: int = 12) -> Story:
    """Changes, repeats, deploys of new code, lost attempts; everything is brought up to date after each round."""
    dice = random.Random(seed)
    story = Story(*random_assets(dice))
    for key in [key for key, one in story.assets.items() if one["kind"] == "source"]:
        story.change(key, "0")
    for number in range(rounds):
        sources = [key for key, one in story.assets.items() if one["kind"] == "source"]
        for key in dice.choices(sources, k=dice.randint(0, 3)):
            story.change(key, f"{number}-{story.offset}", dice.choice(["x", "y", None]))
        if dice.random() < 0.1:
            derived = dice.choice([key for key in story.assets if key not in sources])
            newer = story.assets[derived] | {"code_version": f"c{number}"}
            story.declare(*(story.assets | {derived: newer}).values())
        prints = {key: dice.choice("pq") for key in story.assets if dice.random() < 0.5}
        story.settle(**prints)
    return story


def deps_of(declared: Json) -> list[Json]:
    return list(declared.get("deps", ()))


def broken(story: Story, *, quiet: bool = False, acked: tuple[dict[str, str], ...] = ()) -> list[Invariant]:
    """The invariants that a story breaks, each once."""
    return sorted({one.invariant for one in check(read(story.records), quiet=quiet, acked=acked).violations})


def spoil(story: Story, kind: str, **data: Any) -> None:
    """Change the data of the last event of a type wherever it stands (a grant stands in the journal and in runs)."""
    found = [one["event"] for one in story.records if one["event"]["type"] == f"everfresh.{kind}.v1"]
    last = deepcopy(found[-1]["data"])
    for event in found:
        if event["data"] == last:
            event["data"] = event["data"] | data
