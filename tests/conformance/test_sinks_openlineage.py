"""Lineage over real HTTP: to a server, from OpenLineage's own client, and from one everfresh to another."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.generated.dataset_version_dataset import DatasetVersionDatasetFacet
from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport

import everfresh as ef
from everfresh.gateway.events import Events
from everfresh.testing import World
from sinks.io.attempts import Manner
from sinks.io.delivery import Delivery
from sinks.io.openlineage import Catalog, OpenLineage
from streams.cloudevents import Envelope
from streams.io.memory import MemoryLog
from streams.topics import Topics
from tests.conformance.sinks_stage import QUICK, Stage, sent
from tests.conformance.webhook_receiver import Receiver, says
from tests.core.openlineage_models import read
from tests.core.sinks_samples import event

RUN = "0192f5a1-7c3e-7000-8000-000000000001"


@pytest.fixture
def kind() -> str:
    return "memory"


def delivery(stage: Stage, catalog: Catalog) -> Delivery:
    route = replace(catalog.route(stage.topics), manner=Manner(QUICK))
    return stage.delivery(OpenLineage(catalog), route=route)


async def settled(stage: Stage, catalog: Catalog, *events: Envelope) -> None:
    await sent(stage, delivery(stage, catalog), *events)


async def test_a_server_gets_each_event_of_a_run_in_order(stage: Stage, receiver: Receiver) -> None:
    catalog = Catalog("marquez", receiver.url, token="open sesame", allow_private=True)
    await settled(stage, catalog, event("asset.materialized"), event("check.evaluated", 2))
    assert {path.removeprefix("/hook/s3cret-path") for path in receiver.paths} == {"/api/v1/lineage"}
    assert {headers["authorization"] for headers, _ in receiver.got} == {"Bearer open sesame"}
    events = [orjson.loads(body) for _, body in receiver.got]
    runs = [one["eventType"] for one in events if one["job"]["name"] == "shop/revenue"]
    checks = [one["eventType"] for one in events if one["job"]["name"] != "shop/revenue"]
    assert runs == checks == ["START", "COMPLETE"]
    for one in events:
        read(one)


async def test_a_server_that_fails_in_the_middle_gets_the_same_run_again(stage: Stage, receiver: Receiver) -> None:
    receiver.answers = [says(201), says(500), says(201), says(201)]
    await settled(stage, Catalog("marquez", receiver.url, allow_private=True), event("asset.materialized"))
    events = [orjson.loads(body) for _, body in receiver.got]
    assert [one["eventType"] for one in events] == ["START", "COMPLETE", "START", "COMPLETE"]
    assert len({one["run"]["runId"] for one in events}) == 1
    assert await stage.letters() == []


async def test_what_a_server_refuses_is_a_dead_letter(stage: Stage, receiver: Receiver) -> None:
    receiver.answers = [says(422)]
    await settled(stage, Catalog("marquez", receiver.url, allow_private=True), event("run.ended"))
    [letter] = await stage.letters()
    assert "refused: HTTP 422" in letter["data"]["error"]


class Gateway:
    """A gateway of another installation, and what is in its topic of changes."""

    def __init__(self, url: str, log: MemoryLog) -> None:
        self.url, self._log = url, log

    async def kept(self) -> list[dict[str, Any]]:
        found = []
        for partition, (first, end) in (await self._log.bounds(Topics().changes.name)).items():
            if end > first:
                entries = await self._log.read(Topics().changes.name, partition, first)
                found += [orjson.loads(entry.value or b"") for entry in entries]
        return found

    async def changes(self) -> list[dict[str, Any]]:
        return [one for one in await self.kept() if one["type"] == "everfresh.asset.changed.v1"]

    async def reports(self) -> list[str]:
        return [one["data"]["outcome"] for one in await self.kept() if one["type"] == "everfresh.run.reported.v1"]


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    log = MemoryLog()
    await log.create([Topics().changes])
    assets = {"everfresh/shop/revenue": "finance/revenue", "postgres://db:5432/dwh.public.orders": "finance/orders"}
    app = web.Application()
    app.add_routes(Events(log, Topics(), "open sesame", assets).routes())
    async with TestServer(app) as server:
        yield Gateway(f"http://127.0.0.1:{server.port}", log)
    await log.close()


async def test_one_domains_versions_are_changes_in_anothers_gateway(stage: Stage, gateway: Gateway) -> None:
    catalog = Catalog("finance", gateway.url, token="open sesame", allow_private=True)
    sent = [
        event("asset.materialized", 1, version="v1", fingerprint="f1", uri="file:///data/1.parquet"),
        event("asset.quarantined", 2, version="v2"),
        event("run.ended", 3),
        event("asset.materialized", 4, version="v3", run="9-shop/revenue"),
        event("check.evaluated", 5),
    ]
    await settled(stage, catalog, *sent)
    changes = await gateway.changes()
    assert [one["data"]["version"] for one in changes] == ["v1", "v3"]
    first = changes[0]
    assert first["subject"] == "finance/revenue"
    assert (first["data"]["fingerprint"], first["data"]["uri"]) == ("f1", "file:///data/1.parquet")
    assert first["data"]["metadata"]["openlineage"]["job"] == "everfresh/shop/revenue"
    assert await gateway.reports() == ["succeeded", "failed", "failed", "succeeded"]
    assert await stage.letters() == []


async def test_a_domain_that_is_told_so_recomputes_what_reads_it(stage: Stage, gateway: Gateway) -> None:
    await settled(
        stage, Catalog("finance", gateway.url, token="open sesame", allow_private=True), event("asset.materialized")
    )
    app = ef.App("finance")
    revenue = app.source("revenue")

    @app.asset(deps=[revenue], freshness=ef.Within("5m"))
    def report(revenue: ef.Input) -> None: ...

    [change] = await gateway.changes()
    with World(app) as world:
        world.publish(
            change["subject"], **{name: change["data"].get(name) for name in ("version", "data_time", "fingerprint")}
        )
        world.advance("10m")
        assert [run.outcome for run in world.runs("finance/report")] == ["materialized"]


def client_of(gateway: Gateway, key: str = "open sesame") -> OpenLineageClient:
    auth = ApiKeyTokenProvider({"apiKey": key})
    return OpenLineageClient(transport=HttpTransport(HttpConfig(url=gateway.url, auth=auth, retry={"total": 0})))


def completed(name: str = "dwh.public.orders", state: RunState = RunState.COMPLETE) -> RunEvent:
    version = DatasetVersionDatasetFacet(datasetVersion="2026-01-01")
    return RunEvent(
        eventTime=datetime(2026, 1, 1, 8, tzinfo=UTC).isoformat(),
        eventType=state,
        run=Run(runId=RUN),
        job=Job(namespace="airflow", name="load.orders"),
        outputs=[OutputDataset(namespace="postgres://db:5432", name=name, facets={"version": version})],
        producer="https://example.test/airflow",
    )


async def test_openlineages_own_client_is_understood(gateway: Gateway) -> None:
    for one in (completed(state=RunState.START), completed(), completed()):
        await asyncio.to_thread(client_of(gateway).emit, one)
    [first, again] = await gateway.changes()
    assert first["id"] == again["id"], "the journal takes a repeat for one"
    assert first["subject"] == "finance/orders"
    assert first["data"]["version"] == "2026-01-01"
    assert first["data"]["data_time"] == "2026-01-01T08:00:00.000Z"


async def test_a_failed_run_is_news_of_its_program_and_no_change(gateway: Gateway) -> None:
    await asyncio.to_thread(client_of(gateway).emit, completed(state=RunState.FAIL))
    assert await gateway.changes() == []
    assert await gateway.reports() == ["failed"]


async def posted(gateway: Gateway, body: Any, key: str = "open sesame") -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    url = f"{gateway.url}/api/v1/lineage"
    async with ClientSession() as session, session.post(url, data=data, headers=headers) as answer:
        return answer.status, await answer.json()


def sample(**fields: Any) -> dict[str, Any]:
    output = {"namespace": "postgres://db:5432", "name": "dwh.public.orders"}
    return {
        "eventTime": "2026-01-01T08:00:00Z",
        "eventType": "COMPLETE",
        "producer": "https://example.test/airflow",
        "run": {"runId": RUN},
        "job": {"namespace": "airflow", "name": "load.orders"},
        "outputs": [output],
    } | fields


async def test_a_dataset_that_no_setting_names_is_said_in_the_answer(gateway: Gateway) -> None:
    other = {"namespace": "s3://lake", "name": "raw/orders"}
    status, said = await posted(gateway, sample(outputs=[other]))
    assert (status, said) == (202, {"ids": [], "passed_over": ["s3://lake/raw/orders"]})
    assert await gateway.kept() == []


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"{", 400, "the body is not JSON"),
        (b"[]", 400, "no OpenLineage event"),
        ({"eventTime": "2026-01-01T08:00:00Z", "producer": "a"}, 400, "neither 'dataset' nor 'job'"),
        (sample(eventTime="soon"), 400, "'soon' is no moment"),
        (sample(eventType="DONE"), 400, "'eventType'"),
        (sample(run={"runId": "x" * 2_000}), 400, "'run.runId'"),
    ],
)
async def test_what_is_no_lineage_is_refused_with_the_reason(
    gateway: Gateway, body: Any, status: int, sentence: str
) -> None:
    found, said = await posted(gateway, body)
    assert found == status
    assert sentence in said["error"]
    assert await gateway.kept() == []


async def test_without_the_token_no_lineage_is_taken(gateway: Gateway) -> None:
    assert (await posted(gateway, sample(), "guess"))[0] == 401
    assert await gateway.kept() == []
