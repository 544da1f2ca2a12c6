"""Restarts, backlogs, a second reactor, another version of the logic: the journal decides, and decides once."""

import os
import subprocess
import sys
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reactors.timers
from everfresh.testing import World
from reactors.apply import apply
from reactors.domain import Domain
from reactors.snapshots import restore
from streams.events import RunGranted
from streams.partitions import Static
from streams.policies import Eager, Manual, Within
from tests.core.test_partitions import parted
from tests.core.worlds import derived, domain_of, skipping_diamond, source, world_of

Told = list[tuple[int, str, str]]
"""(offset, type, data) of outputs"""


def busy_world(publications: int = 30) -> World:
    world = world_of(*skipping_diamond(Within("30s")).assets, derived("d/e", "d/c1", policy=Eager(quiet="2s")))
    for name in ("a", "b", "c1", "c2", "d", "e"):
        world.takes(f"d/{name}", "3s")
    world.fails("d/b", 1)
    world.unchanged("d/c1", 2)
    world.each("7s", publications, lambda _: world.publish("d/s"))
    world.advance("5m")
    return world


def folded(world: World, domain: Domain | None = None, until: int | None = None) -> tuple[Domain, Told]:
    """Fold a world's journal from where `domain` stands."""
    domain = domain or Domain()
    told: Told = []
    for offset in range(domain.state.offset + 1, len(world.journal) if until is None else until):
        time, event = world.journal[offset]
        for output in apply(domain, offset, time, event):
            told.append((offset, output.model.TYPE, output.event().model_dump_json()))
    return domain, told


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_restored_anywhere_the_fold_says_the_same_byte_for_byte(data: st.DataObject) -> None:
    world = busy_world()
    at = data.draw(st.integers(1, len(world.journal) - 1))
    whole, told = folded(world)
    half, before = folded(world, until=at)
    again = restore(half.dump())
    assert again is not None
    rest, after = folded(world, again)
    assert before + after == told
    assert rest.digest() == whole.digest()


def test_the_same_journal_gives_the_same_outputs_under_any_hash_seed() -> None:
    program = (
        "from tests.core.test_recovery import busy_world\n"
        "from hashlib import blake2b\n"
        "world = busy_world()\n"
        "print(blake2b(repr(world.exported()).encode()).hexdigest(), world.domain.digest())\n"
    )

    def said(seed: str) -> str:
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert said("1") == said("2") == said("77")


def test_a_crash_changes_nothing_that_was_published() -> None:
    calm, crashed = (
        busy_world(),
        world_of(*skipping_diamond(Within("30s")).assets, derived("d/e", "d/c1", policy=Eager(quiet="2s"))),
    )
    crashed.snapshot_every = 20
    for name in ("a", "b", "c1", "c2", "d", "e"):
        crashed.takes(f"d/{name}", "3s")
    crashed.fails("d/b", 1)
    crashed.unchanged("d/c1", 2)

    def step(_: int) -> None:
        crashed.publish("d/s")
        crashed.crash()
        crashed.restart()

    crashed.each("7s", 30, step)
    crashed.advance("5m")
    cuts = [[run.cut for run in world.runs("d/d")] for world in (calm, crashed)]
    assert cuts[0] == cuts[1]


def test_a_backlog_of_fifteen_minutes_invents_no_grant_no_loss_and_no_alert() -> None:
    world = world_of(
        source("d/s"),
        derived("d/a", "d/s", policy=Within("20m"), takes_ms=60_000),
        derived("d/b", "d/s", policy=Eager()),
    )
    world.takes("d/b", "10m")
    world.publish("d/s")
    world.advance("1s")
    before = len(world.runs())
    world.crash()
    for _ in range(15):
        world.publish("d/s")
        world.advance("1m")
        world.worker.beat()  # it lives, and its heartbeats stand in the journal
    assert len(world.runs()) == before
    world.restart()
    assert world.events("everfresh.run.ended.v1") == []
    assert world.events("everfresh.alert.*") == []
    assert [run.outcome for run in world.runs("d/b")] == ["materialized", None]
    assert world.runs("d/b")[1].cut["d/s"] == 16
    world.advance("30m")
    assert world.state("d/a")["verdict"] == "fresh"
    assert world.events("everfresh.alert.*") == []


