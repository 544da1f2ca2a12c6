"""A server that answers as Snowflake, BigQuery and Databricks are documented to, in pages, busy at first."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer

TOKEN = "secret"
TAG = "everfresh:shop/revenue:3-94af"
MILLISECONDS = "1767268800000"
"""noon of 2026-01-01"""


@dataclass
class Billing:
    """What it does at first, and what it was asked."""

    stumbles: list[int] = field(default_factory=list)  # statuses that it answers with before it works
    breaks: str = ""  # a path from which on it never answers
    asked: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    url: str = ""

    @web.middleware
    async def guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        body = orjson.loads(await request.read() or b"null")
        self.asked.append((request.method, request.path, dict(request.query), body))
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"message": "who are you?"}, status=401)
        if self.stumbles:
            return web.json_response({}, status=self.stumbles.pop(0), headers={"Retry-After": "0"})
        if self.breaks and self.breaks in request.path_qs:
            return web.json_response({"message": "down"}, status=503, headers={"Retry-After": "0"})
        answer: web.StreamResponse = await handler(request)
        return answer


SNOWFLAKE_ROWS = [["2026-01-01", TAG, "0.250000000"], ["2026-01-01", None, "1.5"], ["2026-01-02", "dbt", "0.125"]]


def snowflake(partition: int, handle: str = "01b2") -> dict[str, Any]:
    """A ResultSet; only the first partition has the meta data."""
    meta = {
        "numRows": 3,
        "format": "jsonv2",
        "partitionInfo": [{"rowCount": 2, "uncompressedSize": 99}, {"rowCount": 1, "uncompressedSize": 44}],
        "rowType": [{"name": name, "type": "text", "nullable": True} for name in ("DAY", "TAG", "CREDITS")],
    }
    rows = SNOWFLAKE_ROWS[:2] if partition == 0 else SNOWFLAKE_ROWS[2:]
    if partition:
        return {"data": rows}
    return {"resultSetMetaData": meta, "data": rows, "code": "090001", "statementHandle": handle, "message": "ok"}


async def snowflake_asked(_request: web.Request) -> web.Response:
    running = {"code": "333334", "message": "in progress", "statementHandle": "01b2", "statementStatusUrl": "/x"}
    return web.json_response(running, status=202)


async def snowflake_polled(request: web.Request) -> web.Response:
    return web.json_response(snowflake(int(request.query.get("partition", "0"))))


def job(size: int | None, query: str = "", labels: dict[str, str] | None = None) -> dict[str, Any]:
    """A Job resource of the list, in the full projection."""
    statistics: dict[str, Any] = {"creationTime": MILLISECONDS, "startTime": MILLISECONDS, "endTime": MILLISECONDS}
    if size is not None:
        statistics["query"] = {"totalBytesProcessed": f"{size}", "totalBytesBilled": f"{size}", "cacheHit": False}
    configuration = {"jobType": "QUERY", "query": {"query": query}, "labels": labels or {}}
    return {"id": "p:US.j", "state": "DONE", "statistics": statistics, "configuration": configuration}


JOBS = [job(2**40, f"/* {TAG} */ SELECT 1"), job(2**39, "SELECT 2"), job(None), job(2**38, "", {"team": "x"})]


async def bigquery(request: web.Request) -> web.Response:
    if request.query.get("pageToken") == "next":
        return web.json_response({"kind": "bigquery#jobList", "jobs": JOBS[2:]})
    return web.json_response({"kind": "bigquery#jobList", "jobs": JOBS[:2], "nextPageToken": "next"})


NAMES = ("day", "tags", "unit", "quantity", "amount", "currency")
DATABRICKS_ROWS = [
    ["2026-01-01", f'{{"team":"x","everfresh":"{TAG}"}}', "DBU", "1.5", "0.825", "USD"],
    ["2026-01-01", "{}", "DBU", "-0.5", "-0.275", "USD"],
    ["2026-01-01", None, "DBU", "4", None, None],
]


async def databricks_asked(_request: web.Request) -> web.Response:
    return web.json_response({"statement_id": "s1", "status": {"state": "PENDING"}})


async def databricks_polled(_request: web.Request) -> web.Response:
    columns = [{"name": name, "position": place, "type_text": "STRING"} for place, name in enumerate(NAMES)]
    manifest = {"format": "JSON_ARRAY", "schema": {"column_count": 6, "columns": columns}, "total_chunk_count": 2}
    result = {"chunk_index": 0, "row_count": 2, "data_array": DATABRICKS_ROWS[:2], "next_chunk_index": 1}
    status = {"state": "SUCCEEDED"}
    return web.json_response({"statement_id": "s1", "status": status, "manifest": manifest, "result": result})


async def databricks_chunk(_request: web.Request) -> web.Response:
    return web.json_response({"chunk_index": 1, "row_offset": 2, "row_count": 1, "data_array": DATABRICKS_ROWS[2:]})


@asynccontextmanager
async def billing_service(billing: Billing) -> AsyncIterator[Billing]:
    """It is up."""
    app = web.Application(middlewares=[billing.guard])
    app.router.add_post("/api/v2/statements", snowflake_asked)
    app.router.add_get("/api/v2/statements/01b2", snowflake_polled)
    app.router.add_get("/bigquery/v2/projects/p/jobs", bigquery)
    app.router.add_post("/api/2.0/sql/statements", databricks_asked)
    app.router.add_get("/api/2.0/sql/statements/s1", databricks_polled)
    app.router.add_get("/api/2.0/sql/statements/s1/result/chunks/1", databricks_chunk)
    async with TestServer(app) as server:
        billing.url = str(server.make_url("/"))
        yield billing
