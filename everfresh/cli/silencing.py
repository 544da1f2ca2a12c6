"""`acknowledge`, and `silence start`, `list`, `lift`: what people say of alerts, appended to the journal."""

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Option, Typer

from everfresh.cli.command import Everywhere, InDomains, command
from everfresh.cli.screen import document, note, say, table

group = Typer()
silences = Typer(help="Alerts of which nobody wants to hear for a while.")


@dataclass(frozen=True, kw_only=True)
class Acknowledged(Everywhere):
    """What `acknowledge` takes."""

    alert: Annotated[str, Argument(metavar="ALERT", help="Its fingerprint, or how that begins: `everfresh alerts`.")]
    reason: Annotated[str, Option(metavar="TEXT", help="What you do about it; it is kept with the command.")] = ""


@command(group, "acknowledge", example="everfresh acknowledge 3fa9 --reason 'the loader is being restarted'")
async def acknowledge(said: Acknowledged) -> None:
    """Say that you look after an alert: whoever was told of it hears that, and it goes on firing until it is over."""
    from everfresh.cli.finding import existing
    from everfresh.cli.hushing import acknowledged

    async with existing(said) as site:
        row = await acknowledged(site, said.alert, said.reason)
    if said.json:
        document(row.json())
    else:
        say(f"{row.rule} of {row.asset or 'its domain'} is acknowledged by {row.acknowledged_by}: {row.summary}")


@dataclass(frozen=True, kw_only=True)
class Started(Everywhere):
    """What `silence start` takes."""

    rule: Annotated[str, Argument(metavar="RULE", help="A rule, or a pattern: 'freshness.overdue', 'check.*', '*'.")]
    asset: Annotated[str, Option("--asset", metavar="ASSET", help="Of this one, or a pattern: 'shop/raw_*'.")] = ""
    span: Annotated[str, Option("--for", metavar="SPAN", help="For how long: '30m', '2h', '3d'.")] = "1h"
    domain: Annotated[str | None, Option("--domain", metavar="NAME", help="Where there are several.")] = None
    reason: Annotated[str, Option(metavar="TEXT", help="Why; it is kept with the command.")] = ""


@command(silences, "start", example="everfresh silence start 'freshness.*' --asset 'shop/raw_*' --for 2h")
async def start(said: Started) -> None:
    """Tell nobody of such alerts for a while. They still open and resolve, and `everfresh alerts` shows them."""
    from everfresh.cli.finding import existing
    from everfresh.cli.hushing import Wanted, silenced

    async with existing(said) as site:
        found = await silenced(site, said.domain, Wanted(said.rule, said.asset, said.span, said.reason))
    if said.json:
        document(found.json())
    else:
        say(found.sentence())


@command(silences, "list", example="everfresh silence list --json")
async def listed(said: InDomains) -> None:
    """The silences that hold now."""
    from everfresh.cli.finding import deployed, existing
    from everfresh.cli.hushing import COLUMNS, holding

    async with existing(said) as site:
        found = [one for domain in await deployed(site, said.domain) for one in holding(domain)]
    if said.json:
        document([one.json() for one in found])
    elif found:
        table(COLUMNS, [one.cells() for one in found])
    else:
        note("nothing is silenced; `everfresh silence start RULE` does it")


@dataclass(frozen=True, kw_only=True)
class Lifted(Everywhere):
    """What `silence lift` takes."""

    silence: Annotated[str, Argument(metavar="SILENCE", help="Its name, as `list` shows it: 'shop/s41'.")]
    reason: Annotated[str, Option(metavar="TEXT", help="Why; it is kept with the command.")] = ""


@command(silences, "lift", example="everfresh silence lift shop/s41")
async def lift(said: Lifted) -> None:
    """End a silence before its time: what still fires is told again."""
    from everfresh.cli.finding import existing
    from everfresh.cli.hushing import lifted

    async with existing(said) as site:
        name = await lifted(site, said.silence, said.reason)
    if said.json:
        document({"silence": name, "lifted": True})
    else:
        say(f"silence {name} is lifted")
