"""What commands print: on a terminal tables with colours, into a pipe the same as plain aligned text."""

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

Row = Sequence[str]

COLOURS = {
    "fresh": "green",
    "stale": "yellow",
    "unknown": "dim",
    "overdue": "red",
    "failing": "red",
    "quarantined": "magenta",
    "blocked": "yellow",
    "paused": "cyan",
    "infeasible": "red",
    "materialized": "green",
    "verified": "green",
    "failed": "red",
    "lost": "red",
    "problem": "red",
    "ok": "green",
}
"""cell → colour, on a terminal"""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""what could move the cursor or colour the screen; names and reasons come from outside"""


def shown(text: str) -> str:
    r"""A text as it may stand in one line of a terminal.

    >>> shown("two\nlines, \x1b[31mred")
    'two lines, \\x1b[31mred'
    """
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", " ".join(text.splitlines()))


def say(text: str) -> None:
    """One line of the answer."""
    print(shown(text), flush=True)


def note(text: str) -> None:
    """One line beside the answer, on stderr."""
    print(shown(text), file=sys.stderr, flush=True)


def document(value: Any) -> None:
    """The whole answer as JSON: readable on a terminal, one line in a pipe."""
    import orjson

    option = orjson.OPT_INDENT_2 if sys.stdout.isatty() else 0
    print(orjson.dumps(value, option=option).decode(), flush=True)


def line(value: Any) -> None:
    """One of many answers, as a line of JSON."""
    import orjson

    print(orjson.dumps(value).decode(), flush=True)


def table(columns: Row, rows: Sequence[Row]) -> None:
    """Rows under their columns' names."""
    if sys.stdout.isatty():
        from rich.console import Console

        Console().print(drawn(columns, rows))
        return
    for row in aligned([columns, *([shown(cell) for cell in row] for row in rows)]):
        print(row, flush=True)


def aligned(rows: Sequence[Row]) -> list[str]:
    """Columns of equal width, two spaces apart.

    >>> aligned([("asset", "runs"), ("shop/revenue", "3")])
    ['asset         runs', 'shop/revenue  3']
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def drawn(columns: Row, rows: Sequence[Row]) -> "Table":
    """Rows under their columns' names, as a table with colours."""
    from rich.table import Table
    from rich.text import Text

    found = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        found.add_row(*(Text(shown(cell), style=COLOURS.get(cell, ""), overflow="fold") for cell in row))
    return found
