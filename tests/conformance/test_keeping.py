"""How much of a journal is kept, and where a fold begins once its beginning isn't: on every log."""

import pytest

from reactors.domain import Domain, digest_of
from reactors.io.keeping import Keeper, restored, restored_whole
from streams.errors import Gap
from streams.io.urls import Log
from streams.ports import Record, Snapshot, Snapshots
from tests.conformance.logs import Place, everywhere

HOUR = 3_600_000


async def appended(opened: Log, topic: str, many: int) -> int:
    """So many entries more; when the last of them was appended."""
    return (await opened.log.append([Record(topic, b"x")] * many))[-1].timestamp


async def journal(opened: Log, place: Place) -> tuple[str, int]:
    """One of a hundred entries, and when they were appended."""
    topic = await place.topic()
    return topic, await appended(opened, topic, 100)


def keeping(opened: Log) -> Keeper:
    return Keeper(opened.log, opened.snapshots, opened.trim, HOUR)


async def first_kept(opened: Log, topic: str) -> int:
    return (await opened.log.bounds(topic))[0][0]


def at(offset: int) -> Snapshot:
    domain = Domain()
    domain.state.offset = offset - 1
    state = domain.dump()
    return Snapshot("shop", offset, digest_of(state), state)


@everywhere
async def test_a_journal_is_kept_for_as_long_as_is_said_and_no_more_than_twice(
    opened: Log, place: Place, snapshots: Snapshots
) -> None:
    topic, begun = await journal(opened, place)
    keeper = keeping(opened)
    first = []
    for quarter in range(20):  # a snapshot each quarter of an hour, of five entries each
        await keeper.saved(topic, at(5 * quarter + 5), begun + quarter * HOUR // 4)
        first.append(await first_kept(opened, topic))
    assert first == [0] * 4 + [5] * 4 + [25] * 4 + [45] * 4 + [65] * 4


@everywhere
async def test_a_restart_remembers_when_the_last_snapshot_was_laid_by(
    opened: Log, place: Place, snapshots: Snapshots
) -> None:
    topic, begun = await journal(opened, place)
    for quarter, first in ((0, 0), (1, 0), (3, 0), (5, 5)):
        keeper = keeping(opened)
        await keeper.saved(topic, at(5 * quarter + 5), begun + quarter * HOUR // 4)
        assert await first_kept(opened, topic) == first


@everywhere
async def test_what_is_kept_can_be_folded_from_its_beginning(opened: Log, place: Place, snapshots: Snapshots) -> None:
    topic, begun = await journal(opened, place)
    keeper = keeping(opened)
    assert (await restored_whole(snapshots, "shop", await first_kept(opened, topic)))[1] == 0
    for hour in range(3):
        await keeper.saved(topic, at(10 * hour + 10), begun + hour * HOUR)
        await snapshots.save(at(10 * hour + 10))
        domain, offset = await restored_whole(snapshots, "shop", await first_kept(opened, topic))
        assert offset == await first_kept(opened, topic) == (0, 10, 20)[hour]
        assert domain.state.offset == offset - 1
    await opened.trim(topic, 0, 25)
    assert (await restored_whole(snapshots, "shop", await first_kept(opened, topic)))[1] == 30


@everywhere
async def test_a_fold_begins_with_the_newest_snapshot_that_may_be_taken(
    opened: Log, place: Place, snapshots: Snapshots
) -> None:
    topic = await place.topic()
    await appended(opened, topic, 30)
    assert (await restored(snapshots, "shop", await first_kept(opened, topic)))[1] == 0
    for offset in (10, 20):
        await snapshots.save(at(offset))
    found = {
        upto: await restored(snapshots, "shop", await first_kept(opened, topic), upto)
        for upto in (None, 25, 20, 19, 10, 9)
    }
    assert {upto: offset for upto, (_, offset) in found.items()} == {None: 20, 25: 20, 20: 20, 19: 10, 10: 10, 9: 0}
    assert [one.state.offset for one, _ in found.values()] == [19, 19, 19, 9, 9, -1]


@everywhere
async def test_a_group_that_lost_its_position_begins_with_the_older_snapshot(
    opened: Log, place: Place, snapshots: Snapshots
) -> None:
    topic = await place.topic()
    await appended(opened, topic, 30)
    for offset in (10, 20):
        await snapshots.save(at(offset))
    await opened.trim(topic, 0, 5)
    assert (await restored(snapshots, "shop", await first_kept(opened, topic), upto=5))[1] == 10
    await opened.trim(topic, 0, 10)
    assert (await restored(snapshots, "shop", await first_kept(opened, topic), upto=10))[1] == 10


@everywhere
async def test_what_no_snapshot_leads_to_is_refused_with_a_way_out(
    opened: Log, place: Place, snapshots: Snapshots
) -> None:
    topic = await place.topic()
    await appended(opened, topic, 30)
    await opened.trim(topic, 0, 15)
    for upto in (None, 15, 20):
        with pytest.raises(Gap, match=r"'shop' is kept from offset 15 on.*with the version that wrote it"):
            await restored(snapshots, "shop", await first_kept(opened, topic), upto)
    unreadable = b'{"schema":0}'
    await snapshots.save(Snapshot("shop", 20, digest_of(unreadable), unreadable))
    with pytest.raises(Gap, match="no snapshot that this everfresh can read"):
        await restored(snapshots, "shop", await first_kept(opened, topic), 20)
