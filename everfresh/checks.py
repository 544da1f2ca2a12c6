"""Checks that come with everfresh: `app.expect(asset, checks.not_null("id"), …)`. Each answers with numbers.

They look at the table that a run returned (polars, pandas, Arrow or DuckDB), before anyone sees it. Nulls are the
business of `not_null`; the others pass over them.
"""

from collections.abc import Sequence
from typing import Any

from everfresh.assets import Declared
from reactors.expectations import Expectation, Kind
from streams.errors import DefinitionError


def not_null(*columns: str, tolerance: float = 0.0, name: str | None = None) -> Expectation:
    """No row has a null in any of these columns; or at most a share of the rows has.

    >>> not_null("tailnum", tolerance=0.02).name
    'not_null(tailnum)'
    """
    return _made("not_null", columns, {}, tolerance, name)


def unique(*columns: str, name: str | None = None) -> Expectation:
    """No two rows agree in all these columns.

    >>> unique("carrier", "flight").name
    'unique(carrier, flight)'
    """
    return _made("unique", columns, {}, 0.0, name)


def accepted_values(
    column: str, values: Sequence[Any], *, tolerance: float = 0.0, name: str | None = None
) -> Expectation:
    """The column holds these values only."""
    if not values:
        raise DefinitionError(f"accepted_values({column!r}) names no value; list those that may occur")
    return _made("accepted_values", (column,), {"values": tuple(values)}, tolerance, name)


def in_range(
    column: str,
    least: float | None = None,
    most: float | None = None,
    *,
    tolerance: float = 0.0,
    name: str | None = None,
) -> Expectation:
    """The column's values lie from `least` to `most`, both included; one of them may be left open."""
    if least is None and most is None:
        raise DefinitionError(f"in_range({column!r}) has neither least nor most; say one of them")
    if least is not None and most is not None and least > most:
        raise DefinitionError(f"in_range({column!r}): least {least!r} is above most {most!r}")
    return _made("in_range", (column,), {"least": least, "most": most}, tolerance, name)


def row_count(least: int | None = None, most: int | None = None, *, name: str | None = None) -> Expectation:
    """The table has so many rows.

    >>> row_count(least=1).name
    'row_count'
    """
    if least is None and most is None:
        raise DefinitionError("row_count() has neither least nor most; say one of them")
    return _made("row_count", (), {"least": least, "most": most}, 0.0, name)


def relationship(
    column: str, to: Declared | str, *, at: str | None = None, tolerance: float = 0.0, name: str | None = None
) -> Expectation:
    """Each value of the column stands in another asset's column (`at`, by default of the same name).

    `to` must be one of the asset's own deps: what is compared is then the very version that the run read.
    """
    key = to.key if isinstance(to, Declared) else to
    return _made("relationship", (column,), {"to": key, "at": at or column}, tolerance, name)


def _made(kind: Kind, columns: Sequence[str], said: dict[str, Any], tolerance: float, name: str | None) -> Expectation:
    if kind != "row_count" and not columns:
        raise DefinitionError(f"{kind}() names no column; name at least one")
    if not 0 <= tolerance < 1:
        raise DefinitionError(f"{kind}: tolerance is a share of the rows, from 0 to below 1, not {tolerance!r}")
    return Expectation(kind, tuple(columns), said, tolerance, name)
