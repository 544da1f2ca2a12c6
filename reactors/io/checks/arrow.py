"""Arrow looks: at Arrow tables, and at pandas' as Arrow."""

from collections.abc import Sequence
from typing import Any

from reactors.expectations import Expectation
from reactors.io.checks.engine import Engine, Row
from reactors.io.stores.fingerprints import type_name
from reactors.io.stores.tables import library
from reactors.sketches import sketch_of
from streams.measures import ColumnMeasure, Measure

_PLACE = "everfresh row"


class ArrowEngine:
    """See Engine."""

    name = "arrow"

    def __init__(self, table: Any) -> None:
        self._table = table
        self._arrow, self._compute = library("pyarrow"), library("pyarrow.compute")

    def types(self) -> dict[str, str]:
        """See Engine."""
        return {field.name: type_name(field.type) for field in self._table.schema}

    def rows(self) -> int:
        """See Engine."""
        return int(self._table.num_rows)

    def count(self, one: Expectation, beside: Engine | None) -> tuple[int, int]:
        """See Engine."""
        if one.kind == "not_null":
            return self.rows(), self._sum(self._missing(one.columns))
        known = self._known(one.columns)
        if one.kind == "unique":
            groups = known.select(list(one.columns)).group_by(list(one.columns)).aggregate([]).num_rows
            return known.num_rows, known.num_rows - groups
        return known.num_rows, known.num_rows - self._sum(self._good(one, known, beside))

    def failing(self, one: Expectation, beside: Engine | None, columns: Sequence[str], limit: int) -> list[Row]:
        """See Engine."""
        if one.kind == "not_null":
            wrong = self._table.filter(self._missing(one.columns))
        elif one.kind == "unique":
            wrong = self._repeated(one.columns)
        else:
            known = self._known(one.columns)
            wrong = known.filter(self._compute.invert(self._good(one, known, beside)))
        rows: list[Row] = wrong.select(list(columns)).slice(0, limit).to_pylist()
        return rows

    def newest(self, column: str) -> Any:
        """See Engine."""
        return self._compute.max(self._known([column]).column(column)).as_py()

    def measured(self, columns: Sequence[str], distinct: bool) -> Measure:
        """See Engine."""
        found = {name: self._column(name, distinct) for name in columns}
        return Measure(rows=self.rows(), columns=found)

    def values(self, column: str) -> list[Any]:
        """See Engine."""
        values: list[Any] = self._compute.unique(self._known([column]).column(column)).to_pylist()
        return values

    def _column(self, name: str, distinct: bool) -> ColumnMeasure:
        types, compute = self._arrow.types, self._compute
        known = self._known([name]).column(name)
        fields: dict[str, Any] = {"count": len(known), "nulls": self.rows() - len(known)}
        if distinct:
            values = self.values(name)
            fields |= {"distinct": len(values), "sketch": sketch_of(map(str, values))}
        kind = known.type
        if len(known) and (types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)):
            numbers = known.cast("float64")
            squares = compute.sum(compute.multiply(numbers, numbers)).as_py()
            fields |= {"sum": compute.sum(numbers).as_py(), "squares": squares}
            fields |= {"least": compute.min(numbers).as_py(), "most": compute.max(numbers).as_py()}
        return ColumnMeasure(**fields)

    def _sum(self, mask: Any) -> int:
        return int(self._compute.sum(mask).as_py() or 0)

    def _missing(self, columns: Sequence[str]) -> Any:
        missing = None
        for column in columns:
            null = self._compute.is_null(self._table.column(column), nan_is_null=True)
            missing = null if missing is None else self._compute.or_(missing, null)
        return missing

    def _known(self, columns: Sequence[str]) -> Any:
        """The rows without a null in these columns."""
        return self._table.filter(self._compute.invert(self._missing(columns)))

    def _good(self, one: Expectation, known: Any, beside: Engine | None) -> Any:
        """Row by row, whether it is as expected."""
        values = known.column(one.columns[0])
        if one.kind == "in_range":
            return self._inside(one, values)
        accepted = list(one.said["values"]) if beside is None else beside.values(one.said["at"])
        return self._compute.is_in(values, value_set=self._arrow.array(accepted, type=values.type))

    def _inside(self, one: Expectation, values: Any) -> Any:
        inside = None
        compute = self._compute
        for compare, bound in ((compute.greater_equal, one.said["least"]), (compute.less_equal, one.said["most"])):
            if bound is not None:
                held = compare(values, bound)
                inside = held if inside is None else compute.and_(inside, held)
        return inside

    def _repeated(self, columns: Sequence[str]) -> Any:
        known, keys = self._known(columns), list(columns)
        numbered = known.append_column(_PLACE, self._arrow.array(range(known.num_rows)))
        counted = numbered.select([*keys, _PLACE]).group_by(keys).aggregate([(_PLACE, "list")])
        lists = counted.column(f"{_PLACE}_list")
        several = lists.filter(self._compute.greater(self._compute.list_value_length(lists), 1))
        return known.take(self._compute.list_flatten(several))
