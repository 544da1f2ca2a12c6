"""What a worker needs of an app: how each asset is made, and how a source is read. Made by App, run by executors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from reactors.binding import Argument, Function
from reactors.expectations import Expectation
from reactors.ports import Store
from streams.definitions import AssetDef, CheckDef
from streams.errors import DefinitionError

ROWS_MOST = 1_000
"""rows of a sample"""

Place = Literal["loop", "process", "thread"]
"""where a recipe runs: on the worker's event loop, in a warm process of its own, or in a thread of the worker"""


@dataclass(frozen=True, slots=True)
class Program:
    """Any program, as a list of arguments: it never goes through a shell, so that a name stays a name."""

    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MadeBy:
    """An output: the run of this computation makes it."""

    computation: str


@dataclass(frozen=True, slots=True)
class Asks:
    """A check that stands alone: a run asks it of an asset's version, and makes none of its own."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows that fail a check are kept: how many, and which of their columns are shown; the others are redacted.

    >>> Sample(["id", "day"], rows=5)
    Sample(columns=('id', 'day'), rows=5)

    Raises DefinitionError where no column is named, or for a number of rows that isn't from 1 to 1000.
    """

    columns: tuple[str, ...]
    rows: int = 20

    def __init__(self, columns: Sequence[str], rows: int = 20) -> None:
        if isinstance(columns, str) or not columns:
            raise DefinitionError(f"ef.Sample names the columns that may be shown, in a list, not {columns!r}")
        if type(rows) is not int or not 1 <= rows <= ROWS_MOST:
            raise DefinitionError(f"ef.Sample keeps 1 to {ROWS_MOST} rows, not {rows!r}")
        object.__setattr__(self, "columns", tuple(columns))
        object.__setattr__(self, "rows", rows)


@dataclass(frozen=True, slots=True)
class Question:
    """A check: its definition, the function or the expectation that answers it, and a function's arguments.

    `takes` takes the value, `context` the Context.
    """

    check: CheckDef
    asks: Function | Expectation
    takes: Argument
    context: str | None = None
    sample: Sample | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one asset is made."""

    asset: AssetDef
    made_by: Function | Program | MadeBy | Asks
    place: Place
    store: Store | None = None
    takes: Mapping[str, Argument] = field(default_factory=dict)  # asset → the argument that takes it
    context: str | None = None  # the argument that takes the Context
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True, slots=True)
class Code:
    """An app's functions by asset. `reference` is how another process finds the same app, if it can."""

    domain: str
    recipes: Mapping[str, Recipe]
    reads: Mapping[str, Callable[..., Any]] = field(default_factory=dict)  # source → its `load=`
    reference: str | None = None

    @property
    def versions(self) -> dict[str, str]:
        """Asset → code version, as heartbeats tell it."""
        return {key: recipe.asset.code_version for key, recipe in self.recipes.items()}

    def where(self, asset: str) -> Place:
        """Where an asset's attempts run.

        An app that no other process can load (made in a test, or in a notebook) has none to send its functions to: they
        run in a thread, where a timeout can give up on them but not stop them.
        """
        place = self.recipes[asset].place
        return "thread" if place == "process" and self.reference is None else place
