"""Fenced writers and snapshots in memory."""

from collections.abc import Callable, Mapping, Sequence

from streams.errors import Fenced
from streams.io.entries import check_sizes, digest_of
from streams.ports import Record, Snapshot, Stamp


class MemoryFencedWriter:
    """Writes until somebody else has claimed its name. `claims` is name → the newest claim's number."""

    def __init__(
        self, name: str, claim: int, claims: Mapping[str, int], keep: Callable[[Sequence[Record]], list[Stamp]]
    ) -> None:
        self._name = name
        self._claim = claim
        self._claims = claims
        self._keep = keep
        self._closed = False

    async def append(self, records: Sequence[Record]) -> None:
        check_sizes(records)
        if self._closed or self._claims[self._name] != self._claim:
            raise Fenced(fenced_sentence(self._name, self._closed))
        self._keep(records)

    async def close(self) -> None:
        self._closed = True


class MemorySnapshots:
    """The two newest snapshots of each domain."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[int, Snapshot]] = {}

    async def save(self, snapshot: Snapshot) -> None:
        check_digest(snapshot)
        kept = self._kept.setdefault(snapshot.domain, {})
        kept[snapshot.offset] = snapshot
        for offset in sorted(kept)[:-2]:
            del kept[offset]

    async def newest(self, domain: str, upto: int | None = None) -> Snapshot | None:
        for offset, snapshot in sorted(self._kept.get(domain, {}).items(), reverse=True):
            if (upto is None or offset <= upto) and digest_of(snapshot.state) == snapshot.digest:
                return snapshot
        return None


def check_digest(snapshot: Snapshot) -> None:
    """Refuse a snapshot that no reader would take; saved twice it would push out the good ones."""
    if snapshot.digest != digest_of(snapshot.state):
        raise ValueError(
            f"the snapshot of {snapshot.domain} at {snapshot.offset} has digest {snapshot.digest}, "
            f"its bytes have {digest_of(snapshot.state)}; make the digest with streams.io.entries.digest_of"
        )


def fenced_sentence(name: str, closed: bool) -> str:
    """Why a writer may not write."""
    if closed:
        return f"the writer {name!r} is closed; claim it again"
    return f"another process took over the writer {name!r}; this one must stop and not write again"
