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
    """No row has a null (or NaN) in any of these columns; or at most `tolerance` of the rows has, a share below 1.

    >>> not_null("tailnum", tolerance=0.02).name
    'not_null(tailnum)'

    `name` is the check's, instead of what it asks. Raises DefinitionError where no column is named, or for a tolerance
    that is no share.
    """
    return _made("not_null", columns, {}, tolerance, name)


def unique(*columns: str, name: str | None = None) -> Expectation:
    """No two rows agree in all these columns; rows with a null in one of them don't count.

    >>> unique("carrier", "flight").name
    'unique(carrier, flight)'

    Raises DefinitionError where no column is named.
    """
    return _made("unique", columns, {}, 0.0, name)


def accepted_values(
    column: str, values: Sequence[Any], *, tolerance: float = 0.0, name: str | None = None
) -> Expectation:
    """The column holds these values only; at most `tolerance` of the rows, a share, hold another.

    >>> accepted_values("carrier", ["AA", "DL"]).name
    'accepted_values(carrier)'

    Raises DefinitionError for no values, or for a tolerance that is no share.
    """
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
    """The column's values lie from `least` to `most`, both included, in its own unit; one of them may be left open.

    >>> in_range("delay_minutes", least=-120, tolerance=0.001).name
    'in_range(delay_minutes)'

    At most `tolerance` of the rows, a share, lie outside. Raises DefinitionError where neither bound is said, where
    they cross, or for a tolerance that is no share.
    """
    if least is None and most is None:
        raise DefinitionError(f"in_range({column!r}) has neither least nor most; say one of them")
    if least is not None and most is not None and least > most:
        raise DefinitionError(f"in_range({column!r}): least {least!r} is above most {most!r}")
    return _made("in_range", (column,), {"least": least, "most": most}, tolerance, name)


def row_count(least: int | None = None, most: int | None = None, *, name: str | None = None) -> Expectation:
    """The table has `least` to `most` rows, both included; one of them may be left open.

    >>> row_count(least=1).name
    'row_count'

    Raises DefinitionError where neither is said.
    """
    if least is None and most is None:
        raise DefinitionError("row_count() has neither least nor most; say one of them")
    return _made("row_count", (), {"least": least, "most": most}, 0.0, name)


def relationship(
    column: str, to: Declared | str, *, at: str | None = None, tolerance: float = 0.0, name: str | None = None
) -> Expectation:
    """Each value of the column stands in another asset's column (`at`, by default of the same name).

    `to` must be one of the asset's own deps: what is compared is then the very version that the run read. At most
    `tolerance` of the rows, a share, have a value that isn't there.

    >>> relationship("carrier", "shop/airlines", at="code").name
    'relationship(carrier)'

    Raises DefinitionError for a tolerance that is no share; `app.expect` does for an asset that isn't among the deps.
    """
    key = to.key if isinstance(to, Declared) else to
    return _made("relationship", (column,), {"to": key, "at": at or column}, tolerance, name)


def _made(kind: Kind, columns: Sequence[str], said: dict[str, Any], tolerance: float, name: str | None) -> Expectation:
    if kind != "row_count" and not columns:
        raise DefinitionError(f"{kind}() names no column; name at least one")
    if not 0 <= tolerance < 1:
        raise DefinitionError(f"{kind}: tolerance is a share of the rows, from 0 to below 1, not {tolerance!r}")
    return Expectation(kind, tuple(columns), said, tolerance, name)
