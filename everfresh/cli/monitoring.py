"""`monitoring export`: rules for Prometheus and a dashboard for Grafana."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Argument, Typer

from everfresh.cli.command import Everywhere, command
from everfresh.cli.screen import document, say
from streams.errors import EverfreshError

group = Typer(help="What watches everfresh from outside: rules for Prometheus, a dashboard for Grafana.")


@dataclass(frozen=True, kw_only=True)
class Export(Everywhere):
    """What `export` takes."""

    folder: Annotated[Path, Argument(metavar="DIR", help="Where to.")] = Path("monitoring")


@command(group, "export", example="everfresh monitoring export /etc/prometheus/everfresh")
def export(said: Export) -> None:
    """Write the rules and the dashboard into a folder.

    With --json they are printed as one object instead: file name, and its text.
    """
    from everfresh.monitoring import shipped, write

    if said.json:
        document(shipped())
        return
    try:
        written = write(said.folder)
    except OSError as error:
        where = error.filename or said.folder
        raise EverfreshError(f"{where} can't be written: {error.strerror}; name another folder") from None
    say(f"{len(written)} files in {said.folder}: {', '.join(path.name for path in written)}")
