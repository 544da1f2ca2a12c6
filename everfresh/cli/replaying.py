"""`replay`: a domain's journal folded again, each decision with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typer import Option, Typer

from everfresh.cli.command import InDomains, command
from everfresh.cli.screen import line, say

if TYPE_CHECKING:
    from everfresh.cli.story import Decision

group = Typer()


@dataclass(frozen=True, kw_only=True)
class Replay(InDomains):
    """What `replay` takes."""

    until: Annotated[int | None, Option("--until", min=0, metavar="OFFSET", help="Stop after this offset.")] = None
    asset: Annotated[str | None, Option("--asset", metavar="ASSET", help="Only what concerns this one.")] = None
    with_: Annotated[
        list[str] | None,
        Option(
            "--with",
            metavar="ASSET=POLICY",
            help="What another promise would have come to, like 'revenue=Within(\"1h\")'; may be repeated.",
        ),
    ] = None


@command(group, "replay", example="everfresh replay --asset shop/revenue")
async def replay(said: Replay) -> None:
    """Fold a journal again from its beginning, and print each decision in order, with its offset, time and reason.

    These are deploys, commands, waves that began, grants, how attempts ended, and what was published. Nothing is
    written: the fold is pure, so it decides today what it decided then.

    `--with` asks what other promises would have cost, or saved: the recorded changes come again at the same instants,
    in virtual time, once under the policies as they were deployed and once with these instead. A run takes what the
    asset's recorded run nearest in time took, and costs what a recorded one did on the average.
    """
    if said.with_:
        from everfresh.cli.comparing import compare

        await compare(said, said.with_, said.until, said.asset)
        return
    from everfresh.cli.finding import domains_of, existing, key_of
    from everfresh.cli.standing import check
    from everfresh.cli.story import decisions
    from everfresh.reading import Reading

    async with existing(said) as site:
        key = await key_of(site, said.asset) if said.asset is not None else None
        names = await domains_of(site, said.domain if key is None else [key.partition("/")[0]])
        for name in names:
            reading = Reading(site.log, site.settings.topics, name)
            await reading.begin(whole=True)
            kept: list[Decision] = []  # back, until it is known that there is or was such an asset
            known = key is None
            async for decision in decisions(reading, said.until):
                known = known or key in reading.domain.graph.assets
                if key is None or decision.concerns(key):
                    kept.append(decision)
                if known:
                    _print(said, kept)
                    kept.clear()
            if key is not None and not known:
                check(reading.domain, key)


def _print(said: Replay, told: "Sequence[Decision]") -> None:
    from everfresh.cli.story import sentence

    for decision in told:
        line(decision.json()) if said.json else say(sentence(decision))
