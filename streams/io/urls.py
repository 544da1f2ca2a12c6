"""One URL chooses the log, and only that log's libraries are loaded."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from streams.errors import SettingError
from streams.ports import EventLog, Fencing, Snapshots, TopicAdmin
from streams.topics import Topics

if TYPE_CHECKING:
    from streams.io.kafka_settings import KafkaSettings

EXAMPLES = "write sqlite:///var/lib/everfresh/log.db, sqlite:.everfresh/log.db, kafka://host:9092,other:9092 or memory:"

_SERVER = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")


@dataclass(frozen=True, slots=True)
class Log:
    """A log's ports; `close` lets go of everything.

    `trim(topic, partition, before)` deletes entries. `tidy()` is to be called now and then: it deletes what is past its
    retention and compacts, which a Kafka broker does by itself, and returns how many entries went.
    """

    log: EventLog
    snapshots: Snapshots
    fencing: Fencing
    admin: TopicAdmin
    trim: Callable[[str, int, int], Awaitable[None]]
    tidy: Callable[[], Awaitable[int]]
    close: Callable[[], Awaitable[None]]


async def open_log(url: str, topics: Topics | None = None, kafka: "KafkaSettings | None" = None) -> Log:
    """Open the log that `url` names: `memory:`, `sqlite:///path`, `sqlite:relative/path`, `kafka://host:port,…`.

    `topics` is needed for its prefix only. Raises SettingError for a URL that is none of these, LogUnavailable if the
    log can't be used.
    """
    check_url(url)
    if url.startswith("sqlite:"):
        return _sqlite(sqlite_path(url))
    if url.startswith("kafka://"):
        return await _kafka(kafka_servers(url), topics or Topics(), kafka)
    return _memory()


def check_url(url: str) -> None:
    """Raise SettingError for a URL that names no log of a known kind. Whether it is there, only opening it tells."""
    if url.startswith("sqlite:"):
        sqlite_path(url)
    elif url.startswith("kafka://"):
        kafka_servers(url)
    elif url != "memory:":
        raise SettingError(f"log {_shown(url)} is of no known kind; {EXAMPLES}")


def sqlite_path(url: str) -> Path:
    """The file of a sqlite: URL; `sqlite:///a/b` is absolute, `sqlite:a/b` relative, %20 a space.

    >>> sqlite_path("sqlite:///var/log.db"), sqlite_path("sqlite:.everfresh/log.db")
    (PosixPath('/var/log.db'), PosixPath('.everfresh/log.db'))
    """
    parts = urlsplit(url)
    if parts.netloc or not parts.path.strip("/") or parts.path.endswith("/") or parts.query or parts.fragment:
        raise SettingError(f"log {_shown(url)} names no file; {EXAMPLES}")
    return Path(unquote(parts.path))


def kafka_servers(url: str) -> str:
    """The servers of a kafka: URL, as Kafka's clients take them; the port is 9092 where it isn't said.

    >>> kafka_servers("kafka://one:9093,two")
    'one:9093,two:9092'
    """
    servers = url.removeprefix("kafka://").removesuffix("/").split(",")
    for server in servers:
        if not _SERVER.fullmatch(server):
            raise SettingError(f"log {_shown(url)}: {_shown(server)} is no host:port; {EXAMPLES}")
    return ",".join(server if re.search(r":\d+$", server) else f"{server}:9092" for server in servers)


def _shown(url: str) -> str:
    """The URL without what may be a password."""
    return repr(re.sub(r"[^/,]*@", "…@", url))


def _memory() -> Log:
    from streams.io.memory import MemoryLog  # noqa: PLC0415
    from streams.io.memory_writers import MemorySnapshots  # noqa: PLC0415

    log = MemoryLog()
    return Log(log, MemorySnapshots(), fencing=log, admin=log, trim=log.trim, tidy=_nothing_to_tidy, close=log.close)


def _sqlite(path: Path) -> Log:
    from streams.io.sqlite import SqliteLog  # noqa: PLC0415
    from streams.io.sqlite_writers import SqliteSnapshots  # noqa: PLC0415

    log = SqliteLog(path)
    snapshots = SqliteSnapshots(log.file)
    return Log(log, snapshots, fencing=log, admin=log, trim=log.trim, tidy=log.tidy, close=log.close)


async def _kafka(servers: str, topics: Topics, settings: "KafkaSettings | None") -> Log:
    from streams.io.kafka import KafkaLog  # noqa: PLC0415
    from streams.io.kafka_snapshots import KafkaSnapshots  # noqa: PLC0415

    log = await KafkaLog.connect(servers, settings)
    snapshots = KafkaSnapshots(log, topics.snapshots.name)
    return Log(log, snapshots, fencing=log, admin=log, trim=log.trim, tidy=_nothing_to_tidy, close=log.close)


async def _nothing_to_tidy() -> int:
    return 0
