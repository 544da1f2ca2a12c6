"""A history on each database, and how a test looks into it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import psycopg
import pytest

from sinks.history import Row
from sinks.history_schema import POSTGRES, SQLITE
from sinks.io.history import Database
from sinks.io.history_postgres import PostgresHistory
from sinks.io.history_sqlite import SqliteHistory
from tools.postgres import Postgres

on_each = pytest.mark.parametrize("database", ["sqlite", "postgresql"])


@dataclass
class Books:
    """A database for one test's history."""

    kind: str
    url: str
    server: Postgres | None = None

    @property
    def kinds(self) -> Any:
        return SQLITE if self.kind == "sqlite" else POSTGRES

    @property
    def path(self) -> Path:
        return Path(self.url.removeprefix("sqlite://"))

    def open(self) -> Database:
        return SqliteHistory(self.path) if self.kind == "sqlite" else PostgresHistory(self.url)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query, as another program gets them."""
        if self.kind == "sqlite":
            db = apsw.Connection(str(self.path))
            try:
                return db.execute(sql).fetchall()
            finally:
                db.close()
        with psycopg.connect(self.url, autocommit=True, options="-c timezone=UTC") as connection:
            answer = connection.execute(sql.encode())
            return answer.fetchall() if answer.description else []

    def count(self, table: str) -> int:
        [(found,)] = self.ask(f"SELECT count(*) FROM {table}")
        return int(found)


def books(kind: str, folder: Path, request: pytest.FixtureRequest) -> Books:
    if kind == "sqlite":
        return Books(kind, f"sqlite://{folder}/history.db")
    server: Postgres = request.getfixturevalue("postgres")
    name = f"h{uuid.uuid4().hex[:10]}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return Books(kind, server.url_of(name), server)


class Counted:
    """A database that counts its transactions, and may be told to fail."""

    def __init__(self, inner: Database) -> None:
        self.writes: list[int] = []
        self.failures: list[Exception] = []
        self._inner = inner

    async def write(self, rows: Sequence[Row]) -> None:
        self.writes.append(len(rows))
        if self.failures:
            raise self.failures.pop(0)
        await self._inner.write(rows)

    async def close(self) -> None:
        await self._inner.close()
