"""How long a journal is kept, and how a fold begins where its beginning isn't kept any more.

What is kept must still be told from its beginning: each run, and what it cost. So a snapshot is laid by for as long as
the journal is kept from it on, beside the two that a restart goes by.
"""

from collections.abc import Awaitable, Callable

from reactors.domain import Domain
from reactors.snapshots import restore
from streams.errors import Gap
from streams.ports import EventLog, Snapshot, Snapshots

Trim = Callable[[str, int, int], Awaitable[None]]
"""(topic, partition, before): delete the entries before an offset"""

LAID_BY = "@kept"
"""what the name ends with under which snapshots are laid by; no domain's name has an @"""


class Keeper:
    """Keeps a domain's journal for `keep_ms`, and for at most twice as long."""

    def __init__(self, log: EventLog, snapshots: Snapshots, delete: Trim, keep_ms: int) -> None:
        self._log, self._snapshots, self._delete, self.keep_ms = log, snapshots, delete, keep_ms
        self._laid_at: int | None = None  # when the newest was laid by, once that is known

    async def saved(self, topic: str, snapshot: Snapshot, now_ms: int) -> None:
        """A snapshot was saved: lay it by, if the last one was long ago, and let go of what lies before the one before.

        Until then two snapshots were saved since that one, so that no reactor begins before it.
        """
        name = snapshot.domain + LAID_BY
        if self._laid_at is None:
            self._laid_at = await self._when(topic, name)
        if now_ms - self._laid_at < self.keep_ms:
            return
        await self._snapshots.save(Snapshot(name, snapshot.offset, snapshot.digest, snapshot.state))
        self._laid_at = now_ms
        before = await self._snapshots.newest(name, snapshot.offset - 1)
        if before is not None:
            await self._delete(topic, 0, before.offset)

    async def _when(self, topic: str, name: str) -> int:
        """When the newest one was laid by: soon after the last entry in it was appended; 0 where there is none."""
        newest = await self._snapshots.newest(name)
        entries = await self._log.read(topic, 0, newest.offset - 1, limit=1) if newest is not None else ()
        return entries[0].timestamp if entries else 0


async def restored(snapshots: Snapshots, name: str, first: int, upto: int | None = None) -> tuple[Domain, int]:
    """A domain as its newest snapshot has it, of those at most at `upto` if said, and that one's offset.

    Its journal is kept from `first` on. Without a snapshot it is empty, and the offset 0. A group that has lost its
    position begins where the journal does, which may be kept from before both snapshots on, or from between; then it is
    the older of the two, before which all was sent when the newer was taken. Raises Gap where nothing leads to what is
    kept.
    """
    found = await snapshots.newest(name, upto)
    if found is None and upto is not None and first > 0:
        found = await _older(snapshots, name)
    begun = _begun(found, first)
    if begun is None:
        raise Gap(
            f"the journal of {name!r} is kept from offset {first} on, and no snapshot that this everfresh can read "
            "reaches so far; read it with the version that wrote it"
        )
    return begun


async def restored_whole(snapshots: Snapshots, name: str, first: int) -> tuple[Domain, int]:
    """The same as far back as the journal is kept: at its beginning, or where a snapshot was laid by."""
    if first == 0:
        return Domain(), 0
    laid_by = name + LAID_BY
    begun = _begun(await _older(snapshots, laid_by), first) or _begun(await snapshots.newest(laid_by), first)
    return begun or await restored(snapshots, name, first)  # it was trimmed by hand


async def _older(snapshots: Snapshots, name: str) -> Snapshot | None:
    """Of the two that are kept the older; the only one where there is one."""
    newest = await snapshots.newest(name)
    return None if newest is None else await snapshots.newest(name, newest.offset - 1) or newest


def _begun(found: Snapshot | None, first: int) -> tuple[Domain, int] | None:
    """The domain that a fold goes on with, and where; None where what comes next isn't kept."""
    domain = restore(found.state) if found is not None and found.offset >= first else None
    if found is None or domain is None:
        return None if first > 0 else (Domain(), 0)
    return domain, found.offset
