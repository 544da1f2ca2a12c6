"""A command is a dataclass of what may be said to it, and a function that does it.

typer reads the parameters of a function, and a command with ten options would need ten. Here each field of the
dataclass becomes an option; what every command takes is inherited. What goes wrong becomes a sentence and an exit code.
"""

import inspect
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Any, TypeVar, get_type_hints

from typer import Exit, Option, Typer

from everfresh.cli.screen import note
from streams.errors import EverfreshError, NoSuchApp, SettingError

GOOD, FAILED, WRONG = 0, 1, 2
"""exit codes: it is done; it failed; it was used wrongly"""


class UsedWrongly(EverfreshError):
    """What was said on the command line can't be meant; the text says what could."""


@dataclass(frozen=True, kw_only=True)
class Everywhere:
    """What every command takes."""

    log: Annotated[
        str | None,
        Option(
            "--log",
            metavar="URL",
            help="The log: kafka://host:port,… or sqlite:///path; else EVERFRESH_LOG, everfresh.toml, the embedded.",
        ),
    ] = None
    json: Annotated[bool, Option("--json", help="Print JSON, for machines.")] = False
    debug: Annotated[bool, Option("--debug", help="Print the traceback of what goes wrong.")] = False


@dataclass(frozen=True, kw_only=True)
class InDomains(Everywhere):
    """What a command takes that looks at domains."""

    domain: Annotated[
        list[str] | None, Option("--domain", metavar="NAME", help="Only this domain; may be repeated. Else all.")
    ] = None


Said = TypeVar("Said", bound=Everywhere)
Done = Coroutine[Any, Any, int | None] | int | None
"""what a command returns: its exit code, or None for a good end"""


def command(group: Typer, name: str, example: str) -> Callable[[Callable[[Said], Done]], Callable[[Said], Done]]:
    """Make a command of a function: its argument `said` is a dataclass over Everywhere, its docstring the help."""

    def register(do: Callable[[Said], Done]) -> Callable[[Said], Done]:
        kind: type[Said] = get_type_hints(do)["said"]

        def run(**given: Any) -> None:
            raise Exit(carry_out(do, kind(**given)))

        run.__signature__ = inspect.Signature(list(_parameters(kind)))  # type: ignore[attr-defined]
        run.__annotations__ = {}
        group.command(name, help=inspect.getdoc(do), epilog=f"\b\nExample:\n  {example}")(run)
        return do

    return register


def _parameters(kind: type[Everywhere]) -> Iterator[inspect.Parameter]:
    """A parameter for each field, the command's own before the inherited ones."""
    hints = get_type_hints(kind, include_extras=True)
    shared = {field.name for base in (Everywhere, InDomains) for field in fields(base)}
    for field in sorted(fields(kind), key=lambda field: field.name in shared):
        default = inspect.Parameter.empty if field.default is MISSING else field.default
        keyword = inspect.Parameter.KEYWORD_ONLY
        yield inspect.Parameter(field.name, keyword, default=default, annotation=hints[field.name])


def carry_out(do: Callable[[Said], Done], said: Said) -> int:
    """Do it; the exit code. What goes wrong is told in one sentence on stderr, with a traceback only if asked for."""
    try:
        done = do(said)
        if inspect.iscoroutine(done):
            import asyncio
            import logging

            if not said.debug:
                logging.getLogger().addHandler(logging.NullHandler())  # what a library warns of, the error says
            done = asyncio.run(done)
    except BrokenPipeError:  # whoever read this has seen enough
        unread()
        return GOOD
    except Exception as error:
        if said.debug:
            import traceback

            traceback.print_exception(error)
        return failed(error)
    return done if isinstance(done, int) else GOOD


def unread() -> None:
    """Nobody reads what is printed any more: what is left of it goes nowhere, and isn't complained of at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def failed(error: Exception) -> int:
    """Say what went wrong; the exit code for it."""
    cause = _first(error)
    if isinstance(cause, EverfreshError):
        note(str(cause))
        return WRONG if isinstance(cause, UsedWrongly | SettingError | NoSuchApp) else FAILED
    note(f"{type(cause).__name__}: {cause}; this shouldn't happen: do it again with --debug, and report what it prints")
    return FAILED


def _first(error: BaseException) -> BaseException:
    """What went wrong first, out of what a group of tasks raised: an error of ours where there is one."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    leaves = [_first(one) for one in error.exceptions]
    return next((one for one in leaves if isinstance(one, EverfreshError)), leaves[0])
