"""Begins and steers backfills, sees them through, and says how they stand."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from everfresh.cli.command import UsedWrongly
from everfresh.cli.finding import deployed, domain_and_name, key_of
from everfresh.cli.ordering import PATIENCE_SECONDS, appended, user
from everfresh.cli.screen import note
from everfresh.cli.words import counted
from everfresh.options import meant
from everfresh.reading import Reading, caught_up
from everfresh.site import Site
from reactors.domain import Domain
from reactors.state import BackfillState
from streams.errors import EverfreshError
from streams.events import Backfill, BackfillSteered

COLUMNS = ("backfill", "asset", "status", "partitions", "done", "failed", "left", "by")

NAMED = 5
"""how many failed partitions a sentence names"""

_LOOK_MS = 200


Action = Literal["pause", "resume", "cancel"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be brought up to date, and how."""

    asset: str
    first: str
    last: str
    partitions: tuple[str, ...]
    slots: int
    force: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """A backfill as it stands in its domain's journal."""

    reading: Reading
    name: str

    @property
    def state(self) -> BackfillState:
        """How it stands now."""
        return self.reading.domain.state.backfills[self.name]

    def json(self) -> dict[str, Any]:
        """For machines."""
        return _json(self.reading.name, self.state)

    def sentence(self) -> str:
        """For people."""
        one = self.state
        done = f"{one.done} of {counted(one.total, 'partition')} right, {one.slots} at once"
        failed = [f"{partition}: {why}" for partition, why in list(one.failed.items())[:NAMED]]
        more = f" and {len(one.failed) - NAMED} more" if len(one.failed) > NAMED else ""
        bad = f"; {len(one.failed)} failed ({'; '.join(failed)}{more})" if failed else ""
        return f"backfill {self.reading.name}/{one.name} of {one.asset} is {one.status}: {done}{bad}"


async def begun(site: Site, said: Wanted) -> Found:
    """Append the command. Raises UsedWrongly for what has no such partitions, or where none are named."""
    key = await key_of(site, said.asset)
    reading = await caught_up(site.log, site.settings.topics, key.partition("/")[0])
    graph = reading.domain.graph
    parts = graph.partitioned.get(key)
    if key not in graph.assets:
        raise UsedWrongly(f"nobody declares {key!r}; {meant(key, graph.order)}")
    if key in graph.sources:
        raise UsedWrongly(f"{key!r} is a source: nobody here computes it, so there is nothing to backfill")
    if parts is None:
        way = f"`everfresh materialize {key}` runs it"
        raise UsedWrongly(f"{key!r} has no partitions, so there is nothing to backfill; {way}")
    if not (said.first or said.partitions):
        raise UsedWrongly("say which partitions: --from and --to, or --partition")
    last = said.last or said.first
    for wrong in filter(None, map(parts.wrong, said.partitions)):
        raise UsedWrongly(f"{key!r}: {wrong}")
    try:
        if said.first and not list(parts.within(said.first, last)):
            raise UsedWrongly(f"{key!r}: {last!r} comes before {said.first!r}")
    except ValueError as error:
        raise UsedWrongly(f"{key!r}: {error}") from None
    event = Backfill(
        asset=key,
        first=said.first,
        last=last,
        partitions=said.partitions,
        slots=said.slots,
        force=said.force,
        by=user(),
        reason=said.reason,
    )
    offset = await appended(site, reading, event, key)
    return Found(reading, f"b{offset}")


async def steered(site: Site, said: str, action: Action, reason: str) -> Found:
    """Append the word. Raises UsedWrongly where there is no such backfill, EverfreshError where it is over."""
    domain, name = await domain_and_name(site, said)
    reading = await caught_up(site.log, site.settings.topics, domain)
    found, known = Found(reading, name), reading.domain.state.backfills
    if name not in known:
        raise UsedWrongly(f"there is no backfill {said!r}; {meant(name, known)}")
    if found.state.is_over:
        raise EverfreshError(f"backfill {said!r} is {found.state.status} already")
    event = BackfillSteered(backfill=name, action=action, by=user(), reason=reason)
    await appended(site, reading, event, found.state.asset)
    return found


async def seen_through(found: Found) -> None:
    """Return once it is over."""
    waited, seen = 0.0, -1
    with _progress(found.state.total) as advance:
        while not found.state.is_over:
            await found.reading.more(wait_ms=_LOOK_MS)
            through = found.state.done + len(found.state.failed)
            advance(through)
            waited = 0.0 if through != seen else waited + _LOOK_MS / 1_000
            if through == 0 and waited - _LOOK_MS / 1_000 < PATIENCE_SECONDS <= waited:
                note("no partition is through yet; is `everfresh start` or `everfresh dev` running?")
            seen = through


async def known(site: Site, named: Sequence[str] | None) -> "list[Listed]":
    """All that are known, oldest first."""
    return [Listed(domain, one) for domain in await deployed(site, named) for one in domain.state.backfills.values()]


@dataclass(frozen=True, slots=True)
class Listed:
    """One row."""

    domain: Domain
    state: BackfillState

    def cells(self) -> tuple[str, ...]:
        """The table's cells."""
        one = self.state
        numbers = (one.total, one.done, len(one.failed), len(one.left) + len(one.active))
        return (f"{self.domain.name}/{one.name}", one.asset, one.status, *map(str, numbers), one.by)

    def json(self) -> dict[str, Any]:
        """The same for machines."""
        return _json(self.domain.name, self.state)


def _json(domain: str, one: BackfillState) -> dict[str, Any]:
    return {
        "backfill": f"{domain}/{one.name}",
        "asset": one.asset,
        "status": one.status,
        "total": one.total,
        "done": one.done,
        "failed": one.failed,
        "left": len(one.left) + len(one.active),
        "slots": one.slots,
        "by": one.by,
    }


@contextmanager
def _progress(total: int) -> "Iterator[Any]":
    """Shows how many partitions are through, where there is a terminal to show it on."""
    if not sys.stderr.isatty():
        yield lambda _through: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("backfill"),
        *Progress.get_default_columns()[1:3],
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda through: bar.update(task, completed=through)
