"""`alerts`: what fires now, as the reactors' states have it."""

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Option, Typer

from everfresh.cli.command import InDomains, command
from everfresh.cli.looking import ONE
from everfresh.cli.screen import document, note, table

group = Typer()


@dataclass(frozen=True, kw_only=True)
class Alerts(InDomains):
    """What `alerts` takes."""

    asset: Annotated[str | None, Argument(metavar="ASSET", help=ONE, show_default=False)] = None
    all: Annotated[bool, Option("--all", help="Also those that another one explains.")] = False


@command(group, "alerts", example="everfresh alerts --json")
async def alerts(said: Alerts) -> None:
    """What fires now: the rule, the asset and its owner, since when, and what is wrong. The worst comes first.

    What is late because something above it fails is counted below the table; --all and --json list it.
    `everfresh events alert` tells how each opened and was resolved, `--follow` as it happens.
    """
    from everfresh.cli import firing
    from everfresh.cli.finding import domains_of, existing, key_of
    from everfresh.cli.words import counted

    async with existing(said) as site:
        key = await key_of(site, said.asset) if said.asset is not None else None
        names = await domains_of(site, said.domain if key is None else [key.partition("/")[0]])
        found = [row for name in names for row in await firing.fires(site, name)]
    shown = firing.worst_first(row for row in found if key in (None, row.asset))
    if said.json:
        document([row.json() for row in shown])
        return
    told = [row for row in shown if said.all or row.inhibited_by is None]
    if told:
        table(*firing.cells(told))
    if len(told) < len(shown):
        note(f"{counted(len(shown) - len(told), 'alert')} more, explained by another; --all lists them")
    elif not shown:
        note("nothing fires")
