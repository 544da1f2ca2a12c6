"""Partitions that come to be: what they change for those that read them, and for those that were there before."""

from streams.partitions import Static
from streams.policies import Eager
from tests.core.test_partitions import parted, ran
from tests.core.worlds import source, world_of

REGIONS = Static(names=("eu", "us"))


def test_who_reads_all_partitions_runs_for_an_equal_change_of_another_one() -> None:
    world = world_of(source("d/s", partitions=REGIONS), parted("d/all", "d/s", parts=None, policy=Eager()))
    for region in ("eu", "us", "eu"):
        world.publish("d/s", version="1", fingerprint="empty", partition=region)
    assert len(ran(world, "d/all")) == 2  # the third says of its region what was said before
    assert world.state("d/all")["cut"]["d/s"] == 2
