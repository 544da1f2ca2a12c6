"""`status`, `runs` and `explain`: what is going on, from the newest snapshot and the journal's tail."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option, Typer

from everfresh.cli.command import Everywhere, InDomains, command
from everfresh.cli.screen import document, note, say, table

if TYPE_CHECKING:
    from everfresh.site import Site

group = Typer()

LOOK_AGAIN_SECONDS = 0.5
"""how long changes may stand in their topic before they are said to wait"""

ONE = "The asset: 'domain/name', or its name alone where there is one domain; 'name[partition]' where it has some."


@dataclass(frozen=True, kw_only=True)
class Status(InDomains):
    """What `status` takes."""

    asset: Annotated[str | None, Argument(metavar="ASSET", help=ONE, show_default=False)] = None
    watch: Annotated[
        bool, Option("--watch", "-w", help="Go on: the table stays in place; into a pipe, each row that changed.")
    ] = False


@command(group, "status", example="everfresh status shop/revenue --json")
async def status(said: Status) -> None:
    """How fresh every asset is: verdict, lag and promise, when it is due, version, runs, and why.

    A source has no verdict, for nobody here computes it; its row says how often it changed, and when last, and why
    the program that makes it failed, if `everfresh run` told so. Changes that nobody takes in are counted below.
    """
    from everfresh.cli import standing
    from everfresh.cli.finding import declared, deployed, existing, key_of

    async with existing(said) as site:
        if said.watch:
            await _watched(site, said)
            return
        if said.asset is not None:
            domain, _ = await declared(site, said.asset)
            rows = standing.rows(domain, [await key_of(site, said.asset)])
        else:
            rows = [row for domain in await deployed(site, said.domain) for row in standing.rows(domain)]
        if said.json:
            document([row.json() for row in rows])
            return
        table(standing.COLUMNS, [row.cells() for row in rows])
        await _note_what_waits(site)


async def _note_what_waits(site: "Site") -> None:
    """Say how many changes nobody takes in: no row can tell, for no journal has them yet."""
    from asyncio import sleep

    from everfresh.cli.words import counted
    from everfresh.reading import behind
    from reactors.io.ingress import ROLE

    topics = site.settings.topics
    place = (site.log, topics.group(ROLE), topics.changes.name)
    before = await behind(*place)
    if not before:
        return
    await sleep(LOOK_AGAIN_SECONDS)
    after = await behind(*place)
    if after >= before:
        wait = "waits" if after == 1 else "wait"
        note(f"{counted(after, 'change')} {wait} to be taken in; is `everfresh start` or `everfresh dev` running?")


async def _watched(site: "Site", said: Status) -> None:
    from everfresh.cli.finding import domains_of, key_of
    from everfresh.cli.watching import watch

    key = await key_of(site, said.asset) if said.asset is not None else None
    names = await domains_of(site, said.domain if key is None else [key.partition("/")[0]])
    await watch(site, names, key, said.json)


@dataclass(frozen=True, kw_only=True)
class Runs(InDomains):
    """What `runs` takes."""

    asset: Annotated[str | None, Argument(metavar="ASSET", help=ONE, show_default=False)] = None
    limit: Annotated[int, Option("--limit", min=1, metavar="N", help="How many, the newest ones.")] = 20


@command(group, "runs", example="everfresh runs shop/revenue --limit 5")
async def runs(said: Runs) -> None:
    """The last runs, oldest first: each attempt, how it ended, and why it was run."""
    from everfresh.cli import standing
    from everfresh.cli.finding import domains_of, existing, key_of
    from everfresh.reading import history

    async with existing(said) as site:
        key = await key_of(site, said.asset) if said.asset is not None else None
        names = await domains_of(site, said.domain if key is None else [key.partition("/")[0]])
        found = []
        for name in names:
            domain, seen = await history(site.log, site.settings.topics, name)
            if key is not None:
                standing.check(domain, key)
            found += [run for run in seen.runs if (key in (run.asset, run.key) if key else not run.made_by)]
    found = sorted(found, key=lambda run: run.granted_at)[-said.limit :]
    if said.json:
        document([standing.run_json(run) for run in found])
    elif found:
        table(standing.RUN_COLUMNS, [standing.run_cells(run) for run in found])
    else:
        note("nothing ran yet; `everfresh explain ASSET` says why")


@dataclass(frozen=True, kw_only=True)
class Explain(Everywhere):
    """What `explain` takes."""

    asset: Annotated[str, Argument(metavar="ASSET", help=ONE)]
    limit: Annotated[int, Option("--limit", min=0, metavar="N", help="How many of its last runs.")] = 5


@command(group, "explain", example="everfresh explain shop/revenue")
async def explain(said: Explain) -> None:
    """Why an asset is (not) running, when it will, what it waits for, and why each of its last runs happened."""
    from everfresh.cli import standing
    from everfresh.cli.finding import existing, key_of
    from everfresh.reading import history

    async with existing(said) as site:
        key = await key_of(site, said.asset)
        domain, seen = await history(site.log, site.settings.topics, key.partition("/")[0])
    asset = standing.check(domain, key)
    sentences = standing.sentences(domain, asset, key)
    last = [run for run in seen.runs if key in (run.asset, run.key)][-said.limit :] if said.limit else []
    if said.json:
        ran = [standing.run_json(run) for run in last]
        document(standing.row(domain, key).json() | {"sentences": sentences, "last_runs": ran})
        return
    for sentence in sentences:
        say(sentence)
    if last:
        say("Its last run, and why:" if len(last) == 1 else f"Its last {len(last)} runs, and why each was run:")
    for run in last:
        say(f"  {standing.run_sentence(run)}")
