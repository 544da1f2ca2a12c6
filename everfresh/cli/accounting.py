"""`checks` and `costs`: what was answered, and what was used, from the events."""

from collections.abc import Mapping
from dataclasses import dataclass
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


@command(group, "costs", example="everfresh costs --by owner --since 24h")
async def costs(said: Costs) -> None:
    """What attempts used: time, CPU, the peak of memory, bytes written, and what functions reported themselves.

    Failed attempts count as well. A bill that was revised counts once, as it was revised last.
    """
    from everfresh.cli import tallies
    from everfresh.cli.finding import domains_of, existing
    from everfresh.reading import now

    events = _since(await _events(said, "cost.incurred", said.asset), said.since)
    owners: dict[str, str] = {}
    if said.by == "owner":
        async with existing(said) as site:
            for name in await domains_of(site, said.domain):
                assets = (await now(site.log, site.settings.topics, name)).graph.assets
                owners |= {key: one.owner or "" for key, one in assets.items()}

    def whose(cost: Mapping[str, Any]) -> str:
        asset = str(cost["asset"])
        return {"asset": asset, "domain": asset.partition("/")[0]}.get(said.by, owners.get(asset, ""))

    found = tallies.totals(events, whose)
    if said.json:
        document([{said.by: name, **total.json()} for name, total in found.items()])
    elif found:
        table((said.by, *tallies.COST_COLUMNS), [(name, *total.cells()) for name, total in found.items()])
    else:
        note("nothing ran yet")


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
