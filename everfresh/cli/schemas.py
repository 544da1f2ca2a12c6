"""`schema export`: the contract as documents, for those who write or read events in another language."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Argument, Option, Typer

from everfresh.cli.command import Everywhere, command
from everfresh.cli.screen import document, say
from streams.errors import EverfreshError

group = Typer(help="The contract as documents: JSON Schemas, examples, AsyncAPI.")


@dataclass(frozen=True, kw_only=True)
class Export(Everywhere):
    """What `export` takes."""

    folder: Annotated[Path, Argument(metavar="DIR", help="Where to.")] = Path("contract")
    type: Annotated[
        list[str] | None,
        Option("--type", metavar="TYPE", help="Only these: asset.changed, 'alert.*', check, …; may be repeated."),
    ] = None


@command(group, "export", example="everfresh schema export contract --type 'alert.*'")
def export(said: Export) -> None:
    """Write a JSON Schema and an example of each event, and an AsyncAPI 3 document over them.

    With --json they are printed as one object instead. The topics have the prefix that is set.
    """
    from everfresh.cli.place import settings_of
    from everfresh.cli.streaming import types_of
    from everfresh.contract import contract, write

    made = contract(settings_of(said).topics, types_of(said.type or ["*"]))
    if said.json:
        document(made.json())
        return
    try:
        written = write(made, said.folder)
    except OSError as error:
        where = error.filename or said.folder
        raise EverfreshError(f"{where} can't be written: {error.strerror}; name another folder") from None
    counts = f"{len(made.schemas)} schemas, {len(made.examples)} examples, asyncapi.json"
    say(f"{len(written)} files in {said.folder}: {counts}")
