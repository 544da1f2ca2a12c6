"""How databases differ, as far as the checks' queries go."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from streams.errors import BadResult

_FLOATS = ("DOUBLE", "FLOAT", "REAL", "double precision", "real")
_NUMBERS = ("INT", "BIGINT", "SMALLINT", "TINYINT", "HUGEINT", "UINT", "UBIGINT", "DECIMAL", "NUMERIC", *_FLOATS)


@dataclass(frozen=True, slots=True)
class Dialect:
    """One database's words."""

    name: str
    placeholder: str
    nan: str | None  # a condition on `{}`, true for NaN; None: it has none
    types: Callable[[Any, str], dict[str, str]]  # of a table, by its quoted name
    writes_values: bool = False  # values are written into the query: there is no other way in
    is_typed: bool = True  # False: a column's type says little about its values

    def quoted(self, name: str) -> str:
        """A name that is only ever a name."""
        if "\0" in name:
            raise BadResult(f"{name!r} can't be a name in a database")
        return '"' + name.replace('"', '""').replace("%", "%%" if self.placeholder == "%s" else "%") + '"'

    def mark(self, value: Any) -> str:
        """What stands for a value in the query."""
        return _written(value) if self.writes_values else self.placeholder

    def null(self, name: str, kind: str) -> str:
        """Whether a value is null, or NaN."""
        if self.nan is None or not kind.upper().startswith(tuple(map(str.upper, (*_FLOATS, "NUMERIC")))):
            return f"{name} IS NULL"
        return f"({name} IS NULL OR {self.nan.format(name)})"

    def number(self, name: str, kind: str) -> str | None:
        """A value as a float; None where the column holds no numbers."""
        if not self.is_typed:
            return f"CASE WHEN typeof({name}) IN ('integer', 'real') THEN CAST({name} AS REAL) END"
        is_number = kind.upper().startswith(tuple(map(str.upper, _NUMBERS))) and not kind.upper().startswith("INTERVAL")
        return f"CAST({name} AS DOUBLE PRECISION)" if is_number and not kind.endswith("[]") else None


def select(what: str, table: str, where: str = "", *, then: str = "", before: str = "") -> str:
    """A query: all names in it are quoted, all values marked, before they get here."""
    return "".join((before, "SELECT ", what, " FROM ", table, f" WHERE {where}" if where else "", then))


def rows_of(connection: Any, text: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows that a query gives."""
    cursor = connection if hasattr(connection, "execute") else connection.cursor()
    answer = cursor.execute(text, tuple(values)) or cursor
    found: list[tuple[Any, ...]] = answer.fetchall()
    return [tuple(row) for row in found]


def dialect_of(connection: Any) -> Dialect:
    """The dialect that a connection speaks. Raises BadResult for an unknown one."""
    package = type(connection).__module__.partition(".")[0]
    dialect = _DIALECTS.get(package)
    if dialect is None:
        raise BadResult(
            f"a connection of {package!r} can't be asked; checks know sqlite3, apsw, duckdb, psycopg and psycopg2"
        )
    return dialect


def relation_dialect() -> Dialect:
    """DuckDB's, for a relation, which takes a query without values."""
    return Dialect("duckdb", "?", "isnan({})", _described, writes_values=True)


def _written(value: Any) -> str:
    """A value as SQL says it, in quotes that it can't leave."""
    if isinstance(value, bool) or value is None:
        return {True: "TRUE", False: "FALSE", None: "NULL"}[value]
    if isinstance(value, int | float):
        return repr(value) if value == value and abs(value) != float("inf") else f"'{value}'::DOUBLE"  # noqa: PLR0124
    kind = "TIMESTAMP " if isinstance(value, datetime) else "DATE " if isinstance(value, date) else ""
    return kind + "'" + str(value).replace("'", "''") + "'"


def _described(connection: Any, table: str) -> dict[str, str]:
    return {str(row[0]): str(row[1]) for row in rows_of(connection, select("*", table, before="DESCRIBE "), ())}


def _of_sqlite(connection: Any, table: str) -> dict[str, str]:
    schema, _, name = table.rpartition('"."')
    text = name.strip('"').replace('""', '"')
    where = f'{schema}".' if schema else ""
    found = rows_of(connection, f"PRAGMA {where}table_info({_written(text)})", ())
    return {str(row[1]): str(row[2]) for row in found}


def _of_postgres(connection: Any, table: str) -> dict[str, str]:
    query = (
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    )
    return {str(row[0]): str(row[1]) for row in rows_of(connection, query, (table.replace("%%", "%"),))}


_SQLITE = Dialect("sqlite", "?", None, _of_sqlite, is_typed=False)
_DUCKDB = Dialect("duckdb", "?", "isnan({})", _described)
_POSTGRES = Dialect("postgresql", "%s", "{} = 'NaN'", _of_postgres)
_DIALECTS = {
    "sqlite3": _SQLITE,
    "apsw": _SQLITE,
    "duckdb": _DUCKDB,
    "_duckdb": _DUCKDB,
    "psycopg": _POSTGRES,
    "psycopg2": _POSTGRES,
}
