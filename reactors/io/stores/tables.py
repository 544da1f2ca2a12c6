"""Tables of polars, pandas, DuckDB and Arrow, each into the other, without importing what isn't asked for."""

import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

from streams.errors import BadResult, LoadError

EXTRA = "pip install 'everfresh[polars]'"

_KINDS = {
    ("polars", "DataFrame"): "polars",
    ("polars", "LazyFrame"): "lazy",
    ("pyarrow", "Table"): "arrow",
    ("pandas", "DataFrame"): "pandas",
    ("duckdb", "DuckDBPyRelation"): "duckdb",
    ("_duckdb", "DuckDBPyRelation"): "duckdb",
}


def warm_up() -> None:
    """Import what tables are written with, if this process has imported a library of tables: the first run needn't."""
    if {"polars", "pandas", "duckdb"} & sys.modules.keys():
        with suppress(ImportError):  # the first run says what is missing
            import_module("pyarrow.parquet")
            import_module("reactors.io.stores.fingerprints")


def kind_of(table_type: Any) -> str | None:
    """Which kind of table a type is, by its name: its library is loaded by whoever has the type, not by us."""
    package = str(getattr(table_type, "__module__", "")).partition(".")[0]
    return _KINDS.get((package, getattr(table_type, "__qualname__", "")))


def arrow_of(value: Any) -> Any:
    """A table as a pyarrow Table. Raises BadResult for what is none."""
    kind = kind_of(type(value))
    if kind is None:
        raise BadResult(
            f"a ParquetStore keeps tables (polars, pandas, pyarrow, DuckDB), nothing of type {type(value).__name__}; "
            "return a table, or give the asset a JsonStore or a FileStore"
        )
    arrow = library("pyarrow")
    try:
        if kind == "arrow":
            return value
        if kind == "pandas":
            return arrow.Table.from_pandas(value)
        if kind == "duckdb":
            return value.to_arrow_table()
        return (value.collect() if kind == "lazy" else value).to_arrow()
    except Exception as error:  # noqa: BLE001,RUF100  each library raises its own kinds
        raise BadResult(f"the {kind} table can't be written as Parquet: {error}") from error


def table_as(table: Any, kind: str) -> Any:
    """A pyarrow Table as a table of the kind asked for; without polars installed, "natural" is Arrow itself."""
    if kind == "arrow":
        return table
    if kind == "pandas":
        return table.to_pandas()
    if kind == "duckdb":
        # A connection of its own: the relation keeps it, and no other attempt shares it.
        return library("duckdb").connect().from_arrow(table)
    polars = library("polars")
    return polars.from_arrow(table).lazy() if kind == "lazy" else polars.from_arrow(table)


def natural_kind() -> str:
    """What an argument without annotation gets: a polars DataFrame where polars is installed, else an Arrow table."""
    try:
        import_module("polars")
    except ImportError:
        return "arrow"
    return "polars"


def library(name: str) -> Any:
    """Load a table library. Raises LoadError that says how to install it."""
    try:
        return import_module(name)
    except ImportError:
        raise LoadError(f"{name} isn't installed; {EXTRA if name != 'duckdb' else 'pip install duckdb'}") from None
