"""The page of commands: what the command line's own parser knows of each."""

import inspect
import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from typer.main import get_command

from everfresh.cli import _everything
from everfresh.cli.command import FAILED, GOOD, WRONG, Everywhere

HEAD = f"""# Commands

Every command with what may be said to it. Written by `python -m tools.reference` from the code; don't edit it.
[Getting started](../getting-started.md) shows them at work.

A command ends with one of these exit codes:

| exit code | means |
|---|---|
| {GOOD} | it is done |
| {FAILED} | it failed; the last line on stderr says what went wrong, and what to do |
| {WRONG} | it was used wrongly: an option, a setting or an app that isn't there |

## What every command takes

"""

SHARED = tuple(inspect.signature(Everywhere).parameters)
"""options that stand at the page's head, not with each command"""

_ENDS = re.compile(rf"exit code (?:is )?{FAILED} ((?:if|where) [^.;]*)")


def page() -> str:
    """The whole page."""
    whole = get_command(_everything())
    found = list(_commands(whole, "everfresh"))
    shared = [one for one in found[0][1].params if one.name in SHARED]
    return HEAD + _options(shared) + "".join(_section(*one) for one in found)


def _commands(group: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every command below a group, by the words that call it."""
    for word, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{name} {word}")
        else:
            yield f"{name} {word}", command


def _section(name: str, command: Any) -> str:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and one.name not in SHARED]
    usage = " ".join([name, *(["[OPTIONS]"] if options else []), *map(_argument, arguments)])
    said = inspect.cleandoc(command.help or "")
    example = str(command.epilog).partition("Example:")[2].strip()
    parts = [f"\n## {name}\n", said, f"\nUsage: `{usage}`\n"]
    if arguments:
        rows = "".join(f"| `{_argument(one)}` | {_cell(one.help)} |\n" for one in arguments)
        parts.append(f"| argument | what it is |\n|---|---|\n{rows}")
    if options:
        parts.append(_options(options))
    parts.append(f"```sh\n{example}\n```\n")
    return "\n".join([*parts, f"{_exit_codes(said)}\n"])


def _argument(one: Any) -> str:
    name = one.metavar or one.name.upper()
    name += "..." if one.nargs == -1 else ""
    return name if one.required else f"[{name}]"


def _options(options: list[Any]) -> str:
    rows = "".join(f"| `{_written(one)}` | {_default(one)} | {_cell(one.help)} |\n" for one in options)
    return f"| option | default | what it is |\n|---|---|---|\n{rows}"


def _written(option: Any) -> str:
    names = ", ".join(sorted(option.opts, key=len, reverse=True))
    if option.is_flag:
        return names
    kinds = option.type_descriptor.annotation
    if get_origin(kinds) is Literal:
        return f"{names} {'/'.join(get_args(kinds))}"
    return f"{names} {option.metavar or ('N' if int in (kinds, *get_args(kinds)) else 'TEXT')}"


def _default(option: Any) -> str:
    return "" if option.default in (None, False, "") else f"`{option.default}`"


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def _exit_codes(said: str) -> str:
    """The command's exit codes; what its own help says of 1 stands with them, and of others goes before them."""
    when = _ENDS.search(" ".join(said.split()))
    if when is None and "exit code" in said:
        return f"Exit codes: as said above; {WRONG} when it was used wrongly."
    own = f"{when[1]}, and when anything else fails" if when else "when it fails"
    return f"Exit codes: {GOOD} when it is done; {FAILED} {own}; {WRONG} when it was used wrongly."
