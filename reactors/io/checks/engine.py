"""What is asked of an engine. tests/conformance/test_engines.py is its contract."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Protocol

from reactors.expectations import Expectation
from streams.errors import BadResult
from streams.measures import Measure

Row = dict[str, Any]


class Engine(Protocol):
    """A table, and what looks at it. NaN is null everywhere; only `not_null` minds nulls, the others pass over them."""

    name: str

    def types(self) -> dict[str, str]:
        """Column → the name of its type, in order."""

    def rows(self) -> int:
        """How many there are."""

    def count(self, one: Expectation, beside: "Engine | None") -> tuple[int, int]:
        """How many rows were looked at, and how many of them aren't as expected."""

    def failing(self, one: Expectation, beside: "Engine | None", columns: Sequence[str], limit: int) -> list[Row]:
        """Some of the rows that aren't as expected: these columns of them."""

    def newest(self, column: str) -> Any:
        """The greatest value of a column; None where it has none."""

    def measured(self, columns: Sequence[str], distinct: bool) -> Measure:
        """What an anomaly is told by. `distinct`: count distinct values too, which takes longer."""

    def values(self, column: str) -> list[Any]:
        """The distinct values of a column that aren't null."""


def has_columns(engine: Engine, columns: Sequence[str], whose: str) -> None:
    """Raise BadResult for a column that isn't there, with what may be meant."""
    known = list(engine.types())
    for name in columns:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            meant = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known)}"
            raise BadResult(f"{whose} has no column {name!r}; {meant}")
