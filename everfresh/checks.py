"""Checks that come with everfresh: `app.expect(asset, checks.not_null("id"), …)`. Each answers with numbers.

They look at the table that a run returned (polars, pandas, Arrow or DuckDB), before anyone sees it. Nulls are the
business of `not_null`; the others pass over them.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Unpack

from everfresh.assets import Declared
from everfresh.options import AnomalyOptions
from everfresh.policies import Span
from reactors.anomalies import LEARNED_LEAST, METRICS
from reactors.expectations import Expectation, Kind
from streams.definitions import Learning
from streams.errors import DefinitionError
from streams.units import milliseconds

_NUMBERS_MOST = 1_000
"""measures that a check may have remembered: a grant carries them, and an event is at most 256 KiB"""


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


def schema_unchanged(*, name: str | None = None) -> Expectation:
    """The table has the columns of the last published version, of the same types; their order doesn't matter.

    >>> schema_unchanged().expected
    'columns and types as in the last version'

    The first version is skipped: its schema is learned.
    """
    made = _made("schema_unchanged", (), {}, 0.0, name)
    return replace(made, learning=Learning(window=1, relearn=1))


def fresh(column: str, within: Span, *, name: str | None = None) -> Expectation:
    """The newest value of a column of times is at most `within` old, like "1h"; a column without a value fails.

    >>> fresh("ordered_at", within="1h").name
    'fresh(ordered_at)'

    Times without a zone are UTC's, a date is its first moment. Now is when the run began, by the worker's clock. Raises
    DefinitionError for what is no duration.
    """
    try:
        within_ms = milliseconds(within)
    except ValueError as error:
        raise DefinitionError(f"fresh({column!r}): within is a duration like '1h': {error}") from None
    return _made("fresh", (column,), {"within_ms": within_ms}, 0.0, name)


def anomaly(*columns: str, **options: Unpack[AnomalyOptions]) -> Expectation:
    """A version's numbers are in line with those of the versions before, by a z-score over what is learned of them.

    >>> anomaly("delay", "tailnum", season=7).name
    'anomaly(delay, tailnum)'

    Options, all by name:

    - `metrics=("rows", "nulls")`: what is measured, the "rows" of the table, and of each column the share of "nulls",
      the "mean", and how many "distinct" values it has; fewer nulls than usual are no anomaly
    - `z=3.0`: how many standard deviations are too many
    - `window=28`: how many versions are learned from; below 14 the check skips
    - `season=7`: each version is compared with the seventh before it, for daily data with weekdays
    - `name`

    A share of nulls fails as well that was above the usual seven times in a row, by more than z + 1 together. What
    failed isn't usual; 14 in a row that failed and were published are. Raises DefinitionError where nothing is
    measured, or more than can be remembered.
    """
    metrics, z = tuple(options.get("metrics", ("rows", "nulls"))), options.get("z", 3.0)
    window, season = options.get("window", 28), options.get("season", 0)
    what = f"anomaly({', '.join(columns)})"
    for one in options:
        if one not in AnomalyOptions.__annotations__:
            raise DefinitionError(f"{what} has no option {one!r}; it has {', '.join(AnomalyOptions.__annotations__)}")
    wrong = [one for one in metrics if one not in METRICS]
    if wrong or not metrics:
        raise DefinitionError(f"{what}: metrics are some of {', '.join(METRICS)}, not {', '.join(wrong) or 'none'}")
    if not columns and metrics != ("rows",):
        raise DefinitionError(f"{what} names no column; name some, or say metrics=['rows']")
    if not z > 0 or season < 0 or window < LEARNED_LEAST:
        raise DefinitionError(f"{what}: z is above 0, season not below 0, and window at least {LEARNED_LEAST}")
    learning = Learning(window=window + season, relearn=LEARNED_LEAST)
    if learning.window * (1 + len(columns)) > _NUMBERS_MOST:
        most = _NUMBERS_MOST // learning.window - 1
        raise DefinitionError(f"{what}: a window of {learning.window} has room for {most} columns; name fewer")
    said = {"metrics": metrics, "z": z, "season": season}
    return Expectation("anomaly", columns, said, 0.0, options.get("name"), learning)


def _made(kind: Kind, columns: Sequence[str], said: dict[str, Any], tolerance: float, name: str | None) -> Expectation:
    if kind not in {"row_count", "schema_unchanged"} and not columns:
        raise DefinitionError(f"{kind}() names no column; name at least one")
    if not 0 <= tolerance < 1:
        raise DefinitionError(f"{kind}: tolerance is a share of the rows, from 0 to below 1, not {tolerance!r}")
    return Expectation(kind, tuple(columns), said, tolerance, name)
