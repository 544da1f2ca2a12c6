"""What every collector keeps: all pages or none, the token, again where the service is busy, tags read, days in UTC."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from reactors.collecting import Line
from reactors.io.collectors.bigquery import BigQuery
from reactors.io.collectors.calling import Service
from reactors.io.collectors.databricks import Databricks
from reactors.io.collectors.focus import FocusFile
from reactors.io.collectors.reading import Price
from reactors.io.collectors.snowflake import Snowflake
from reactors.ports import Collector
from streams.costs import Tagged
from streams.errors import NotCollected
from tests.conformance.billing_service import TOKEN, Billing, billing_service

DAY, NEXT = "2026-01-01", "2026-01-02"
TAG = Tagged("shop/revenue", "3-94af")
PRICE = Price(Decimal("4"), "USD")

MADE: dict[str, Callable[[Service], Collector]] = {
    "snowflake": lambda service: Snowflake(service, PRICE, warehouse="SMALL"),
    "bigquery": lambda service: BigQuery(service, "p", PRICE),
    "databricks": lambda service: Databricks(service, "w1"),
}
LINES = {
    "snowflake": [
        Line(DAY, "snowflake.credits", Decimal("0.25"), "credits", Decimal(1), "USD", TAG),
        Line(DAY, "snowflake.credits", Decimal("1.5"), "credits", Decimal(6), "USD"),
        Line(NEXT, "snowflake.credits", Decimal("0.125"), "credits", Decimal("0.5"), "USD"),
    ],
    "bigquery": [
        Line(DAY, "bigquery.billed", Decimal(1), "TiB", Decimal(4), "USD", TAG),
        Line(DAY, "bigquery.billed", Decimal("0.5"), "TiB", Decimal(2), "USD"),
        Line(DAY, "bigquery.billed", Decimal("0.25"), "TiB", Decimal(1), "USD"),
    ],
    "databricks": [
        Line(DAY, "databricks.usage", Decimal("1.5"), "DBU", Decimal("0.825"), "USD", TAG),
        Line(DAY, "databricks.usage", Decimal("-0.5"), "DBU", Decimal("-0.275"), "USD"),
        Line(DAY, "databricks.usage", Decimal(4), "DBU", None, None),
    ],
}
EACH = pytest.mark.parametrize("name", MADE)


def collected(name: str, billing: Billing, token: str = TOKEN) -> list[Line]:
    async def collect() -> list[Line]:
        async with billing_service(billing):
            service = Service(billing.url, token, pause_s=0.001)
            return list(await MADE[name](service).lines(DAY, NEXT))

    return asyncio.run(collect())


@EACH
def test_all_pages_are_read_and_tags_known(name: str) -> None:
    assert collected(name, Billing()) == LINES[name]


@EACH
def test_a_busy_service_is_asked_again(name: str) -> None:
    billing = Billing(stumbles=[429, 503, 500])
    assert collected(name, billing) == LINES[name]
    assert [asked[:2] for asked in billing.asked[:4]] == [billing.asked[0][:2]] * 4


@EACH
def test_half_a_bill_is_none(name: str) -> None:
    last = {"snowflake": "partition=1", "bigquery": "pageToken=next", "databricks": "chunks/1"}[name]
    with pytest.raises(NotCollected, match="can't be read, so nothing was billed: HTTP 503"):
        collected(name, Billing(breaks=last))


@EACH
def test_a_wrong_token_is_told_at_once_and_never_quoted(name: str) -> None:
    billing = Billing()
    with pytest.raises(NotCollected, match="HTTP 401") as raised:
        collected(name, billing, "wrong-token")
    assert len(billing.asked) == 1
    assert "wrong-token" not in str(raised.value)


def test_days_are_asked_for_with_both_ends() -> None:
    billing = Billing()
    for name in MADE:
        collected(name, billing)
    asked = {path: (query, body) for _, path, query, body in reversed(billing.asked)}
    bindings = asked["/api/v2/statements"][1]["bindings"]
    assert [one["value"] for one in bindings.values()] == [DAY, "2026-01-03"] * 2
    assert asked["/api/v2/statements"][1]["warehouse"] == "SMALL"
    query = asked["/bigquery/v2/projects/p/jobs"][0]
    assert (query["minCreationTime"], query["maxCreationTime"]) == ("1767225600000", "1767398399999")
    parameters = asked["/api/2.0/sql/statements"][1]["parameters"]
    assert [one["value"] for one in parameters] == [DAY, "2026-01-03"]


HEAD = "BilledCost,BillingCurrency,ChargePeriodStart,ChargePeriodEnd,ServiceName,ConsumedQuantity,ConsumedUnit,Tags\n"


def focus(folder: Path, text: str) -> FocusFile:
    (folder / "bill.csv").write_text(text, encoding="utf-8")
    return FocusFile(folder / "bill.csv")


def test_a_focus_file_is_read_by_its_columns(tmp_path: Path) -> None:
    period = "2026-01-01T23:00:00Z,2026-01-02T00:00:00Z"
    tagged = '"{""everfresh"": ""everfresh:shop/revenue:3-94af""}"'
    text = f"\ufeff{HEAD}1.25,USD,{period},Compute,2,Hours,{tagged}\n-0.01,EUR,{period},Storage,,,\n"
    file = focus(tmp_path, text + '7,USD,2026-01-05T00:00:00Z,,Compute,,,"{""everfresh"": ""d/b""}"\n')
    assert asyncio.run(file.lines(DAY, NEXT)) == [
        Line(DAY, "Compute", Decimal(2), "Hours", Decimal("1.25"), "USD", TAG),
        Line(DAY, "Storage", Decimal(0), "", Decimal("-0.01"), "EUR"),
    ]
    assert file.all()[-1].tag == Tagged("d/b", "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("BilledCost,BillingCurrency\n", "has no column 'ChargePeriodStart'; a FOCUS file has"),
        (f"{HEAD}a lot,USD,2026-01-01,,,,,\n", "line 2: 'a lot' is no number; nothing of the file was billed"),
        (f"{HEAD}1,$,2026-01-01,,,,,\n", "line 2: '\\$' is no currency like 'USD'"),
        (f"{HEAD}1,USD,soon,,,,,\n", "line 2: Invalid isoformat"),
        (f"{HEAD}1,USD,2026-01-01,,,,,not json\n", "line 2"),
        (f"{HEAD}1,USD\n", "line 2"),
    ],
)
def test_a_file_with_a_wrong_line_is_told_with_it_and_nothing_is_billed(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(NotCollected, match=why):
        focus(tmp_path, text).all()
