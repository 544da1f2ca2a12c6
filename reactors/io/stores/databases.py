"""Tables that stand in a database: named, not fetched, so that checks and readers may ask the database itself."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from reactors.io.stores.fingerprints import bytes_fingerprint
from reactors.ports import Address, Stored
from streams.errors import BadResult, LoadError


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view of a database, by name: `ef.Table(connect, "shop.revenue")`.

    `connect` takes nothing and returns an open connection of sqlite3, apsw, DuckDB or psycopg; whoever asks closes it.
    Dots in the name part a schema from a table; quotes aren't needed.
    """

    connect: Callable[[], Any]
    name: str

    def __post_init__(self) -> None:
        if not self.name or not all(self.name.split(".")):
            raise BadResult(f"{self.name!r} names no table; write it like 'revenue' or 'shop.revenue'")


class DatabaseStore:
    """Keeps tables that a function left in a database: it returns the name of one, or an `ef.Table`.

    What is kept of a version is its table's name, so a function that writes each version into a table of its own, named
    after `ctx.run`, has its readers and its checks see exactly that. `connect` is as for `ef.Table`; passwords stay in
    it, no event names them. Nothing is removed: the database's own retention does that.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        self.connect = connect

    def write(self, address: Address, value: Any) -> Stored:
        """See Store. The fingerprint is the run's: what stands in a table isn't read to be hashed."""
        name = self.table(value).name
        return Stored(f"table:{name}", "table", bytes_fingerprint(f"{name} {address.name}".encode()), 0)

    def load(self, uri: str, format: str | None = None, as_type: Any = None) -> Any:  # noqa: A002  the event's own word
        """See Store: the `ef.Table`, whatever an argument is annotated as."""
        scheme, _, name = uri.partition(":")
        if scheme != "table" or format not in {None, "table"} or as_type not in {None, Table}:
            raise LoadError(f"{uri} can't be had so: a DatabaseStore's reader is handed an ef.Table")
        return Table(self.connect, name)

    def prune(self, asset: str, partition: str, named: Collection[str], last: int = 3) -> list[str]:
        """See Store."""
        del asset, partition, named, last
        return []

    def table(self, value: Any) -> Table:
        """The table that a function returned. Raises BadResult for what is none."""
        if isinstance(value, Table):
            return value
        if isinstance(value, str):
            return Table(self.connect, value)
        raise BadResult(
            f"a DatabaseStore keeps tables of its database: return the table's name, or an ef.Table, nothing of type "
            f"{type(value).__name__}"
        )
