"""`skip`: an operator has an entry of a journal passed over on which the fold fails."""

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Option, Typer

from everfresh.cli.command import Everywhere, command
from everfresh.cli.screen import document, say

group = Typer()


@dataclass(frozen=True, kw_only=True)
class Skip(Everywhere):
    """What `skip` takes."""

    name: Annotated[str, Argument(metavar="DOMAIN", help="The domain that stands still.")]
    offset: Annotated[int, Argument(metavar="OFFSET", min=0, help="Of its journal, as the alert names it.")]
    reason: Annotated[str, Option(metavar="TEXT", help="Why; it is kept with the command.")] = ""


@command(group, "skip", example="everfresh skip shop 4711 --reason 'incident 12: the fold divides by zero'")
async def skip(said: Skip) -> None:
    """Pass over an entry on which a domain stands still (`domain.stopped`), on every reactor and for ever.

    What the entry says counts for nothing; it becomes a dead letter. The domain goes on within seconds. Where the code
    can be mended instead, mend it: nothing is lost then.
    """
    from everfresh.cli.finding import existing
    from everfresh.cli.overruling import overrule

    async with existing(said) as site:
        done = await overrule(site, said.name, said.offset, said.reason)
    if said.json:
        document(done.json())
    else:
        say(done.sentence())
