"""The tables of the embedded log."""

from pathlib import Path

import apsw

from streams.errors import LogUnavailable

VERSION = 1
APPLICATION = 0x65766672  # "evfr"
OPEN_WAIT_MS = 5_000

OFFSET_BITS = 40
"""An entry's row is (log << 40) + offset: rows of one log lie together, in order, and appends go to its end."""

_TABLES = """
CREATE TABLE topics (
    name TEXT PRIMARY KEY, partitions INTEGER NOT NULL, key TEXT NOT NULL, cleanup TEXT NOT NULL,
    retention_ms INTEGER, log_append_time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE logs (
    id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL,
    first INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL DEFAULT 0, last_ms INTEGER NOT NULL DEFAULT 0,
    UNIQUE (topic, partition)
) STRICT;
CREATE TABLE entries (
    id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, key BLOB, value BLOB, headers BLOB
) STRICT;
CREATE TABLE positions (
    reader TEXT NOT NULL, log INTEGER NOT NULL, offset INTEGER NOT NULL, PRIMARY KEY (reader, log)
) STRICT, WITHOUT ROWID;
CREATE TABLE members (
    member INTEGER PRIMARY KEY AUTOINCREMENT, reader TEXT NOT NULL, topics TEXT NOT NULL
) STRICT;
CREATE TABLE owners (
    reader TEXT NOT NULL, log INTEGER NOT NULL, member INTEGER NOT NULL, PRIMARY KEY (reader, log)
) STRICT, WITHOUT ROWID;
CREATE TABLE claims (name TEXT PRIMARY KEY, claim INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE snapshots (
    domain TEXT NOT NULL, offset INTEGER NOT NULL, digest TEXT NOT NULL, state BLOB NOT NULL,
    UNIQUE (domain, offset)
) STRICT;
"""


def prepare(db: apsw.Connection, path: Path) -> None:
    """Make the file durable, and its tables if it is new; opening it in many processes at once is fine."""
    db.set_busy_timeout(OPEN_WAIT_MS)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA journal_size_limit = 67108864")
    db.execute("BEGIN IMMEDIATE")
    version, application = db.pragma("user_version"), db.pragma("application_id")
    empty = db.execute("SELECT count(*) FROM sqlite_schema").fetchall() == [(0,)]
    if empty:
        db.execute(_TABLES)
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute(f"PRAGMA application_id = {APPLICATION}")
    db.execute("COMMIT")
    if not empty and application != APPLICATION:
        raise LogUnavailable(f"{path} is a SQLite database, but no log of everfresh; name another file")
    if not empty and version != VERSION:
        raise LogUnavailable(f"{path} has format {version}, this everfresh knows {VERSION}; use a newer everfresh")
