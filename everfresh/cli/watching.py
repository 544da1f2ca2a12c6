"""`status --watch`: the table stays in place and follows the journals; into a pipe goes each row that changed."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable, Sequence

from everfresh.cli import standing
from everfresh.cli.screen import aligned, drawn, line, say
from everfresh.reading import Folded, Reading, caught_up
from everfresh.site import Site

BEAT_MS = 1_000
"""how long nothing may come before lags are shown anew"""

Rows = list[standing.Row]


async def watch(site: Site, names: Sequence[str], only: str | None, json: bool) -> None:
    """Show where the assets of these domains stand, or the `only` one, for as long as anybody looks."""
    readings = [await caught_up(site.log, site.settings.topics, name) for name in names]
    if only is not None:
        standing.check(readings[0].domain, only)
    keys = None if only is None else [only]
    if sys.stdout.isatty() and not json:
        await _redraw(beats(readings, keys))
    else:
        await _print(beats(readings, keys), json)


async def beats(readings: Sequence[Reading], keys: Iterable[str] | None) -> AsyncIterator[Rows]:
    """All rows, again whenever something was folded, and each second."""
    reads: dict[int, asyncio.Task[list[Folded]]] = {}
    try:
        while True:
            yield [row for reading in readings for row in standing.rows(reading.domain, keys)]
            for place, reading in enumerate(readings):
                if place not in reads:
                    reads[place] = asyncio.create_task(reading.more(BEAT_MS))
            done, _ = await asyncio.wait(reads.values(), return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
            reads = {place: one for place, one in reads.items() if one not in done}
    finally:
        for one in reads.values():
            one.cancel()


async def _redraw(rows: AsyncIterator[Rows]) -> None:
    from rich.live import Live

    with Live(auto_refresh=False) as live:
        async for found in rows:
            live.update(drawn(standing.COLUMNS, [row.cells() for row in found]), refresh=True)


async def _print(rows: AsyncIterator[Rows], json: bool) -> None:
    """Print what stands, and then each row again that differs in more than the time that passed."""
    shown: dict[str, object] = {}
    async for found in rows:
        changed = [row.key for row in found if shown.get(row.key) != row.news()]
        header, *texts = aligned([standing.COLUMNS, *(row.cells() for row in found)])
        if not (json or shown):
            say(header)
        for row, text in zip(found, texts, strict=True):
            if row.key in changed:
                line(row.json()) if json else say(text)
        shown.update((row.key, row.news()) for row in found)
