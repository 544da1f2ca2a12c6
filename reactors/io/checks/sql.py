"""A database looks: each question is one query, and only its answer comes back."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from reactors.expectations import Expectation
from reactors.io.checks.dialects import Dialect, dialect_of, relation_dialect, rows_of, select
from reactors.io.checks.engine import Engine, Row
from reactors.io.stores.databases import Table
from streams.measures import ColumnMeasure, Measure

Run = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]


class Query(NamedTuple):
    """SQL with the values that its marks stand for."""

    text: str
    values: tuple[Any, ...] = ()


class SqlEngine:
    """See Engine; over a table or a DuckDB relation, in the words of its dialect."""

    def __init__(self, dialect: Dialect, run: Run, table: str, types: dict[str, str], home: object = None) -> None:
        self.name, self.table, self.dialect = dialect.name, table, dialect
        self.home = home  # tables of one home can be asked about together; None: alone
        self._run, self._types = run, types

    def types(self) -> dict[str, str]:
        """See Engine."""
        return self._types

    def rows(self) -> int:
        """See Engine."""
        return int(self._one(select("count(*)", self.table))[0])

    def count(self, one: Expectation, beside: Engine | None) -> tuple[int, int]:
        """See Engine."""
        missing = self._missing(one.columns)
        if one.kind == "not_null":
            query = select(f"count(*), {_number_of(missing)}", self.table)
        elif one.kind == "unique":
            keys = self._quoted(one.columns)
            groups = select("count(*) AS n", self.table, f"NOT {missing}", then=f" GROUP BY {keys}")
            query = select("coalesce(sum(n), 0), coalesce(sum(n), 0) - count(*)", f"({groups}) AS found")
        elif beside is not None and not self._is_at_home(beside):
            return self._unrelated(one, beside)
        else:
            good = self._good(one, beside)
            text = select(f"count(*), count(*) - {_number_of(good.text)}", self.table, f"NOT {missing}")
            return _whole(self._one(text, good.values))
        return _whole(self._one(query))

    def failing(self, one: Expectation, beside: Engine | None, columns: Sequence[str], limit: int) -> list[Row]:
        """See Engine."""
        missing, keys, shown = self._missing(one.columns), self._quoted(one.columns), self._quoted(columns)
        values: tuple[Any, ...] = ()
        if one.kind == "not_null":
            where = missing
        elif one.kind == "unique":
            again = select(keys, self.table, f"NOT {missing}", then=f" GROUP BY {keys} HAVING count(*) > 1")
            where = f"({keys}) IN ({again})"
        elif beside is not None and not self._is_at_home(beside):
            return []  # which rows fail isn't known where they are
        else:
            good = self._good(one, beside)
            where, values = f"NOT {missing} AND NOT {good.text}", good.values
        found = self._run(select(shown, self.table, where, then=f" LIMIT {limit:d}"), values)
        return [dict(zip(columns, row, strict=True)) for row in found]

    def newest(self, column: str) -> Any:
        """See Engine."""
        name = self.dialect.quoted(column)
        return self._one(select(f"max({name})", self.table, f"NOT {self._missing([column])}"))[0]

    def measured(self, columns: Sequence[str], distinct: bool) -> Measure:
        """See Engine. Distinct values are counted, not sketched: they stay in the database."""
        asked = ["count(*)"]
        for column in columns:
            name, known = self.dialect.quoted(column), f"NOT {self._missing([column])}"
            number = self.dialect.number(name, self._types[column])
            numbers = f"CASE WHEN {known} THEN {number} END" if number else "NULL"
            asked.append(_number_of(known))
            asked += [f"{how}({numbers})" for how in ("sum", "min", "max")] if number else ["NULL"] * 3
            asked.append(f"sum({_square(numbers)})" if number else "NULL")
            asked.append(f"count(DISTINCT CASE WHEN {known} THEN {name} END)" if distinct else "NULL")
        rows, *answers = self._one(select(", ".join(asked), self.table))
        found = {}
        for place, column in enumerate(columns):
            count, total, least, most, squares, different = answers[6 * place : 6 * place + 6]
            found[column] = ColumnMeasure(
                count=count, nulls=rows - count, sum=total, squares=squares, least=least, most=most, distinct=different
            )
        return Measure(rows=rows, columns=found)

    def values(self, column: str) -> list[Any]:
        """See Engine."""
        name = self.dialect.quoted(column)
        found = self._run(select(f"DISTINCT {name}", self.table, f"NOT {self._missing([column])}"), ())
        return [row[0] for row in found]

    def _one(self, text: str, values: Sequence[Any] = ()) -> tuple[Any, ...]:
        return self._run(text, values)[0]

    def _quoted(self, columns: Sequence[str]) -> str:
        return ", ".join(map(self.dialect.quoted, columns))

    def _missing(self, columns: Sequence[str]) -> str:
        """Whether a row has a null in one of these columns."""
        nulls = [self.dialect.null(self.dialect.quoted(one), self._types[one]) for one in columns]
        return f"({' OR '.join(nulls)})"

    def _is_at_home(self, beside: Engine) -> bool:
        return isinstance(beside, SqlEngine) and beside.home is self.home is not None

    def _good(self, one: Expectation, beside: Engine | None) -> Query:
        """Whether a row is as expected."""
        name = self.dialect.quoted(one.columns[0])
        if one.kind == "in_range":
            bounds = [(">=", one.said["least"]), ("<=", one.said["most"])]
            said = [(how, bound) for how, bound in bounds if bound is not None]
            marks = [f"{name} {how} {self.dialect.mark(bound)}" for how, bound in said]
            return Query(f"({' AND '.join(marks)})", self._bound([bound for _, bound in said]))
        if isinstance(beside, SqlEngine):
            at = beside.dialect.quoted(one.said["at"])
            return Query(f"({name} IN ({select(at, beside.table, f'{at} IS NOT NULL')}))")
        accepted = list(one.said["values"])
        return Query(f"({name} IN ({', '.join(map(self.dialect.mark, accepted))}))", self._bound(accepted))

    def _bound(self, values: Sequence[Any]) -> tuple[Any, ...]:
        return () if self.dialect.writes_values else tuple(values)

    def _unrelated(self, one: Expectation, beside: Engine) -> tuple[int, int]:
        """The other table is elsewhere: this one's values are counted where they are, and compared here."""
        name, known = self.dialect.quoted(one.columns[0]), set(beside.values(one.said["at"]))
        missing = self._missing(one.columns)
        found = self._run(select(f"{name}, count(*)", self.table, f"NOT {missing}", then=f" GROUP BY {name}"), ())
        return sum(count for _, count in found), sum(count for value, count in found if value not in known)


