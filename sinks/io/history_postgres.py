"""A history in PostgreSQL. Needs psycopg, which `pip install 'everfresh[postgres]'` brings."""

import asyncio
from collections.abc import Sequence
from itertools import groupby

import psycopg
from psycopg import sql

from sinks.history import COLUMNS, Row
from sinks.history_schema import POSTGRES, VERSION, VERSIONS_TABLE, migration, newer
from sinks.io.history import Unfit
from sinks.ports import Retry

CONNECT_SECONDS = 10

_LOCK = 0x65766672  # "evfr": who brings the tables up to date


class PostgresHistory:
    """One connection, made anew when it is lost. `url` is what libpq takes: postgresql://user@host/database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.AsyncConnection | None = None

    async def write(self, rows: Sequence[Row]) -> None:
        try:
            connection = await self._opened()
            async with connection.transaction(), connection.cursor() as cursor:
                for table, found in groupby(sorted(rows, key=lambda row: row.table), key=lambda row: row.table):
                    await cursor.executemany(_insert(table), [row.values for row in found])
        except (psycopg.DataError, psycopg.IntegrityError, UnicodeError) as error:
            raise Unfit(f"{type(error).__name__}: {_first_line(error)}") from error
        except psycopg.Error as error:
            await self.close()
            raise Retry(f"PostgreSQL can't be written: {_first_line(error)}") from error
        except asyncio.CancelledError:
            await self.close()
            raise

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _opened(self) -> psycopg.AsyncConnection:
        if self._connection is None:
            connection = await psycopg.AsyncConnection.connect(
                self._url, autocommit=True, connect_timeout=CONNECT_SECONDS, application_name="everfresh-history"
            )
            try:
                await _prepare(connection)
            except BaseException:
                await connection.close()
                raise
            self._connection = connection
        return self._connection


async def _prepare(connection: psycopg.AsyncConnection) -> None:
    """Bring the tables up to date; one process at a time does."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        await connection.execute(VERSIONS_TABLE.format(**POSTGRES).encode())
        answer = await connection.execute("SELECT coalesce(max(version), 0) FROM everfresh_schema")
        ((found,),) = await answer.fetchall()
        if found > VERSION:
            raise Retry(newer(found))
        for version in range(found + 1, VERSION + 1):
            for statement in migration(version, POSTGRES):
                await connection.execute(statement.encode())
            await connection.execute("INSERT INTO everfresh_schema VALUES (%s, now())", (version,))


def _insert(table: str) -> sql.Composed:
    columns = COLUMNS[table]
    return sql.SQL("INSERT INTO {} ({}) VALUES ({}) ON CONFLICT DO NOTHING").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(sql.Placeholder() * len(columns)),
    )


def _first_line(error: BaseException) -> str:
    """Without what follows, which may quote the row."""
    return (str(error).splitlines() or [type(error).__name__])[0]
