"""Sinks that keep what happened: databases, and servers that know lineage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from everfresh.destination_settings import secret_of
from everfresh.history_settings import is_postgres
from sinks.io.delivery import Route
from sinks.io.history import Database, History, history_route
from sinks.io.openlineage import Catalog, OpenLineage
from sinks.ports import Destination
from streams.errors import SettingError
from streams.io.urls import sqlite_path

if TYPE_CHECKING:
    from everfresh.config import Settings


def recorders(settings: Settings) -> Iterator[tuple[Route, Destination]]:
    """What the settings name. Raises SettingError for one that can't be."""
    for name, said in settings.history.items():
        url = said.address(name)
        if url.startswith("sqlite:") and settings.log.startswith("sqlite:"):
            _check_apart(name, url, settings.log)
        yield history_route(name, settings.topics), History(_database(name, url))
    for name, told in settings.openlineage.items():
        token = secret_of(told.token, told.token_env, f"openlineage.{name}.token")
        catalog = Catalog(name, told.url, told.namespace, told.path, token, told.allow_private, told.timeout_ms)
        yield catalog.route(settings.topics), OpenLineage(catalog)


def _check_apart(name: str, url: str, log: str) -> None:
    if sqlite_path(url).resolve() == sqlite_path(log).resolve():
        raise SettingError(f"setting 'history.{name}.url' names the log's own file; name another")


def _database(name: str, url: str) -> Database:
    if is_postgres(url):
        try:
            from sinks.io.history_postgres import PostgresHistory
        except ImportError as error:
            raise SettingError(
                f"setting 'history.{name}.url' names a PostgreSQL, and psycopg isn't there ({error}): "
                "pip install 'everfresh[postgres]'"
            ) from None
        return PostgresHistory(url)
    from sinks.io.history_sqlite import SqliteHistory

    return SqliteHistory(sqlite_path(url))
