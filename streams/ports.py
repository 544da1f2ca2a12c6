"""What the roles need of a log, in the domain's words. Each port names the suite that is its contract.

Memory, SQLite (apsw) and Kafka implement them in `streams/io/`; one URL chooses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from streams.topics import Topic


@dataclass(frozen=True, slots=True)
class Record:
    """What is to be appended: encoded, with the key that orders it."""

    topic: str
    value: bytes | None  # None: a tombstone on a compacted topic
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None  # None: by the key, as Kafka's default partitioner does


class Stamp(NamedTuple):
    """Where and when a record was appended. `timestamp` is the log's time, in milliseconds since 1970 UTC."""

    partition: int
    offset: int
    timestamp: int


class Entry(Protocol):
    """A record as it is read. aiokafka's ConsumerRecord has this shape, so nothing is copied on that path."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class Position(NamedTuple):
    """How far a group has come: `offset` is the next one to read."""

    group: str
    topic: str
    partition: int
    offset: int


class EventLog(Protocol):
    """Ordered, durable logs. tests/conformance/test_event_log.py is its contract."""

    async def append(self, records: Sequence[Record], position: Position | None = None) -> list[Stamp]:
        """Return once all are durable, in order per partition; raise LogUnavailable or EventTooLarge otherwise.

        With `position`, the group's position moves too: in the same transaction where the log has one (SQLite), else
        after the acknowledgements, so that a crash repeats and never skips.
        """

    async def read(
        self, topic: str, partition: int, offset: int, limit: int = 500, wait_ms: int = 0
    ) -> Sequence[Entry]:
        """Up to `limit` entries from `offset` on, waiting up to `wait_ms` for the first. Raises Gap if trimmed away."""

    async def bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        """partition → (first offset kept, next offset to be written). Raises TopicMismatch if there is none such."""

    async def subscribe(
        self, group: str, topics: Sequence[str], start: Literal["earliest", "latest"] = "earliest"
    ) -> "Subscription":
        """Join a group; `start` holds only where the group has no position yet."""

    async def close(self) -> None:
        """Flush and let go; idempotent."""


class Subscription(Protocol):
    """A member of a group: partitions come and go. tests/conformance/test_subscription.py is its contract."""

    async def fetch(self, limit: int = 500, wait_ms: int = 200) -> Mapping[tuple[str, int], Sequence[Entry]]:
        """The next entries of the partitions this member owns. Raises Gap if a position was trimmed away."""

    async def commit(self, positions: Mapping[tuple[str, int], int]) -> None:
        """Move the group's positions; each is the next offset to read."""

    def owned(self) -> frozenset[tuple[str, int]]:
        """The (topic, partition) pairs that are this member's now."""

    async def position(self, topic: str, partition: int) -> int:
        """The offset that `fetch` gives next of a partition this member owns."""

    def behind(self, topic: str, partition: int) -> bool:
        """Whether more entries are known to stand in the log than `fetch` has given; asks nobody."""

    async def close(self) -> None:
        """Leave the group; idempotent."""


class FencedWriter(Protocol):
    """The one writer of a domain's compacted topics. tests/conformance/test_fenced_writer.py is its contract."""

    async def append(self, records: Sequence[Record]) -> None:
        """All or none become visible to a committed reader; raises Fenced once a newer writer has claimed the name."""

    async def close(self) -> None:
        """Idempotent."""


class Fencing(Protocol):
    """Hands out fenced writers."""

    async def claim(self, name: str) -> FencedWriter:
        """Take over the name: whoever held it before can't write any more."""


class TopicAdmin(Protocol):
    """Makes topics and checks them, and says where groups stand. tests/conformance/test_topics.py is its contract."""

    async def create(self, topics: Sequence[Topic]) -> list[str]:
        """Create those that are missing; returns their names. An existing topic is left as it is."""

    async def check(self, topics: Sequence[Topic]) -> list[str]:
        """One sentence a problem: a missing topic, another partition count, another cleanup or timestamp type."""

    async def names(self, prefix: str) -> list[str]:
        """The topics there are whose name begins so, sorted."""

    async def positions(self, group: str, topic: str) -> dict[int, int]:
        """partition → next offset that a group will read; a partition where it never stood is left out."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A domain's state after folding all journal entries before `offset`."""

    domain: str
    offset: int
    digest: str
    state: bytes


class Snapshots(Protocol):
    """Where a fold's state is kept. tests/conformance/test_snapshots.py is its contract."""

    async def save(self, snapshot: Snapshot) -> None:
        """Durable and whole, or not there at all; the two newest are kept."""

    async def newest(self, domain: str, upto: int | None = None) -> Snapshot | None:
        """The newest one that is whole and whose bytes match its digest; of those at most at offset `upto`, if said."""
