"""What may be expected of a table, as data; reactors/io/checks.py looks whether it is so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from streams.definitions import Learning
from streams.units import readable

Kind = Literal[
    "not_null",
    "unique",
    "accepted_values",
    "in_range",
    "row_count",
    "relationship",
    "schema_unchanged",
    "fresh",
    "anomaly",
]


@dataclass(frozen=True, slots=True)
class Expectation:
    """One built-in check. `said` is what its kind takes beside columns, `tolerance` the share of rows that may fail."""

    kind: Kind
    columns: tuple[str, ...]
    said: Mapping[str, Any] = field(default_factory=dict)
    tolerance: float = 0.0
    called: str | None = None
    learning: Learning | None = None  # what it compares with is remembered, so much of it

    @property
    def name(self) -> str:
        """The check's name: as it was called, or what it asks."""
        if self.called is not None:
            return self.called
        return f"{self.kind}({', '.join(self.columns)})" if self.columns else self.kind

    @property
    def reads(self) -> str | None:
        """The asset that is looked at beside the result."""
        to = self.said.get("to")
        return None if to is None else str(to)

    @property
    def expected(self) -> str:
        """What is expected, in words.

        >>> Expectation("in_range", ("delay",), {"least": -120, "most": None}, 0.01).expected
        'delay at least -120, in all but 1% of the rows'
        """
        what = _WORDS[self.kind](self)
        return f"{what}, in all but {self.tolerance * 100:g}% of the rows" if self.tolerance else what


def _bounds(one: Expectation) -> str:
    low, high = one.said.get("least"), one.said.get("most")
    if high is None:
        return f"at least {low}"
    return f"at most {high}" if low is None else f"from {low} to {high}"


def _in_line(one: Expectation) -> str:
    what = f" of {', '.join(one.columns)}" if one.columns else ""
    season = f", compared with {one.said['season']} versions before" if one.said.get("season") else ""
    return f"{', '.join(one.said['metrics'])}{what} within {one.said['z']:g} standard deviations{season}"


_WORDS: Mapping[Kind, Callable[[Expectation], str]] = {
    "not_null": lambda one: f"no null in {', '.join(one.columns)}",
    "unique": lambda one: f"each {', '.join(one.columns)} once",
    "accepted_values": lambda one: f"{one.columns[0]} one of {', '.join(map(repr, one.said['values']))}",
    "in_range": lambda one: f"{one.columns[0]} {_bounds(one)}",
    "row_count": lambda one: f"{_bounds(one)} rows",
    "schema_unchanged": lambda _one: "columns and types as in the last version",
    "fresh": lambda one: f"{one.columns[0]} at most {readable(one.said['within_ms'])} old",
    "anomaly": _in_line,
    "relationship": lambda one: f"each {one.columns[0]} in {one.said['at']} of {one.said['to']}",
}
