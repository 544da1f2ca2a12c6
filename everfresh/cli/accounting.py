"""`checks` and `costs`: what was answered, and what was used, from the events."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Argument, Option, Typer

from everfresh.cli.command import InDomains, command
from everfresh.cli.looking import ONE
from everfresh.cli.screen import document, note, table

if TYPE_CHECKING:
    from streams.cloudevents import Envelope

group = Typer()


@dataclass(frozen=True, kw_only=True)
class Checks(InDomains):
    """What `checks` takes."""

    asset: Annotated[str | None, Argument(metavar="ASSET", help=ONE, show_default=False)] = None


@command(group, "checks", example="everfresh checks shop/revenue")
async def checks(said: Checks) -> None:
    """The newest answer of each check: what was found, what was expected, of which version, and when."""
    from everfresh.cli import tallies
    from reactors.io.clock import SystemClock

    found = tallies.newest_answers(await _events(said, "check.evaluated", said.asset))
    if said.json:
        document([event["data"] | {"time": event["time"]} for event in found])
    elif found:
        now_ms = SystemClock().now_ms()
        table(tallies.CHECK_COLUMNS, [tallies.answer_cells(event, now_ms) for event in found])
    else:
        note("no check was asked yet")


@dataclass(frozen=True, kw_only=True)
class Costs(InDomains):
    """What `costs` takes."""

    asset: Annotated[str | None, Argument(metavar="ASSET", help=ONE, show_default=False)] = None
    by: Annotated[
        Literal["asset", "owner", "domain"], Option("--by", metavar="WHAT", help="asset, owner or domain.")
    ] = "asset"
    since: Annotated[
        str | None, Option("--since", metavar="DURATION", help="Only what was used since then, like 24h.")
    ] = None
    period: Annotated[
        str | None,
        Option("--period", metavar="WHAT", help="day, week, month: a row for each; 2026-11, 2026-W48: only that."),
    ] = None
    focus: Annotated[
        Path | None, Option("--focus", metavar="FILE", help="Write what has an amount as CSV, in FOCUS columns.")
    ] = None


@command(group, "costs", example="everfresh costs --by owner --period month")
async def costs(said: Costs) -> None:
    """What attempts used: time, CPU, the peak of memory, bytes written, and what functions and bills told of.

    Failed attempts count as well. A bill that was revised counts once, as it was revised last; what is of several
    currencies is never added up. Days are UTC. `_idle` is what no asset used.
    """
    from everfresh.cli import tallies
    from everfresh.cli.periods import period_of

    period = None if said.period is None else period_of(said.period)
    events = tallies.newest_revisions(_since(await _events(said, "cost.incurred", said.asset), said.since))
    found = [event["data"] for event in events]
    if period is not None:
        found = [one for one in found if period(one["period"]) is not None]
    owners = await _owners(said) if said.by == "owner" or said.focus is not None else {}
    if said.focus is not None:
        _export(found, owners, said.focus)
        return

    def whose(cost: Mapping[str, Any]) -> tuple[str, ...]:
        asset = str(cost["asset"])
        who = {"asset": asset, "domain": asset.partition("/")[0]}.get(said.by, owners.get(asset, ""))
        return (who,) if period is None else (str(period(cost["period"])), who)

    names = (said.by,) if period is None else ("period", said.by)
    totals = tallies.totals(found, whose)
    if said.json:
        document([{**dict(zip(names, name, strict=True)), **total.json()} for name, total in totals.items()])
    elif totals:
        table((*names, *tallies.COST_COLUMNS), [(*name, *total.cells()) for name, total in totals.items()])
    else:
        note("nothing ran yet" if period is None and said.since is None else "nothing ran then")


async def _owners(said: Costs) -> dict[str, str]:
    """Asset → its owner, as it is declared now."""
    from everfresh.cli.finding import domains_of, existing
    from everfresh.reading import now

    owners: dict[str, str] = {}
    async with existing(said) as site:
        for name in await domains_of(site, said.domain):
            assets = (await now(site.log, site.settings.topics, name)).graph.assets
            owners |= {key: one.owner or "" for key, one in assets.items()}
    return owners


def _export(found: "list[Mapping[str, Any]]", owners: "Mapping[str, str]", path: Path) -> None:
    from everfresh.cli.command import UsedWrongly
    from everfresh.cli.focus import written

    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            count = written(found, owners, file)
    except OSError as error:
        raise UsedWrongly(f"--focus: {path} can't be written: {error}") from None
    note(f"{count} costs in {path}; {len(found) - count} have no amount and are left out")


def _since(events: list["Envelope"], duration: str | None) -> list["Envelope"]:
    from everfresh.cli.command import UsedWrongly
    from reactors.io.clock import SystemClock
    from streams.units import instant, milliseconds

    if duration is None:
        return events
    try:
        first = SystemClock().now_ms() - milliseconds(duration)
    except ValueError as error:
        raise UsedWrongly(f"--since: {error}") from None
    return [event for event in events if instant(event["time"]) >= first]


async def _events(said: InDomains, kind: str, asset: str | None) -> list["Envelope"]:
    """All events of a kind, of the domains or the asset that are meant."""
    from everfresh.cli.finding import domains_of, existing, key_of
    from everfresh.cli.streaming import Selection, stream, types_of

    async with existing(said) as site:
        key = await key_of(site, asset) if asset is not None else None
        names = tuple(await domains_of(site, said.domain if key is None else [key.partition("/")[0]]))
        selection = Selection(types_of([kind]), names, narrowed=True, journal=False, since=None)
        found = {}
        async for entry in stream(site.log, selection.topics(site.settings.topics), None, follow=False):
            event = selection.chosen(entry)
            if event is not None and key in (None, event["data"].get("asset")):
                found[event["id"]] = event
    return list(found.values())
