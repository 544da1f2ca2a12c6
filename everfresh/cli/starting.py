"""`start`: the roles as they run in production."""

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Option, Typer

from everfresh.cli.command import InDomains, command
from everfresh.cli.screen import line, say

group = Typer()


@dataclass(frozen=True, kw_only=True)
class Start(InDomains):
    """What `start` takes."""

    roles: Annotated[
        list[str] | None,
        Argument(metavar="ROLE", help="ingress, reactor, worker, …; all if none is said.", show_default=False),
    ] = None
    app: Annotated[
        str | None, Option("--app", metavar="APP", help="What a worker runs: path/to/file.py or package.module, :name.")
    ] = None


@command(group, "start", example="everfresh start worker --app shop.py --log kafka://broker:9092")
def start(said: Start) -> int:
    """Run the roles named, until SIGTERM or SIGINT: then what is in flight may end, and nothing new is taken.

    Each role prints a line once it is ready. A worker needs --app, the others know no code. Domains that are deployed
    later are taken up as they come, unless --domain says which.
    """
    from logging import DEBUG, INFO

    from everfresh.cli.duty import Wanted, on_duty
    from everfresh.cli.place import settings_of
    from everfresh.cli.running import on_a_loop

    wanted = Wanted(said.roles or (), said.app, said.domain or ())
    work = on_duty(settings_of(said), wanted, Announcer(said.json).tell)
    return on_a_loop(work, DEBUG if said.debug else INFO)


class Announcer:
    """Says once of each role that it is ready."""

    def __init__(self, json: bool) -> None:
        self._json = json
        self._told: set[str] = set()

    def tell(self, role: str) -> None:
        """A role is ready."""
        if role not in self._told:
            self._told.add(role)
            line({"ready": role}) if self._json else say(f"{role} ready")
