"""What a deploy makes of an asset: published here from now on, or from outside, or whole; and what it can't be made."""

import pytest

from everfresh.testing import World
from streams.definitions import Manifest, Retry
from streams.errors import DefinitionError
from streams.events import DefinitionsDeclared
from streams.partitions import Static
from streams.policies import Eager, Manual, Policy, Within
from tests.checker import check, read
from tests.core.test_partitions import parted, ran
from tests.core.test_recovery import folded
from tests.core.worlds import derived, domain_of, source, world_of

REGIONS = Static(names=("eu", "us"))


def test_what_was_computed_here_is_still_there_once_it_is_published_from_outside() -> None:
    below = derived("d/b", "d/a", policy=Eager())
    world = world_of(source("d/s"), derived("d/a", "d/s"), below)
    world.publish("d/s")
    world.advance("1s")
    made = world.state("d/a")["version"]
    world.deploy(domain_of(source("d/s"), source("d/a"), below))
    world.advance("1s")
    assert world.state("d/b")["verdict"] == "fresh"
    assert world.runs("d/b")[-1].inputs["d/a"].version == made
    world.publish("d/a", version="from outside")
    world.advance("1s")
    assert world.runs("d/b")[-1].inputs["d/a"].version == "from outside"
    assert world.state("d/b")["cut"]["d/a"] == 2
    assert check(read(world.exported()), quiet=True).violations == []


def test_what_is_computed_here_from_now_on_is_waited_for_and_back_again_its_numbers_go_on() -> None:
    below = derived("d/b", "d/a", policy=Eager())
    outside = domain_of(source("d/s", exists=True), source("d/a"), below)
    world = World(outside)
    world.publish("d/a", version="1")
    world.publish("d/a", version="2")
    world.advance("1s")
    world.deploy(domain_of(source("d/s", exists=True), derived("d/a", "d/s"), below))
    world.advance("1s")
    assert [run.outcome for run in world.runs("d/a")] == ["materialized"]
    assert world.state("d/b")["cut"] == {"code:d/a": 1, "code:d/b": 1, "d/s": 0}
    world.publish("d/a", version="3")
    assert "it is computed here" in world.events("everfresh.dead.letter.v1")[-1]["error"]
    world.deploy(outside)
    world.advance("1s")
    assert world.state("d/b")["cut"]["d/a"] == 3
    world.publish("d/a", version="4")
    world.advance("1s")
    assert (world.state("d/b")["cut"]["d/a"], world.state("d/b")["verdict"]) == (4, "fresh")
    assert check(read(world.exported()), quiet=True).violations == []


@pytest.mark.parametrize("policy", [None, Manual()], ids=["source", "manual"])
def test_no_part_is_read_as_the_whole_after_a_deploy_without_partitions(policy: Policy | None) -> None:
    def assets(parts: Static | None) -> Manifest:
        split = source("d/s", partitions=parts) if policy is None else parted("d/s", "d/t", parts=parts, policy=policy)
        return domain_of(source("d/t", exists=True), split, parted("d/a", "d/s", parts=parts, policy=Eager()))

    world = World(assets(REGIONS))
    world.deploy(assets(None))  # nobody published anything yet
    world.deploy(assets(REGIONS))
    if policy is None:
        world.publish("d/s", partition="eu")
    else:
        world.command("materialize", "d/s", partition="eu")
    world.advance("1s")
    with pytest.raises(DefinitionError, match="'d/s' has no partitions any more, but what was published"):
        world.deploy(assets(None))
    world.append(DefinitionsDeclared(**assets(None).model_copy(update={"deploy": 9}).model_dump()), "d")
    world.settle()
    assert "deploy 9 is refused: 'd/s' has no partitions" in world.events("everfresh.dead.letter.v1")[-1]["error"]
    assert ran(world, "d/a") == ["eu"]


