"""Polars looks: at its own frames, lazy ones too, of which only the answer is collected."""

from collections.abc import Sequence
from functools import reduce
from operator import and_
from typing import Any

from reactors.expectations import Expectation
from reactors.io.checks.engine import Engine, Row
from reactors.io.stores.fingerprints import type_name
from reactors.io.stores.tables import library
from reactors.sketches import sketch_of
from streams.measures import ColumnMeasure, Measure


class PolarsEngine:
    """See Engine."""

    name = "polars"

    def __init__(self, frame: Any) -> None:
        self._polars = library("polars")
        self._frame = frame.lazy()
        self._schema = self._frame.collect_schema()

    def types(self) -> dict[str, str]:
        """See Engine: Arrow's names, so that another library's table of the same types has the same."""
        empty = self._polars.DataFrame(schema=self._schema).to_arrow()
        return {field.name: type_name(field.type) for field in empty.schema}

    def rows(self) -> int:
        """See Engine."""
        return int(self._asked(self._polars.len())[0])

    def count(self, one: Expectation, beside: Engine | None) -> tuple[int, int]:
        """See Engine."""
        known, polars = self._known(one.columns), self._polars
        if one.kind == "not_null":
            rows, full = self._asked(polars.len(), known.sum())
            return int(rows), int(rows - full)
        if one.kind == "unique":
            tested, groups = self._asked(known.sum(), self._together(one.columns).filter(known).n_unique())
            return int(tested), int(tested - groups)
        tested, good = self._asked(known.sum(), (known & self._good(one, beside)).sum())
        return int(tested), int(tested - good)

    def failing(self, one: Expectation, beside: Engine | None, columns: Sequence[str], limit: int) -> list[Row]:
        """See Engine."""
        known = self._known(one.columns)
        if one.kind == "not_null":
            wrong = ~known
        elif one.kind == "unique":
            wrong = known & self._together(one.columns).is_duplicated()
        else:
            wrong = known & ~self._good(one, beside)
        rows: list[Row] = self._frame.filter(wrong).select(list(columns)).head(limit).collect().to_dicts()
        return rows

    def newest(self, column: str) -> Any:
        """See Engine."""
        return self._asked(self._polars.col(column).filter(self._known([column])).max())[0]

    def measured(self, columns: Sequence[str], distinct: bool) -> Measure:
        """See Engine."""
        polars = self._polars
        asked = [polars.len()]
        for name in columns:
            values = polars.col(name).filter(self._known([name]))
            asked.append(values.len())
            if self._schema[name].is_numeric():
                numbers = values.cast(polars.Float64)
                asked += [numbers.sum(), (numbers * numbers).sum(), numbers.min(), numbers.max()]
        rows, *answers = self._asked(*asked)
        found = {}
        for name in columns:
            count = answers.pop(0)
            fields: dict[str, Any] = {"count": count, "nulls": rows - count}
            if self._schema[name].is_numeric():
                numbers, answers = answers[:4], answers[4:]
                fields |= dict(zip(("sum", "squares", "least", "most"), numbers, strict=True)) if count else {}
            if distinct:
                values = self.values(name)
                fields |= {"distinct": len(values), "sketch": sketch_of(map(str, values))}
            found[name] = ColumnMeasure(**fields)
        return Measure(rows=rows, columns=found)

    def values(self, column: str) -> list[Any]:
        """See Engine."""
        known = self._frame.filter(self._known([column])).select(self._polars.col(column).unique())
        values: list[Any] = known.collect().to_series().to_list()
        return values

    def _asked(self, *expressions: Any) -> tuple[Any, ...]:
        """Several numbers in one go over the frame."""
        named = [one.alias(str(place)) for place, one in enumerate(expressions)]
        row: tuple[Any, ...] = self._frame.select(named).collect().row(0)
        return row

    def _known(self, columns: Sequence[str]) -> Any:
        """Whether a row has no null in these columns."""
        return reduce(and_, map(self._has_value, columns))

    def _has_value(self, column: str) -> Any:
        known = self._polars.col(column).is_not_null()
        is_float = self._schema[column].is_float()
        return known & self._polars.col(column).is_not_nan().fill_null(value=False) if is_float else known

    def _together(self, columns: Sequence[str]) -> Any:
        return self._polars.struct(list(columns))

    def _good(self, one: Expectation, beside: Engine | None) -> Any:
        polars, name = self._polars, one.columns[0]
        column = polars.col(name)
        if one.kind == "in_range":
            bounds = [column >= one.said["least"]] if one.said["least"] is not None else []
            bounds += [column <= one.said["most"]] if one.said["most"] is not None else []
            return reduce(and_, bounds).fill_null(value=False)
        accepted = list(one.said["values"]) if beside is None else beside.values(one.said["at"])
        series = polars.Series(accepted, dtype=self._schema[name], strict=False)
        return column.is_in(series.implode()).fill_null(value=False)
