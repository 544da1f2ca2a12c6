"""What an upstream service needs: say that an asset changed, and return once that is kept."""

import asyncio
import threading
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypedDict, TypeVar, Unpack
from uuid import uuid4

from pydantic import ValidationError

from reactors.io.clock import SystemClock
from streams.cloudevents import HEADERS, Envelope, encode, envelope, said
from streams.definitions import NAME
from streams.errors import BadEvent
from streams.events import AssetChanged
from streams.ports import Record
from streams.topics import Topics
from streams.units import instant, rfc3339

if TYPE_CHECKING:
    from streams.io.urls import Log

T = TypeVar("T")

BATCH = 500
"""changes sent in one go by publish_many"""


class ChangeFields(TypedDict, total=False):
    """What may be said about a change; all of it optional."""

    version: str
    partition: str
    data_time: str | datetime
    fingerprint: str
    uri: str
    format: str
    count: int
    metadata: dict[str, Any]
    id: str


class AsyncPublisher:
    """Publishes changes from asynchronous code; closes with `async with`, or `await close()`.

    `log_url` is `kafka://host:port,…` or `sqlite:///path`; `source` names the sender in each event: a stable URI or
    name, for (source, id) is what tells a repeat. Connects on first use. Raises BadEvent for a source that is no text
    of 1 to 1024 characters.

    >>> async def tell() -> None:
    ...     async with AsyncPublisher("kafka://127.0.0.1:9092", source="checkout") as publisher:
    ...         await publisher.publish("shop/orders", version="41")
    """

    def __init__(self, log_url: str, source: str, *, topics: Topics | None = None) -> None:
        self.source = _text(source, "source")
        self._url = log_url
        self._topics = topics or Topics()
        self._clock = SystemClock()
        self._opening = asyncio.Lock()
        self._log: Log | None = None

    async def publish(self, asset: str, **fields: Unpack[ChangeFields]) -> str:
        """Say that `asset` (`domain/name`) changed; returns the event's id once the log has acknowledged it.

        - `version`: opaque, at most 1 KiB; by default the event's id. An equal version and fingerprint as the last one
          changes nothing
        - `partition`; `fingerprint`: a hash of the content; `uri` and `format` ("parquet", "json", …): where a reader
          finds it; `count`: how many rows or files; `metadata`: a dict that readers get
        - `data_time`: when the data changed, an aware datetime or RFC 3339 text with a zone
        - `id`: by default a new one; give your own to repeat a call safely, for an id counts once in 24 hours

        Raises LogUnavailable when it isn't kept (it may be sent again), TopicMismatch where the log has no topics yet,
        BadEvent for a field that makes no sense, EventTooLarge above 256 KiB.
        """
        [event_id] = await self._append([{"asset": asset, **fields}])
        return event_id

    async def publish_many(self, changes: Iterable[Mapping[str, Any]]) -> int:
        """Publish many, in their order per asset: each a dict of `asset` and what `publish` takes. Returns how many.

        They go in batches of 500: where one change makes no sense, nothing of its batch is sent. Raises as `publish`
        does; after LogUnavailable send all again, with ids of your own if repeats mustn't count.
        """
        sent, rest = 0, iter(changes)
        while batch := list(islice(rest, BATCH)):
            sent += len(await self._append(batch))
        return sent

    async def close(self) -> None:
        """Let the log go; idempotent. What was published is kept already."""
        log, self._log = self._log, None
        if log is not None:
            await log.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _append(self, changes: Iterable[Mapping[str, Any]]) -> list[str]:
        written = [written_change(change, self.source, self._clock.now_ms()) for change in changes]
        records = [record_of(event, self._topics) for event in written]
        opened = await self._opened()
        await opened.log.append(records)
        return [str(event["id"]) for event in written]

    async def _opened(self) -> "Log":
        async with self._opening:
            if self._log is None:
                from streams.io.urls import open_log

                self._log = await open_log(self._url, self._topics)
            return self._log


