"""`deploy`: declares an app's assets; `--plan` says beforehand what that would change."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option, Typer

from everfresh.cli.command import Everywhere, command
from everfresh.cli.screen import document, note, say

if TYPE_CHECKING:
    from everfresh.cli.planning import Plan

group = Typer()

APP = "path/to/file.py or package.module, with :name where it holds several apps."


@dataclass(frozen=True, kw_only=True)
class Deploy(Everywhere):
    """What `deploy` takes."""

    app: Annotated[str, Argument(metavar="APP", help=APP)]
    plan: Annotated[bool, Option("--plan", help="Only say what would change, recompute, and can't be kept.")] = False


@command(group, "deploy", example="everfresh deploy shop.py --plan")
async def deploy(said: Deploy) -> None:
    """Declare an app's assets to its domain, or with --plan say what that would change.

    Nothing is declared where they are those in force already. A promise that its path and one run in flight take longer
    than is named, with the figures; it is declared all the same.
    """
    from everfresh.cli.place import is_there, settings_of
    from everfresh.cli.planning import plan
    from everfresh.loading import load_app
    from everfresh.site import deploy as declare
    from everfresh.site import in_force, opened
    from reactors.domain import Domain

    app, settings = load_app(said.app), settings_of(said)
    planned = plan(Domain(), app)  # what makes no sense is refused before a log is made for it
    if said.plan and not is_there(settings):
        _tell(said, planned)
        return
    async with opened(settings) as site:
        planned = plan(await in_force(site, app.domain), app)
        if said.plan:
            _tell(said, planned)
            return
        done = await declare(site, app)
    if said.json:
        document(planned.json() | {"deploy": done.deploy, "declared": done.changed})
    elif done.changed:
        say(f"deploy {done.deploy} of {done.domain!r}: {planned.counted()}")
        for warning in planned.warnings():
            note(warning)
    else:
        say(f"deploy {done.deploy} of {done.domain!r} is in force already: {planned.counted()}")


def _tell(said: Deploy, planned: "Plan") -> None:
    if said.json:
        document(planned.json())
    else:
        for line in [*planned.lines(), *planned.warnings()]:
            say(line)
