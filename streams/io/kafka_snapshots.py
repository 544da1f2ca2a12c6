"""Snapshots on a compacted topic: chunks first, then the head that makes them count.

The keys are `domain/offset/chunk` and `domain/offset/head`. All of a domain's go to one partition, the domain's own by
its hash, so that their order is kept and one partition is read to find them.
"""

import asyncio
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

import orjson

from streams.io.entries import digest_of
from streams.io.memory_writers import check_digest
from streams.io.partitioner import partition_of_key
from streams.ports import Entry, EventLog, Record, Snapshot

CHUNK_BYTES = 200 * 1024
READ_RECORDS = 64
HEAD = "head"

Pieces = dict[str, bytes]
"""chunk number, or `head` → value"""


class KafkaSnapshots:
    """Snapshots over any EventLog whose readers see committed records only; `topic` is `snapshots.v1`."""

    def __init__(self, log: EventLog, topic: str) -> None:
        self._log = log
        self._topic = topic
        self._whole: dict[str, dict[int, list[str]]] = {}  # domain → offset → names of the pieces, of whole ones
        self._torn: dict[str, dict[int, list[str]]] = {}

    async def save(self, snapshot: Snapshot) -> None:
        check_digest(snapshot)
        if snapshot.domain not in self._whole:
            await self.newest(snapshot.domain)
        try:
            await self._save(snapshot)
        except BaseException:
            del self._whole[snapshot.domain]  # what is there now is to be looked up again
            raise

    async def _save(self, snapshot: Snapshot) -> None:
        packed = await asyncio.to_thread(zlib.compress, snapshot.state, 1)
        chunks = [packed[at : at + CHUNK_BYTES] for at in range(0, len(packed), CHUNK_BYTES)]
        head = {"offset": snapshot.offset, "digest": snapshot.digest, "chunks": len(chunks)}
        pieces: Pieces = {f"{number:06d}": chunk for number, chunk in enumerate(chunks)}
        await self._put(snapshot.domain, snapshot.offset, pieces)
        await self._put(snapshot.domain, snapshot.offset, {HEAD: orjson.dumps(head)})
        self._whole[snapshot.domain][snapshot.offset] = [*pieces, HEAD]
        await self._forget_old(snapshot.domain)

    async def newest(self, domain: str, upto: int | None = None) -> Snapshot | None:
        found: Snapshot | None = None
        self._whole[domain], self._torn[domain] = {}, {}
        for offset, pieces in sorted((await self._pieces(domain)).items()):
            snapshot = await asyncio.to_thread(assembled, domain, offset, pieces)
            (self._torn if snapshot is None else self._whole)[domain][offset] = list(pieces)
            if snapshot is not None and (upto is None or offset <= upto):
                found = snapshot
        return found

    async def _pieces(self, domain: str) -> dict[int, Pieces]:
        """All that the topic holds of a domain, by offset."""
        partition, (at, end) = await self._place(domain)
        found: dict[int, Pieces] = defaultdict(dict)
        while at < end:
            entries = await self._log.read(self._topic, partition, at, READ_RECORDS)
            if not entries:
                break  # only what compaction or transactions left behind
            _collect(domain, entries, found)
            at = entries[-1].offset + 1
        return {offset: pieces for offset, pieces in found.items() if pieces}

    async def _put(self, domain: str, offset: int, pieces: dict[str, bytes] | dict[str, None]) -> None:
        partition, _ = await self._place(domain)
        await self._log.append(
            [
                Record(self._topic, value, f"{domain}/{offset:020d}/{name}".encode(), partition=partition)
                for name, value in pieces.items()
            ]
        )

    async def _place(self, domain: str) -> tuple[int, tuple[int, int]]:
        bounds = await self._log.bounds(self._topic)
        partition = partition_of_key(domain.encode(), len(bounds))
        return partition, bounds[partition]

    async def _forget_old(self, domain: str) -> None:
        """Tombstones for all but the two newest whole ones, and for what was torn before them; heads go first."""
        whole, torn = self._whole[domain], self._torn[domain]
        newest = max(whole)
        old = {offset: whole[offset] for offset in sorted(whole)[:-2]}
        old.update({offset: names for offset, names in torn.items() if offset < newest})
        for offset, names in old.items():
            await self._put(domain, offset, dict.fromkeys(sorted(names, reverse=True)))
            whole.pop(offset, None)
            torn.pop(offset, None)


def assembled(domain: str, offset: int, pieces: Pieces) -> Snapshot | None:
    """The snapshot that the pieces make; None if one is missing or damaged."""
    try:
        head = orjson.loads(pieces[HEAD])
        packed = b"".join(pieces[f"{number:06d}"] for number in range(head["chunks"]))
        state = zlib.decompress(packed)
    except (KeyError, TypeError, ValueError, zlib.error):
        return None
    return Snapshot(domain, offset, head["digest"], state) if digest_of(state) == head["digest"] else None


def _collect(domain: str, entries: Sequence[Entry], found: dict[int, Pieces]) -> None:
    for entry, offset, name in _named(domain, entries):
        if entry.value is None:
            found[offset].pop(name, None)
        else:
            found[offset][name] = entry.value


def _named(domain: str, entries: Sequence[Entry]) -> Iterable[tuple[Entry, int, str]]:
    for entry in entries:
        owner, _, rest = (entry.key or b"").decode("utf-8", "replace").partition("/")
        offset, _, name = rest.partition("/")
        if owner == domain and offset.isdecimal():
            yield entry, int(offset), name
