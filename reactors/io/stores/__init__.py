"""Where values are kept: one file a store, over a folder or any fsspec URL."""

from reactors.io.stores.databases import DatabaseStore, Table
from reactors.io.stores.files import FileStore
from reactors.io.stores.jsons import JsonStore
from reactors.io.stores.parquet import ParquetStore
from reactors.io.stores.reading import read

__all__ = ["DatabaseStore", "FileStore", "JsonStore", "ParquetStore", "Table", "read"]
