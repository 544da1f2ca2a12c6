"""`dev`: everything in one process on the embedded log."""

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Option, Typer

from everfresh.cli.command import Everywhere, command
from everfresh.cli.deploying import APP

group = Typer()


@dataclass(frozen=True, kw_only=True)
class Dev(Everywhere):
    """What `dev` takes."""

    apps: Annotated[list[str], Argument(metavar="APP", help=APP)]
    port: Annotated[int | None, Option("--port", min=0, max=65_535, metavar="N", help="Serves the metrics.")] = None
    until_idle: Annotated[
        bool, Option("--until-idle", help="End when all changes are taken in and nothing is left to run by itself.")
    ] = False


@command(group, "dev", example="everfresh dev shop.py")
def dev(said: Dev) -> int:
    """Run everything in one process, on the embedded log unless --log names another.

    The app is deployed at the start, and again when its file changes. Each publication and each failure is a line.
    Several apps, of a domain each, share the log: what one publishes the others may read.
    With --until-idle the exit code is 1 where an asset ended failing, quarantined, or behind one that is.
    """
    from logging import INFO, WARNING

    from everfresh.cli.atwork import Work
    from everfresh.cli.place import settings_of
    from everfresh.cli.running import on_a_loop

    # It prints what happens by itself; a second one on this machine needs another port.
    changed = {"sinks": ("prometheus",), "metrics_port": said.port or 0}
    settings = settings_of(said).model_copy(update=changed)
    return on_a_loop(Work(said.apps, settings, said.until_idle, said.json).run(), INFO if said.debug else WARNING)