def engine_of_relation(relation: Any) -> SqlEngine:
    """DuckDB, over a relation of it."""

    def run(text: str, _values: Sequence[Any]) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = relation.query("everfresh_asked", text).fetchall()
        return found

    types = dict(zip(relation.columns, map(str, relation.types), strict=True))
    return SqlEngine(relation_dialect(), run, "everfresh_asked", types)


@contextmanager
def looking_into(table: Table) -> Iterator[SqlEngine]:
    """The database that a table stands in, over one connection. Raises BadResult for one whose dialect isn't known."""
    connection = table.connect()
    try:
        dialect = dialect_of(connection)
        name = ".".join(map(dialect.quoted, table.name.split(".")))
        types = dialect.types(connection, name)

        def run(text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
            return rows_of(connection, text, values)

        yield SqlEngine(dialect, run, name, types, table.connect)
    finally:
        connection.close()


def _number_of(condition: str) -> str:
    return f"coalesce(sum(CASE WHEN {condition} THEN 1 ELSE 0 END), 0)"


def _square(number: str) -> str:
    """PostgreSQL refuses a product that is too small for a float, where others say zero."""
    return f"CASE WHEN abs({number}) < 1e-150 THEN 0 ELSE ({number}) * ({number}) END"


def _whole(row: Sequence[Any]) -> tuple[int, int]:
    return int(row[0]), int(row[1])
