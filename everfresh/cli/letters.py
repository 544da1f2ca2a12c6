"""`dead-letters list` and `dead-letters replay`: what couldn't be taken in, and once more."""

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Option, Typer

from everfresh.cli.command import FAILED, GOOD, Everywhere, UsedWrongly, command
from everfresh.cli.screen import document, note, say, table

group = Typer(help="Look at what couldn't be taken in or delivered, and publish it once more.")

COLUMNS = ("origin", "when", "key", "bytes", "why")


@dataclass(frozen=True, kw_only=True)
class Listed(Everywhere):
    """What `list` takes."""

    limit: Annotated[int, Option("--limit", min=1, metavar="N", help="How many, the newest ones.")] = 20


@command(group, "list", example="everfresh dead-letters list --limit 5")
async def listed(said: Listed) -> None:
    """The newest dead letters, oldest first: where each came from, when, and why it is one."""
    from everfresh.cli.finding import existing
    from everfresh.cli.undelivered import letters

    async with existing(said) as site:
        found = [one async for one in letters(site)][-said.limit :]
    if said.json:
        document([one.json() for one in found])
    elif found:
        table(COLUMNS, [one.cells() for one in found])
    else:
        note("there is no dead letter")


@dataclass(frozen=True, kw_only=True)
class Replayed(Everywhere):
    """What `replay` takes."""

    origins: Annotated[
        list[str] | None,
        Argument(metavar="ORIGIN", help="Which, as `list` names them: topic/partition/offset.", show_default=False),
    ] = None
    all: Annotated[bool, Option("--all", help="All that are kept.")] = False


@command(group, "replay", example="everfresh dead-letters replay everfresh.changes.v1/2/41")
async def replay(said: Replayed) -> int:
    """Publish changes again that became dead letters, as they were; exit code 1 if one of them can't be.

    Mend the cause first: declare the asset, deploy the domain. One that was taken in meanwhile counts once.
    """
    from everfresh.cli.finding import existing
    from everfresh.cli.undelivered import chosen, letters, publish_again

    if bool(said.origins) == said.all:
        raise UsedWrongly("say which: everfresh dead-letters replay ORIGIN…, or --all")
    async with existing(said) as site:
        wanted = chosen([one async for one in letters(site)], said.origins)
        told = [await publish_again(site, one) for one in wanted]
    if said.json:
        document([one.json() for one in told])
    for one in () if said.json else told:
        say(one.sentence) if one.published else note(one.sentence)
    return GOOD if all(one.published for one in told) else FAILED
