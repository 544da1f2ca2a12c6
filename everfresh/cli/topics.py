"""`topics create` and `topics check`: the log's topics against what they must be."""

from dataclasses import dataclass
from typing import Annotated

from typer import Option, Typer

from everfresh.cli.command import FAILED, GOOD, Everywhere, command
from everfresh.cli.screen import document, say

group = Typer(help="Make the log's topics, and check them.")


@dataclass(frozen=True, kw_only=True)
class OfDomains(Everywhere):
    """What both take."""

    domain: Annotated[
        list[str] | None,
        Option("--domain", metavar="NAME", help="A domain's own topics too, deployed or not; may be repeated."),
    ] = None


@command(group, "create", example="everfresh topics create --domain shop --log kafka://broker:9092")
async def create(said: OfDomains) -> None:
    """Create the topics that are missing: those all domains share, and those of each domain that is there or named."""
    from everfresh.cli.place import settings_of
    from everfresh.site import domains, opened

    async with opened(settings_of(said)) as site:
        created = await site.prepare([*(said.domain or ()), *await domains(site)])
    if said.json:
        document({"created": created})
        return
    for name in created:
        say(f"created {name}")
    if not created:
        say("all topics are there, and as they must be")


@command(group, "check", example="everfresh topics check --log kafka://broker:9092")
async def check(said: OfDomains) -> int:
    """Say what is missing or differs from what everfresh needs; exit code 1 if anything does."""
    from everfresh.cli.finding import existing
    from everfresh.site import domains

    async with existing(said) as site:
        problems = await site.problems([*(said.domain or ()), *await domains(site)])
    if said.json:
        document({"problems": problems})
    else:
        for problem in problems or ["all topics are there, and as they must be"]:
            say(problem)
    return FAILED if problems else GOOD
