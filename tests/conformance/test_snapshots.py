"""What every snapshot store promises: whole or not there, the newest that is sound, two of them."""

import random
from typing import cast

import apsw
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.io.entries import digest_of
from streams.io.kafka_snapshots import CHUNK_BYTES, HEAD, assembled
from streams.io.memory_writers import MemorySnapshots
from streams.io.partitioner import partition_of_key
from streams.io.sqlite import SqliteLog
from streams.ports import Record, Snapshot, Snapshots
from tests.conformance.logs import Place, durable, everywhere


def snapshot(domain: str, offset: int, state: bytes | None = None) -> Snapshot:
    state = b"state of %s at %d" % (domain.encode(), offset) if state is None else state
    return Snapshot(domain, offset, digest_of(state), state)


async def tear(place: Place, found: Snapshot) -> None:
    """Do to a snapshot what a crash in the midst of saving it, or a bad disk, would have done."""
    opened = place.opened[0]
    if place.kind == "memory":
        kept = cast(MemorySnapshots, opened.snapshots)._kept[found.domain]
        kept[found.offset] = Snapshot(found.domain, found.offset, found.digest, found.state[:-1])
    elif place.kind == "sqlite":
        db = apsw.Connection(str(cast(SqliteLog, opened.log).file.path))
        db.execute("UPDATE snapshots SET state = x'00' WHERE domain = ? AND offset = ?", (found.domain, found.offset))
        assert db.changes() == 1
        db.close()
    else:
        topic = place.topics.snapshots.name
        key = f"{found.domain}/{found.offset:020d}/000000".encode()
        partition = partition_of_key(found.domain.encode(), len(await opened.log.bounds(topic)))
        await opened.log.append([Record(topic, None, key, partition=partition)])


@everywhere
async def test_there_is_none_before_the_first(snapshots: Snapshots) -> None:
    assert await snapshots.newest("shop") is None


@everywhere
async def test_the_newest_comes_back_as_it_was_saved(snapshots: Snapshots) -> None:
    for offset in (5, 12, 900):
        await snapshots.save(snapshot("shop", offset))
        assert await snapshots.newest("shop") == snapshot("shop", offset)


@everywhere
async def test_an_older_one_saved_late_is_not_the_newest(snapshots: Snapshots) -> None:
    await snapshots.save(snapshot("shop", 900))
    await snapshots.save(snapshot("shop", 5))
    assert await snapshots.newest("shop") == snapshot("shop", 900)


@everywhere
async def test_who_has_not_come_so_far_gets_the_one_before(snapshots: Snapshots) -> None:
    for offset in (5, 12):
        await snapshots.save(snapshot("shop", offset))
    assert await snapshots.newest("shop", upto=12) == snapshot("shop", 12)
    assert await snapshots.newest("shop", upto=11) == snapshot("shop", 5)
    assert await snapshots.newest("shop", upto=4) is None


@everywhere
@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, 3 * 1024 * 1024])
async def test_a_state_of_any_size_is_kept(snapshots: Snapshots, size: int) -> None:
    state = random.Random(size).randbytes(size)
    await snapshots.save(snapshot("shop", 1, state))
    found = await snapshots.newest("shop")
    assert found is not None
    assert found.state == state


@everywhere
async def test_domains_do_not_mix_even_if_one_name_begins_like_another(snapshots: Snapshots) -> None:
    domains = ["shop", "shop2", "sho", "shop.eu"]
    for offset, domain in enumerate(domains):
        await snapshots.save(snapshot(domain, offset))
    for offset, domain in enumerate(domains):
        assert await snapshots.newest(domain) == snapshot(domain, offset)


@everywhere
async def test_a_torn_one_is_passed_over_for_the_one_before(place: Place, snapshots: Snapshots) -> None:
    await snapshots.save(snapshot("shop", 1))
    await snapshots.save(snapshot("shop", 2))
    await tear(place, snapshot("shop", 2))
    assert await snapshots.newest("shop") == snapshot("shop", 1)
    await snapshots.save(snapshot("shop", 3))
    assert await snapshots.newest("shop") == snapshot("shop", 3)


@everywhere
async def test_two_are_kept_and_no_more(place: Place, snapshots: Snapshots) -> None:
    for offset in (1, 2, 3, 4):
        await snapshots.save(snapshot("shop", offset))
    await tear(place, snapshot("shop", 4))
    assert await snapshots.newest("shop") == snapshot("shop", 3)
    await tear(place, snapshot("shop", 3))
    assert await snapshots.newest("shop") is None


@everywhere
async def test_a_snapshot_whose_digest_is_wrong_is_refused_when_it_is_saved(snapshots: Snapshots) -> None:
    await snapshots.save(snapshot("shop", 1))
    with pytest.raises(ValueError, match="digest"):
        await snapshots.save(Snapshot("shop", 2, digest_of(b"other"), b"state"))
    assert await snapshots.newest("shop") == snapshot("shop", 1)


@durable
async def test_it_is_there_for_another_process_and_after_reopening(place: Place, snapshots: Snapshots) -> None:
    await snapshots.save(snapshot("shop", 1))
    assert await (await place.open()).snapshots.newest("shop") == snapshot("shop", 1)
    await place.opened[0].close()
    later = (await place.open()).snapshots
    for offset in (2, 3, 4):
        await later.save(snapshot("shop", offset))
    assert await later.newest("shop") == snapshot("shop", 4)


@pytest.mark.kafka
@pytest.mark.parametrize("kind", ["kafka"])
async def test_on_kafka_what_is_old_or_torn_is_deleted_by_tombstones(place: Place, snapshots: Snapshots) -> None:
    log, topic = place.opened[0].log, place.topics.snapshots.name
    partition = partition_of_key(b"shop", len(await log.bounds(topic)))
    await log.append([Record(topic, b"torn", b"shop/%020d/000000" % 2, partition=partition)])
    for offset in (1, 3, 4):
        await snapshots.save(snapshot("shop", offset, random.Random(offset).randbytes(CHUNK_BYTES + 1)))
    kept: dict[bytes, bytes | None] = {}
    for entry in await log.read(topic, partition, 0, limit=1_000):
        kept[entry.key or b""] = entry.value
    names = sorted(key.decode() for key, value in kept.items() if value is not None)
    assert names == [f"shop/{offset:020d}/{name}" for offset in (3, 4) for name in ("000000", "000001", HEAD)]


STATE = random.Random(7).randbytes(1_000)


@given(st.dictionaries(st.sampled_from(["000000", "000001", "000002", HEAD]), st.binary(max_size=40)))
def test_whatever_the_pieces_are_they_make_a_sound_snapshot_or_none(pieces: dict[str, bytes]) -> None:
    assert assembled("shop", 1, pieces) is None


@given(st.integers(-1, 3), st.sampled_from([digest_of(STATE), "", "00"]))
def test_a_head_that_does_not_fit_its_chunks_makes_none(count: int, digest: str) -> None:
    import zlib

    packed = zlib.compress(STATE)
    pieces = {"000000": packed[:500], "000001": packed[500:], HEAD: orjson.dumps({"digest": digest, "chunks": count})}
    sound = count == 2 and digest == digest_of(STATE)
    assert assembled("shop", 1, pieces) == (Snapshot("shop", 1, digest, STATE) if sound else None)
