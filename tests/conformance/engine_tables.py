"""One table in every engine that checks ask: as a frame of each library, and as a table of each database."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import polars as pl
import psycopg
import pyarrow as pa
from hypothesis import strategies as st

import everfresh as ef

Columns = Mapping[str, list[Any]]

SCHEMA = pa.schema(
    [("id", pa.int64()), ("delay", pa.float64()), ("tail", pa.string()), ("day", pa.date32()), ("late", pa.bool_())]
)

_SQL = {"id": "BIGINT", "delay": "DOUBLE PRECISION", "tail": "TEXT", "day": "DATE", "late": "BOOLEAN"}

_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4)
_FLOATS = st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda one: one + 0.0) | st.just(float("nan"))

ROWS = st.tuples(
    st.none() | st.integers(-5, 5),
    st.none() | _FLOATS,
    st.none() | st.sampled_from(["A", "B", "a", "", "%s", "?", "'", '"']) | _TEXTS,
    st.none() | st.dates(date(2013, 1, 1), date(2013, 1, 9)),
    st.none() | st.booleans(),
)
TABLES = st.lists(ROWS, max_size=12).map(
    lambda rows: {name: [row[place] for row in rows] for place, name in enumerate(SCHEMA.names)}
)


def arrow(columns: Columns) -> pa.Table:
    return pa.table(dict(columns), schema=SCHEMA)


def pandas(columns: Columns) -> Any:
    return arrow(columns).to_pandas(types_mapper={pa.int64(): _pandas_integers()}.get)


def _pandas_integers() -> Any:
    import pandas as pd

    return pd.Int64Dtype()


FRAMES: dict[str, Callable[[Columns], Any]] = {
    "arrow": arrow,
    "polars": lambda columns: pl.from_arrow(arrow(columns)),
    "lazy": lambda columns: pl.LazyFrame(pl.from_arrow(arrow(columns))),
    "pandas": pandas,
    "duckdb relation": lambda columns: duckdb.connect().from_arrow(arrow(columns)),
}


class Database:
    """A database that holds such tables; `table` makes one anew under a name that is hard to quote."""

    def __init__(self, name: str, connect: Callable[[], Any], mark: str) -> None:
        self.name, self.connect, self._mark = name, connect, mark

    @contextmanager
    def holding(self, *tables: Columns) -> Iterator[list[ef.Table]]:
        names = [f'fl"ights %s {uuid4().hex}' for _ in tables]
        connection = self.connect()
        for name, columns in zip(names, tables, strict=True):
            self._fill(connection, '"' + name.replace('"', '""') + '"', columns)
        connection.commit()
        try:
            yield [ef.Table(self.connect, name) for name in names]
        finally:
            for name in names:
                connection.execute('DROP TABLE "' + name.replace('"', '""') + '"')
            connection.commit()
            connection.close()

    def _fill(self, connection: Any, name: str, columns: Columns) -> None:
        types = ", ".join(f'"{column}" {_SQL[column]}' for column in columns)
        connection.execute(f"CREATE TABLE {name} ({types})")
        marks = ", ".join([self._mark] * len(columns))
        rows = [tuple(map(self._held, row)) for row in zip(*columns.values(), strict=True)]
        cursor = connection.cursor() if self.name == "postgresql" else connection
        if rows:
            escaped = name.replace("%", "%%") if self._mark == "%s" else name
            cursor.executemany(" ".join(("INSERT INTO", escaped, "VALUES", f"({marks})")), rows)

    def _held(self, value: Any) -> Any:
        return value.isoformat() if self.name == "sqlite" and isinstance(value, date) else value


def databases(folder: Path, postgres_url: str) -> Sequence[Database]:
    return (
        Database("sqlite", lambda: sqlite3.connect(folder / "flights.sqlite"), "?"),
        Database("duckdb", lambda: duckdb.connect(str(folder / "flights.duckdb")), "?"),
        Database("postgresql", lambda: psycopg.connect(postgres_url), "%s"),
    )
