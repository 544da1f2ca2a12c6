"""The HTTP way in, on a log in memory."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application

from everfresh.gateway.events import Events
from streams.errors import LogUnavailable
from streams.io.memory import MemoryLog
from streams.ports import Position, Stamp
from streams.topics import Topics

CHANGE = {
    "specversion": "1.0",
    "id": "order-41",
    "source": "checkout",
    "type": "everfresh.asset.changed.v1",
    "subject": "shop/orders",
    "data": {"version": "41"},
}


class Down(MemoryLog):
    async def append(self, records: Any, position: Position | None = None) -> list[Stamp]:
        raise LogUnavailable("the log at nowhere:9092 can't be reached")


@pytest.fixture
async def log() -> AsyncIterator[MemoryLog]:
    made = MemoryLog()
    await made.create([Topics().changes])
    yield made
    await made.close()


async def client_of(log: MemoryLog, token: str | None = None) -> TestClient[Any, Any]:
    app = Application()
    app.add_routes(Events(log, Topics(), token).routes())
    client = TestClient(TestServer(app))
    await client.start_server()
    return client


async def kept(log: MemoryLog) -> list[dict[str, Any]]:
    found = []
    for partition, (first, end) in (await log.bounds(Topics().changes.name)).items():
        if end > first:
            entries = await log.read(Topics().changes.name, partition, first)
            found += [orjson.loads(entry.value or b"") for entry in entries]
    return found


async def test_a_structured_event_is_kept_before_it_is_accepted(log: MemoryLog) -> None:
    client = await client_of(log)
    answer = await client.post("/v1/events", json=CHANGE, headers={"Content-Type": "application/cloudevents+json"})
    assert answer.status == 202
    assert await answer.json() == {"ids": ["order-41"]}
    assert [event["subject"] for event in await kept(log)] == ["shop/orders"]
    await client.close()


async def test_a_binary_event_is_the_same_event(log: MemoryLog) -> None:
    client = await client_of(log)
    headers = {f"ce-{name}": str(CHANGE[name]) for name in ("specversion", "id", "source", "type", "subject")}
    answer = await client.post("/v1/events", json=CHANGE["data"], headers=headers)
    assert answer.status == 202
    [event] = await kept(log)
    assert (event["id"], event["data"]) == ("order-41", {"version": "41"})
    await client.close()


async def test_a_batch_is_kept_whole_or_not_at_all(log: MemoryLog) -> None:
    client = await client_of(log)
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    bad = await client.post("/v1/events", json=[CHANGE, CHANGE | {"subject": "orders"}], headers=headers)
    assert bad.status == 400
    assert "is no asset key" in (await bad.json())["error"]
    assert await kept(log) == []
    good = await client.post("/v1/events", json=[CHANGE, CHANGE | {"id": "order-42"}], headers=headers)
    assert (await good.json())["ids"] == ["order-41", "order-42"]
    await client.close()


async def test_nobody_can_say_where_in_the_log_a_change_came_from(log: MemoryLog) -> None:
    client = await client_of(log)
    answer = await client.post("/v1/events", json=CHANGE | {"origin": "changes/0/999999"})
    assert answer.status == 202
    assert "origin" not in (await kept(log))[0]
    await client.close()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "not JSON"),
        (b"[]", "specversion"),
        (orjson.dumps(CHANGE | {"type": "everfresh.run.granted.v1"}), "only 'everfresh.asset.changed.v1'"),
        (orjson.dumps(CHANGE | {"id": ""}), "'id' must be a text"),
    ],
)
async def test_what_cannot_be_taken_is_refused_with_the_reason(log: MemoryLog, body: bytes, sentence: str) -> None:
    client = await client_of(log)
    answer = await client.post("/v1/events", data=body)
    assert answer.status == 400
    assert sentence in (await answer.json())["error"]
    assert await kept(log) == []
    await client.close()


async def test_without_the_token_nothing_is_taken(log: MemoryLog) -> None:
    client = await client_of(log, token="open sesame")
    assert (await client.post("/v1/events", json=CHANGE)).status == 401
    right = {"Authorization": "Bearer open sesame"}
    assert (await client.post("/v1/events", json=CHANGE, headers=right)).status == 202
    await client.close()


async def test_a_log_that_is_away_is_said_to_the_sender() -> None:
    client = await client_of(Down())
    answer = await client.post("/v1/events", json=CHANGE)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert "send it again" in (await answer.json())["error"]
    await client.close()
