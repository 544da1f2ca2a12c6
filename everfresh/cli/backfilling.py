"""`backfill start`, `list`, `pause`, `resume` and `cancel`: ranges of partitions brought up to date."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option, Typer

from everfresh.cli.command import FAILED, GOOD, Everywhere, InDomains, UsedWrongly, command
from everfresh.cli.looking import ONE
from everfresh.cli.screen import document, note, say, table

if TYPE_CHECKING:
    from everfresh.cli.filling import Action

group = Typer(help="Bring a range of an asset's partitions up to date, so many at once.")


@dataclass(frozen=True, kw_only=True)
class Started(Everywhere):
    """What `start` takes."""

    asset: Annotated[str, Argument(metavar="ASSET", help=ONE)]
    first: Annotated[str, Option("--from", metavar="PARTITION", help="The range's first.")] = ""
    last: Annotated[str, Option("--to", metavar="PARTITION", help="The range's last; --from alone is one.")] = ""
    partition: Annotated[list[str] | None, Option("--partition", metavar="PARTITION", help="One more.")] = None
    slots: Annotated[int, Option("--slots", min=1, max=1_000, metavar="N", help="How many at once.")] = 4
    force: Annotated[bool, Option("--force", help="Run also what is right already.")] = False
    reason: Annotated[str, Option(metavar="TEXT", help="Why; it is kept with the command.")] = ""
    wait: Annotated[bool, Option("--wait", help="Return once it is over, with a progress bar on a terminal.")] = False


@command(group, "start", example="everfresh backfill start shop/daily --from 2013-01-01 --to 2013-12-31 --slots 8")
async def start(said: Started) -> int:
    """Bring partitions up to date, and whatever they need first; what is right already is left alone.

    Its runs come after what is promised within a day. It goes on without this command; with --wait, exit code 1 where
    a partition failed.
    """
    from everfresh.cli.filling import Wanted, begun, seen_through
    from everfresh.cli.finding import existing

    if said.last and not said.first:
        raise UsedWrongly("--to is a range's last partition; say its first with --from")
    named = tuple(said.partition or ())
    wanted = Wanted(said.asset, said.first, said.last, named, said.slots, said.force, said.reason)
    async with existing(said) as site:
        found = await begun(site, wanted)
        if said.wait:
            await seen_through(found)
    if said.json:
        document(found.json())
    else:
        say(found.sentence())
    return GOOD if not found.state.failed else FAILED


@command(group, "list", example="everfresh backfill list --json")
async def listed(said: InDomains) -> None:
    """The backfills that go on, and the last that are over."""
    from everfresh.cli.filling import COLUMNS, known
    from everfresh.cli.finding import existing

    async with existing(said) as site:
        found = await known(site, said.domain)
    if said.json:
        document([one.json() for one in found])
    elif found:
        table(COLUMNS, [one.cells() for one in found])
    else:
        note("there was no backfill; `everfresh backfill start ASSET` begins one")


@dataclass(frozen=True, kw_only=True)
class Steered(Everywhere):
    """What `pause`, `resume` and `cancel` take."""

    backfill: Annotated[str, Argument(metavar="BACKFILL", help="Its name, as `list` shows it: 'domain/b12'.")]
    reason: Annotated[str, Option(metavar="TEXT", help="Why; it is kept with the command.")] = ""


@command(group, "pause", example="everfresh backfill pause shop/b41 --reason 'the warehouse moves'")
async def pause(said: Steered) -> None:
    """Begin no further partition of a backfill; runs in flight go on."""
    await _steer(said, "pause")


@command(group, "resume", example="everfresh backfill resume shop/b41")
async def resume(said: Steered) -> None:
    """Let a paused backfill go on."""
    await _steer(said, "resume")


@command(group, "cancel", example="everfresh backfill cancel shop/b41")
async def cancel(said: Steered) -> None:
    """End a backfill; runs in flight go on, and what it made stays."""
    await _steer(said, "cancel")


async def _steer(said: Steered, action: "Action") -> None:
    from everfresh.cli.filling import steered
    from everfresh.cli.finding import existing

    async with existing(said) as site:
        found = await steered(site, said.backfill, action, said.reason)
    if said.json:
        document(found.json())
    else:
        say(found.sentence())
