"""The command line: `everfresh --help` lists it. One file a command group, and beside it what is heavy to import."""

import sys
from collections.abc import Sequence
from typing import Annotated

from typer import Exit, Option, Typer
from typer.exceptions import TyperException
from typer.main import get_command

from everfresh.cli import (
    accounting,
    alerting,
    backfilling,
    billing,
    commanding,
    deploying,
    developing,
    doctoring,
    drawing,
    letters,
    looking,
    monitoring,
    publishing,
    replaying,
    schemas,
    silencing,
    skipping,
    starting,
    tailing,
    topics,
    wrapping,
)
from everfresh.cli.screen import note

GROUPS = (
    developing.group,
    deploying.group,
    starting.group,
    publishing.group,
    wrapping.group,
    drawing.group,
    looking.group,
    alerting.group,
    silencing.group,
    accounting.group,
    commanding.group,
    skipping.group,
    tailing.group,
    replaying.group,
    doctoring.group,
)
"""in the order of the help"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` name (by default the process's own); returns the exit code."""
    said = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = get_command(_everything()).main(args=said or ["--help"], prog_name="everfresh", standalone_mode=False)
    except TyperException as error:
        note(_sentence(error))
        return error.exit_code
    return code if isinstance(code, int) else 0


def _everything() -> Typer:
    whole = Typer(
        help="Keeps data assets fresh: works out what a change makes stale, and recomputes it in time.",
        epilog="\b\nExample:\n  everfresh dev shop.py",
        rich_markup_mode="rich" if sys.stdout.isatty() else None,  # boxes and colours for people only
        pretty_exceptions_enable=False,
    )
    whole.callback(invoke_without_command=False)(_whole)
    for group in GROUPS:
        whole.add_typer(group)
    whole.add_typer(backfilling.group, name="backfill")
    whole.add_typer(billing.group, name="bill")
    whole.add_typer(silencing.silences, name="silence")
    whole.add_typer(letters.group, name="dead-letters")
    whole.add_typer(topics.group, name="topics")
    whole.add_typer(schemas.group, name="schema")
    whole.add_typer(monitoring.group, name="monitoring")
    return whole


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"everfresh {version('everfresh')}")
        raise Exit


def _whole(
    version: Annotated[bool, Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    _ = version


def _sentence(error: TyperException) -> str:
    """What typer has against the arguments, as a sentence that says where to look."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "everfresh"
    from streams.cloudevents import plain

    text = " ".join(plain(error.format_message()).split()).rstrip(".").replace(". Did you", "; did you")
    return f"{path}: {text[:1].lower()}{text[1:]}{'' if text.endswith('?') else ';'} see `{path} --help`"
