"""`events`: what stands in the output topics, and in the journals."""

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Option, Typer

from everfresh.cli.command import InDomains, UsedWrongly, command
from everfresh.cli.screen import note

group = Typer()

TYPES = "Which: asset.materialized, 'alert.*', check, … All where none is said."
EXPORT = "JSON lines of topic, partition, offset, timestamp and event: all of one domain, with its journal."


@dataclass(frozen=True, kw_only=True)
class Events(InDomains):
    """What `events` takes."""

    types: Annotated[list[str] | None, Argument(metavar="TYPE", help=TYPES, show_default=False)] = None
    follow: Annotated[bool, Option("--follow", "-f", help="Go on with what comes.")] = False
    journal: Annotated[bool, Option("--journal", help="The journals too: changes, reports, facts, commands.")] = False
    since: Annotated[
        int | None, Option("--since", min=0, metavar="OFFSET", help="What followed from this offset of the journal on.")
    ] = None
    export: Annotated[bool, Option("--export", help=EXPORT)] = False


@command(group, "events", example="everfresh events 'alert.*' --follow")
async def events(said: Events) -> None:
    """Print events, oldest first: what became of assets, freshness, checks, costs, alerts, dead letters, grants.

    With --json each is a line with the CloudEvent. Between topics they are sorted by time, which is no promise.
    """
    from everfresh.cli.finding import domains_of, existing
    from everfresh.cli.streaming import Form, Selection, printed, stream, types_of

    form: Form = "export" if said.export else "json" if said.json else "text"
    types = types_of(said.types or ["*"])
    async with existing(said) as site:
        names = tuple(await domains_of(site, said.domain))
        if said.export and len(names) > 1:
            raise UsedWrongly(f"an export is of one domain, and there are {', '.join(names)}: --domain says which")
        narrowed = said.export or bool(said.domain)
        shown, selection = 0, Selection(types, names, narrowed, said.journal or said.export, said.since)
        async for entry in stream(site.log, selection.topics(site.settings.topics), selection.since, said.follow):
            event = selection.chosen(entry)
            if event is not None:
                printed(form, entry, event)
                shown += 1
    if not shown:  # with --follow this is never reached: it goes on until it is interrupted
        note("no such event yet")
