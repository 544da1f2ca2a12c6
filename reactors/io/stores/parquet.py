"""ParquetStore: tables."""

from typing import Any, BinaryIO

from reactors.io.stores.counting import Counted
from reactors.io.stores.fingerprints import table_fingerprint
from reactors.io.stores.keeping import KeptInFolder
from reactors.io.stores.tables import arrow_of, library
from reactors.ports import Address, Stored


class ParquetStore(KeptInFolder):
    """Keeps tables: polars (lazy ones are collected), pandas, pyarrow, DuckDB relations. A Parquet file a version.

    `url` is a folder (relative to where the process started) or any fsspec URL. The fingerprint is of the schema and
    the rows in order. Needs pyarrow: pip install 'everfresh[polars]'. An attempt fails with BadResult where a function
    returns something else than a table.
    """

    def write(self, address: Address, value: Any) -> Stored:
        """See Store."""
        table = arrow_of(value)
        parquet = library("pyarrow.parquet")
        counted = Counted()

        def write_to(file: BinaryIO) -> None:
            parquet.write_table(table, counted.over(file), compression="zstd")

        uri = self._publish(address, ".parquet", write_to)
        return Stored(uri, "parquet", table_fingerprint(table), counted.size_bytes)
