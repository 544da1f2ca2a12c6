"""What Publisher and AsyncPublisher promise an upstream service, on SQLite and on a real Kafka broker."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest

from everfresh import AsyncPublisher, Publisher
from streams.cloudevents import decode
from streams.errors import BadEvent, EventTooLarge, LogUnavailable, SettingError, TopicMismatch
from streams.io.urls import Log
from tests.conformance.logs import Place, durable, everything


@pytest.fixture
async def changes(opened: Log, place: Place) -> str:
    """The topic of changes, made."""
    await opened.admin.create([place.topics.changes])
    return place.topics.changes.name


async def published(opened: Log, topic: str) -> list[dict[str, Any]]:
    return [decode(entry.value, entry.headers) for entry in await everything(opened.log, topic)]


@durable
async def test_a_published_change_stands_in_the_log_when_the_call_returns(
    opened: Log, place: Place, changes: str
) -> None:
    async with AsyncPublisher(place.url, source="checkout", topics=place.topics) as publisher:
        name = await publisher.publish(
            "shop/orders",
            version="41",
            partition="2013-01-01",
            data_time=datetime(2013, 1, 1, 6, tzinfo=UTC),
            fingerprint="f",
            uri="s3://lake/orders",
            format="parquet",
            count=3,
            metadata={"rows": 3},
        )
        [event] = await published(opened, changes)
    assert (event["id"], event["source"], event["subject"]) == (name, "checkout", "shop/orders")
    assert (event["type"], event["partitionkey"]) == ("everfresh.asset.changed.v1", "shop/orders")
    assert event["data"] == {
        "version": "41",
        "partition": "2013-01-01",
        "data_time": "2013-01-01T06:00:00.000Z",
        "fingerprint": "f",
        "uri": "s3://lake/orders",
        "format": "parquet",
        "count": 3,
        "metadata": {"rows": 3},
    }


@durable
async def test_ordinary_code_publishes_the_same(opened: Log, place: Place, changes: str) -> None:
    with Publisher(place.url, source="checkout", topics=place.topics) as publisher:
        names = [publisher.publish("shop/orders", version="1", id="order-1"), publisher.publish("shop/orders")]
    events = await published(opened, changes)
    assert [event["id"] for event in events] == names
    assert names[0] == "order-1"
    assert len(set(names)) == 2


@durable
async def test_changes_of_one_asset_keep_their_order_and_share_a_partition(
    opened: Log, place: Place, changes: str
) -> None:
    sent = [{"asset": f"shop/a{n % 3}", "version": str(n)} for n in range(1_200)]
    async with AsyncPublisher(place.url, source="checkout", topics=place.topics) as publisher:
        assert await publisher.publish_many(iter(sent)) == 1_200
    entries = await everything(opened.log, changes)
    assert len(entries) == 1_200
    for asset in ("shop/a0", "shop/a1", "shop/a2"):
        own = [entry for entry in entries if entry.key == asset.encode()]
        assert len({entry.partition for entry in own}) == 1
        versions = [int(decode(entry.value)["data"]["version"]) for entry in own]
        assert versions == sorted(versions)
        assert len(versions) == 400


@durable
async def test_threads_may_share_a_publisher(opened: Log, place: Place, changes: str) -> None:
    with Publisher(place.url, source="checkout", topics=place.topics) as publisher:
        threads = [threading.Thread(target=publisher.publish, args=("shop/orders",)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len({event["id"] for event in await published(opened, changes)}) == 8


NONSENSE: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"asset": "orders"}, BadEvent, "'orders' is no asset key; publish needs the whole one, like 'shop/orders'"),
    ({"asset": None}, BadEvent, "None is no asset key"),
    ({"asset": "shop/orders", "version": 41}, BadEvent, "'version': Input should be a valid string"),
    ({"asset": "shop/orders", "data_time": "2013-01-01T06:00:00"}, BadEvent, "no moment with a time zone"),
    ({"asset": "shop/orders", "data_time": "yesterday"}, BadEvent, "'yesterday' is no moment"),
    ({"asset": "shop/orders", "versoin": "41"}, BadEvent, "a change has no 'versoin'; it has version, "),
    ({"asset": "shop/orders", "id": ""}, BadEvent, "id is a text of 1 to 1024 characters"),
    ({"asset": "shop/orders", "metadata": {"a": object()}}, BadEvent, "can't be written as JSON"),
    ({"asset": "shop/orders", "version": "\ud800"}, BadEvent, "surrogates not allowed"),
    ({"asset": "shop/orders", "metadata": {"a": "x" * 300_000}}, EventTooLarge, "above 262144"),
]


@pytest.mark.parametrize("nonsense", NONSENSE)
@pytest.mark.parametrize("kind", ["sqlite"])
async def test_nonsense_is_refused_in_a_sentence_and_nothing_is_sent(
    opened: Log, place: Place, changes: str, nonsense: tuple[dict[str, Any], type[Exception], str]
) -> None:
    change, error, said = nonsense
    async with AsyncPublisher(place.url, source="checkout", topics=place.topics) as publisher:
        with pytest.raises(error, match=said) as raised:
            await publisher.publish_many([{"asset": "shop/orders"}, change])
    assert "\n" not in str(raised.value)
    assert await published(opened, changes) == []


@pytest.mark.parametrize("source", ["", None, "x" * 2_000])
def test_a_publisher_says_who_it_is(source: Any) -> None:
    with pytest.raises(BadEvent, match="source is a text"):
        AsyncPublisher("memory:", source)


async def test_a_log_that_is_away_is_named_and_may_come_back(place_of_nothing: str) -> None:
    async with AsyncPublisher(place_of_nothing, source="checkout") as publisher:
        with pytest.raises(LogUnavailable):
            await publisher.publish("shop/orders")


@pytest.fixture
def place_of_nothing(tmp_path: Any) -> str:
    (tmp_path / "file").write_text("in the way")
    return f"sqlite://{tmp_path}/file/log.db"


async def test_a_url_of_no_kind_says_what_would_do() -> None:
    async with AsyncPublisher("redis://localhost", source="checkout") as publisher:
        with pytest.raises(SettingError, match="kafka://"):
            await publisher.publish("shop/orders")


async def test_a_log_without_topics_says_so() -> None:
    async with AsyncPublisher("memory:", source="checkout") as publisher:
        with pytest.raises(TopicMismatch, match="changes"):
            await publisher.publish("shop/orders")


@pytest.mark.parametrize("kind", ["sqlite"])
async def test_closing_twice_is_closing_once(place: Place, changes: str) -> None:
    publisher = Publisher(place.url, source="checkout", topics=place.topics)
    publisher.publish("shop/orders")
    publisher.close()
    publisher.close()
