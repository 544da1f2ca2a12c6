"""`materialize`, `pause`, `resume`, `release`, `cancel`: an operator's word, appended to the journal like all else."""

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Option, Typer

from everfresh.cli.command import FAILED, GOOD, Everywhere, command
from everfresh.cli.looking import ONE
from everfresh.cli.screen import document, say

group = Typer()

PUBLISHED = ("materialized", "verified")
"""outcomes of a run that did what it was to do"""


@dataclass(frozen=True, kw_only=True)
class Order(Everywhere):
    """What a command about one asset takes."""

    asset: Annotated[str, Argument(metavar="ASSET", help=ONE)]
    reason: Annotated[str, Option(metavar="TEXT", help="Why; it is kept with the command.")] = ""
    wait: Annotated[bool, Option("--wait", help="Return once it is done, not just in the journal.")] = False


@command(group, "materialize", example="everfresh materialize shop/revenue --reason 'backfilled' --wait")
async def materialize(said: Order) -> int:
    """Run an asset now, and whatever it needs first, even if nothing changed.

    With --wait: returns when its run has ended; exit code 1 where nothing came of it.
    """
    return await _give("materialize", said)


@command(group, "pause", example="everfresh pause shop/revenue --reason 'the warehouse moves'")
async def pause(said: Order) -> int:
    """Run nothing of an asset until `resume`; what is in flight goes on."""
    return await _give("pause", said)


@command(group, "resume", example="everfresh resume shop/revenue")
async def resume(said: Order) -> int:
    """Let a paused asset run again."""
    return await _give("resume", said)


@command(group, "release", example="everfresh release shop/revenue --reason 'looked at it, it is right'")
async def release(said: Order) -> int:
    """Let the version through that a check holds back."""
    return await _give("release", said)


@command(group, "cancel", example="everfresh cancel shop/revenue")
async def cancel(said: Order) -> int:
    """End an asset's run, in flight or waiting to be tried again; it runs again when something new comes."""
    return await _give("cancel", said)


async def _give(name: str, said: Order) -> int:
    from everfresh.cli.finding import existing
    from everfresh.cli.ordering import Given, order, seen_through
    from everfresh.cli.standing import row as row_of
    from everfresh.cli.standing import run_json, run_sentence

    async with existing(said) as site:
        given: Given = await order(site, name, said.asset, said.reason)
        run = await seen_through(site, given) if said.wait else None
    row = row_of(given.reading.domain, given.asset)
    if said.json:
        ran = {"run": run_json(run)} if run is not None else {}
        document({"command": name, "offset": given.offset} | row.json() | ran)
    else:
        say(f"{name} {given.asset} stands in the journal at offset {given.offset}")
        if run is not None:
            say(run_sentence(run))
        say(f"{given.asset} is {row.known['verdict']}: {row.known['reason']}")
    came_off = name != "materialize" or not said.wait or (run is not None and run.outcome in PUBLISHED)
    return GOOD if came_off else FAILED
