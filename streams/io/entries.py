"""What is kept of a record, and what is refused before it is kept."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from streams.cloudevents import SIZE_MAX
from streams.errors import EventTooLarge, Gap
from streams.io.partitioner import partition_of_key
from streams.ports import Record

LABEL_SIZE_MAX = 16 * 1024
"""bytes of a record's key and headers together, at most"""


class StoredEntry(NamedTuple):
    """An entry as the memory and SQLite logs hand it out."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class PositionLost(Gap):
    """A Gap with its place: entries `first` to `last` of the partition can't be read any more."""

    def __init__(self, place: tuple[str, int], wanted: int, bounds: tuple[int, int]) -> None:
        self.topic, self.partition = topic, partition = place
        self.first, self.last = min(wanted, bounds[0]), max(wanted, bounds[0]) - 1
        kept = f"it keeps {bounds[0]} to {bounds[1] - 1}" if bounds[0] < bounds[1] else f"it is empty up to {bounds[1]}"
        why = (
            "older entries were trimmed away; say so with a gap event and go on from there, or restore a snapshot"
            if wanted < bounds[0]
            else "the topic was made anew or cut short; find out why before anything is read from it"
        )
        super().__init__(f"{topic}/{partition} has no entry {wanted} any more ({kept}): {why}")


def check_sizes(records: Sequence[Record]) -> None:
    """Raise EventTooLarge for the first record above what everfresh writes, before anything is sent.

    A tombstone without a key deletes nothing: ValueError, a programmer's mistake.
    """
    for record in records:
        size = len(record.value or b"")
        if size > SIZE_MAX:
            raise EventTooLarge(
                f"a record for {record.topic} is {size} bytes, above {SIZE_MAX}; nothing was sent. "
                "Put what is large in a file and its address in `uri`"
            )
        label = len(record.key or b"") + _size_of(record.headers)
        if label > LABEL_SIZE_MAX:
            raise EventTooLarge(
                f"the key and headers of a record for {record.topic} are {label} bytes, above {LABEL_SIZE_MAX}; "
                "nothing was sent. Move what they say into the event"
            )
        if record.value is None and record.key is None:
            raise ValueError(f"a record for {record.topic} has neither key nor value")


@lru_cache(maxsize=1024)  # nearly all records have the same headers
def _size_of(headers: tuple[tuple[str, bytes], ...]) -> int:
    return sum(len(name) + len(value) for name, value in headers)


def partition_of(record: Record, partitions: int) -> int:
    """Where a record goes: as it says, else by its key as Kafka does; without a key by its value, so without dice."""
    if record.partition is not None:
        if not 0 <= record.partition < partitions:
            raise ValueError(f"{record.topic} has partitions 0 to {partitions - 1}, not {record.partition}")
        return record.partition
    if partitions == 1:
        return 0
    return partition_of_key(record.key if record.key is not None else record.value or b"", partitions)


def digest_of(state: bytes) -> str:
    """A snapshot's digest: BLAKE2b of its bytes, 16 bytes long, in hex.

    >>> digest_of(b"")
    'cae66941d9efbd404e4d88758ea67670'
    """
    return blake2b(state, digest_size=16).hexdigest()