class Publisher:
    """Publishes changes from ordinary code: each call returns once the log has acknowledged it.

    What it takes is what AsyncPublisher takes. Safe to share among threads; closes with `with`, or `close()`.

    >>> with Publisher("sqlite:///.everfresh/log.db", source="checkout") as publisher:  # doctest: +SKIP
    ...     publisher.publish("shop/orders", version="41")
    """

    def __init__(self, log_url: str, source: str, *, topics: Topics | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="everfresh-publisher", daemon=True)
        self._thread.start()
        self._publisher = AsyncPublisher(log_url, source, topics=topics)

    def publish(self, asset: str, **fields: Unpack[ChangeFields]) -> str:
        """See AsyncPublisher.publish."""
        return self._wait_for(self._publisher.publish(asset, **fields))

    def publish_many(self, changes: Iterable[Mapping[str, Any]]) -> int:
        """See AsyncPublisher.publish_many; `changes` is read from the calling thread."""
        return sum(self._wait_for(self._publisher.publish_many(batch)) for batch in _batches(changes))

    def close(self) -> None:
        """Let the log go; idempotent."""
        if self._loop.is_closed():
            return
        self._wait_for(self._publisher.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def written_change(change: Mapping[str, Any], source: str, now_ms: int) -> Envelope:
    """A change as a CloudEvent: a dict of `asset` and what `publish` takes. Raises BadEvent for what makes no sense."""
    fields = {name: value for name, value in change.items() if value is not None}
    asset, event_id = fields.pop("asset", None), fields.pop("id", None)
    event_id = uuid4().hex if event_id is None else event_id
    event = change_event(asset, event_id, fields)
    try:
        return envelope(event, event_id, source, asset, now_ms) | {"partitionkey": asset}
    except (TypeError, ValueError) as error:
        raise _no_json(asset, error) from None


def record_of(event: Envelope, topics: Topics) -> Record:
    """What is appended of an event that a publisher says. Raises BadEvent, EventTooLarge."""
    asset = str(event["subject"])
    try:
        return Record(topics.changes.name, encode(event), asset.encode(), HEADERS)
    except (TypeError, ValueError) as error:
        raise _no_json(asset, error) from None


def _no_json(asset: str, error: Exception) -> BadEvent:
    return BadEvent(f"change of {asset!r}: it can't be written as JSON: {error}")


def _batches(changes: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    rest = iter(changes)
    while batch := list(islice(rest, BATCH)):
        yield batch


def change_event(asset: Any, event_id: Any, fields: dict[str, Any]) -> AssetChanged:
    """The event of one change. Raises BadEvent with the field at fault."""
    if not isinstance(asset, str) or not is_key(asset):
        raise BadEvent(f"{asset!r} is no asset key; publish needs the whole one, like 'shop/orders'")
    _text(event_id, "id")
    unknown = sorted(fields.keys() - AssetChanged.model_fields.keys())
    if unknown:
        raise BadEvent(f"a change has no {unknown[0]!r}; it has {', '.join(AssetChanged.model_fields)}, id")
    try:
        if "data_time" in fields:
            fields["data_time"] = rfc3339(instant(fields["data_time"]))
        return AssetChanged(**fields)
    except ValidationError as error:
        raise BadEvent(f"change of {asset!r}: {said(error)}") from None
    except ValueError as error:
        raise BadEvent(f"change of {asset!r}: data_time: {error}") from None


def _text(value: Any, name: str) -> str:
    if not (isinstance(value, str) and 0 < len(value) <= 1_024):
        raise BadEvent(f"{name} is a text of 1 to 1024 characters, not {value!r}")
    return value


def is_key(asset: str) -> bool:
    """Whether it is a whole asset key: 'domain/name'."""
    domain, _, name = asset.partition("/")
    return bool(NAME.fullmatch(domain) and NAME.fullmatch(name))