def test_two_reactors_on_one_journal_grant_each_attempt_once() -> None:
    from reactors.admission import propose

    world = world_of(source("d/s"), derived("d/a", "d/s", policy=Eager()), derived("d/b", "d/a", policy=Eager()))
    world.takes("d/a", "5s")
    for _ in range(5):
        world.publish("d/s")
        world.advance("1s")
        other = folded(world)[0]  # it folds the same journal, and proposes too, from a view that may be older
        for event in propose(other, world.clock, world.terms):
            world.append(event, "d")
            world.append(event, "d")
        world.settle()
    world.advance("1m")
    granted = [run for run in world.runs() if run.outcome != "lost"]
    assert len({(run.run, run.attempt) for run in granted}) == len(granted)
    assert folded(world)[0].digest() == folded(world)[0].digest()
    assert world.state("d/b")["cut"]["d/s"] == 5


def test_a_repeated_fact_that_does_not_fit_changes_nothing() -> None:
    world = world_of(source("d/s"), derived("d/a", "d/s", policy=Eager()))
    world.takes("d/a", "1m")
    world.publish("d/s")
    domain = world.domain
    assert domain is not None
    [fact] = [event for _, event in world.journal if event["type"] == RunGranted.TYPE]
    node = domain.node("d/a")
    assert node is not None
    before = node.touched
    assert apply(domain, len(world.journal), world.clock, fact) == []
    assert node.touched == before


def runs_and_publications(told: Told) -> list[tuple[str, str]]:
    kinds = ("everfresh.run.granted.v1", "everfresh.asset.materialized.v1", "everfresh.asset.quarantined.v1")
    return [(kind, data) for _, kind, data in told if kind in kinds]


@pytest.fixture
def other_planner(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planner that is always in a hurry, and never lets anybody ride along."""

    def at_once(_domain: Domain, node: Any) -> int | None:
        return node.since if node.wave is None and not node.missing else None

    monkeypatch.setattr(reactors.timers, "due", at_once)
    monkeypatch.setattr("reactors.waves.may_ride", lambda *_: False)


def test_a_journal_folds_under_another_planner_to_the_same_runs(request: pytest.FixtureRequest) -> None:
    world = busy_world()
    _, told = folded(world)
    request.getfixturevalue("other_planner")
    _, retold = folded(world)
    assert runs_and_publications(retold) == runs_and_publications(told)
    assert len(runs_and_publications(told)) > 20


def test_a_month_of_twenty_assets_takes_a_moment(capsys: pytest.CaptureFixture[str]) -> None:
    import time

    names = [f"a{n}" for n in range(20)]
    assets = [derived(f"d/{name}", "d/s", policy=Within("4h"), takes_ms=60_000) for n, name in enumerate(names)]
    world = world_of(source("d/s"), *assets)
    for name in names:
        world.takes(f"d/{name}", "1m")
    begun = time.perf_counter()
    world.each("1h", 24 * 30, lambda _: world.publish("d/s"))
    seconds = time.perf_counter() - begun
    with capsys.disabled():
        print(f"\na month of 20 assets: {len(world.runs())} runs, {len(world.journal)} events in {seconds:.1f} s")
    assert all(world.state(f"d/{name}")["lag"] <= 4 * 3_600_000 for name in names)
    assert world.events("everfresh.alert.*") == []


def test_a_dump_of_the_schema_before_is_read() -> None:
    assets = [
        source("d/s", partitions=Static(names=("eu", "us"))),
        parted("d/a", "d/s", parts=Static(names=("eu", "us")), policy=Eager()),
    ]
    before, now = (world_of(*assets) for _ in range(2))
    for world in (before, now):
        for region in ("eu", "us", "eu"):
            world.publish("d/s", partition=region)
            world.advance("1s")
    assert before.domain is not None
    old = orjson.loads(before.domain.dump())
    del old["published"]
    for node in old["nodes"].values():
        del node["numbered"]
        node["uncounted"] = 2 if node["partition"] == "eu" else 1
    old["schema"] = 6
    before.domain = restore(orjson.dumps(old))
    for world in (before, now):
        world.deploy(domain_of(assets[0], parted("d/a", "d/s", parts=Static(names=("eu", "us")), policy=Manual())))
    assert before.domain is not None
    assert now.domain is not None
    assert before.domain.state.published == now.domain.state.published == {"d/a": 3}
    assert before.domain.state.roots["d/a"].seq == now.domain.state.roots["d/a"].seq == 3