def test_what_lacks_an_input_since_a_deploy_that_it_was_tried_after_owes_the_new_code_since_then() -> None:
    world = world_of(source("d/s"), derived("d/a", "d/s", policy=Eager(), retry=Retry(0)))
    world.publish("d/s")
    world.advance("1s")
    world.fails("d/a")
    world.publish("d/s")
    world.advance("1s")
    since = world.clock
    world.deploy(domain_of(source("d/s"), source("d/t"), derived("d/a", "d/t", policy=Eager("1h"))))
    world.advance("1s")  # new code may mend it, so it is tried, in vain
    world.advance("30m")
    world.publish("d/t")
    assert world.domain is not None
    assert world.domain.state.nodes["d/a"].since == since
    assert check(read(world.exported()), quiet=True).violations == []


@pytest.mark.parametrize("restarts", [False, True])
def test_a_change_that_what_is_read_since_a_deploy_was_waiting_for_anyway_is_told_to_whom_it_is_new(
    restarts: bool,
) -> None:
    careless = Eager().on_code_change("ignore")
    late = derived("d/late", "d/s")
    assets = late, derived("d/a", "d/s", policy=careless), derived("d/b", "d/a", policy=Eager())
    world = world_of(source("d/s"), *assets)
    world.snapshot_every = 1
    world.publish("d/s")
    world.command("materialize", "d/late")
    world.publish("d/s")  # to the one that nobody needs it is what makes it stale
    world.advance("1s")
    world.deploy(domain_of(source("d/s"), late, derived("d/a", "d/late", policy=careless), assets[2]))
    world.advance("1s")
    assert [run.cut["d/s"] for run in world.runs("d/b")] == [1, 2]
    if restarts:
        world.crash()
        world.restart()
    world.publish("d/s")
    world.advance("1s")
    assert [run.cut["d/s"] for run in world.runs("d/b")] == [1, 2, 3]
    assert check(read(world.exported()), quiet=True).violations == []


def test_what_was_tried_in_vain_is_not_taken_for_ahead_of_its_inputs_by_a_reactor_that_comes_back() -> None:
    careless = Eager().on_code_change("ignore")
    sources, inputs = (source("d/s"), source("d/t")), (derived("d/a", "d/s"), derived("d/held", "d/t"))
    world = world_of(*sources, *inputs, derived("d/both", "d/a", "d/held", policy=careless))
    world.snapshot_every = 1
    world.publish("d/s")
    world.publish("d/t")
    world.advance("1s")
    world.command("pause", "d/held")
    for key in ("d/t", "d/s"):  # tried, in vain: so nobody needs the other input either
        world.publish(key)
        world.advance("1s")
    world.crash()
    world.restart()
    world.publish("d/s")
    world.advance("1s")
    stayed, _ = folded(world)
    assert world.domain is not None
    assert world.domain.digest() == stayed.digest()


def test_a_run_of_what_a_deploy_takes_away_is_stopped_and_its_late_report_changes_nothing() -> None:
    world = world_of(source("d/s"), derived("d/a", "d/s", policy=Eager()), takes="1m")
    world.publish("d/s")
    world.advance("1s")
    world.deploy(domain_of(source("d/s"), source("d/a")))
    world.advance("1h")
    assert [run.outcome for run in world.runs("d/a")] == ["cancelled"]
    assert [one["run"] for one in world.events("everfresh.run.cancelled.v1")] == [world.runs("d/a")[0].run]
    assert check(read(world.exported()), quiet=True).violations == []


def test_a_run_of_what_a_computation_makes_from_now_on_is_stopped_and_the_computation_runs() -> None:
    computation = derived("d/c", "d/s", outputs=("d/a",)), derived("d/a", "d/c", policy=Eager(), made_by="d/c")
    world = world_of(source("d/s"), derived("d/a", "d/s", policy=Eager()), takes="1m")
    world.publish("d/s")
    world.advance("1s")
    world.deploy(domain_of(source("d/s"), *computation))
    world.advance("1h")
    stopped, made, published = world.runs()
    assert (stopped.asset, stopped.outcome, made.asset, published.asset) == ("d/a", "cancelled", "d/c", "d/a")
    assert published.run == made.run
    assert world.state("d/a")["verdict"] == "fresh"
    assert check(read(world.exported()), quiet=True).violations == []


@pytest.mark.parametrize("waits_for", ["a slot", "an input", "nothing: it is paused"])
def test_what_was_commanded_is_run_once_though_a_deploy_comes_first(waits_for: str) -> None:
    assets = source("d/s"), derived("d/a", "d/s", policy=Within("1h")), derived("d/b", "d/a", policy=Within("1h"))
    world = world_of(*assets, takes="1m")
    world.slots(1)
    world.publish("d/s")
    world.advance("2h")
    if waits_for == "an input":
        world.slots(2)
        world.publish("d/s")
    if waits_for == "nothing: it is paused":
        world.command("pause", "d/b")
    else:
        world.command("materialize", "d/a")
    world.advance("1s")
    world.command("materialize", "d/b")
    world.advance("1s")
    assert len(world.runs("d/b")) == 1
    world.deploy(domain_of(*assets, derived("d/c", "d/s")))
    world.advance("10m")
    if waits_for == "nothing: it is paused":
        world.command("resume", "d/b")
    world.advance("10m")
    assert len(world.runs("d/b")) == 2
    assert check(read(world.exported()), quiet=True).violations == []


def test_what_was_commanded_of_a_paused_asset_is_run_by_the_computation_that_makes_it_from_now_on() -> None:
    outputs = [derived(key, "d/c", policy=Within("1h"), made_by="d/c") for key in ("d/a", "d/b")]
    world = world_of(source("d/s"), derived("d/a", "d/s", policy=Within("1h")), takes="1s")
    world.publish("d/s")
    world.advance("2h")
    world.command("pause", "d/a")
    world.command("materialize", "d/a")
    world.deploy(domain_of(source("d/s"), derived("d/c", "d/s", outputs=("d/a", "d/b")), *outputs))
    world.advance("2h")
    world.command("resume", "d/a")
    world.advance("2h")
    assert [run.asset for run in world.runs() if not run.made_by] == ["d/a", "d/c"]
    assert [world.state(key)["verdict"] for key in ("d/a", "d/b")] == ["fresh", "fresh"]
    assert check(read(world.exported()), quiet=True).violations == []


@pytest.mark.parametrize("force", [False, True])
def test_what_a_backfill_waits_for_is_run_once_though_a_deploy_comes_first(force: bool) -> None:
    assets = source("d/s", partitions=REGIONS), parted("d/a", "d/s", parts=REGIONS, policy=Within("1h"))
    world = world_of(*assets, takes="1m")
    world.slots(1)
    for region in REGIONS.names:
        world.publish("d/s", partition=region)
    world.advance("2h")
    for region in () if force else REGIONS.names:
        world.publish("d/s", partition=region)
    world.backfill("d/a", "eu", "us", force=force)
    world.advance("1s")
    assert len(world.runs("d/a")) == 3  # the other one waits for the slot
    world.deploy(domain_of(*assets, derived("d/c")))
    world.advance("2h")
    assert len(world.runs("d/a")) == 4
    assert check(read(world.exported()), quiet=True).violations == []


@pytest.mark.parametrize("kind", ["source", "derived"])
def test_partitions_that_a_deploy_brings_are_judged_once_all_above_them_are_there(kind: str) -> None:
    hourly = Within("1h")
    before = parted("d/r", "d/s", parts=REGIONS, policy=hourly), parted("d/b", "d/s", parts=REGIONS, policy=hourly)
    world = world_of(source("d/s", partitions=REGIONS), *before)
    world.publish("d/s", partition="eu")
    world.advance("2h")
    above = source("d/z", partitions=REGIONS) if kind == "source" else parted("d/z", "d/s", parts=REGIONS)
    middle = parted("d/b", "d/z", parts=REGIONS, policy=hourly), parted("d/x", "d/b", parts=REGIONS)
    after = source("d/s", partitions=REGIONS), above, *middle, parted("d/r", "d/x", parts=REGIONS, policy=hourly)
    world.deploy(domain_of(*after))
    if kind == "source":
        world.publish("d/z", partition="eu")
    world.advance("2h")
    assert [world.state(key, "eu")["verdict"] for key in ("d/b", "d/x", "d/r")] == ["fresh"] * 3
    assert check(read(world.exported()), quiet=True).violations == []
