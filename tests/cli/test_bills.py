"""Bills, from a file or a service to the totals: `bill`, and what `costs` then says."""

import asyncio
import csv
from pathlib import Path
from typing import Any

from tests.cli.shop import Ran, Shop
from tests.conformance.billing_service import TOKEN, Billing, billing_service

HEAD = "BilledCost,BillingCurrency,ChargePeriodStart,ChargePeriodEnd,ServiceName,ConsumedQuantity,ConsumedUnit,Tags\n"
DAY, NEXT = "2026-01-31T00:00:00Z,2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z,2026-02-02T00:00:00Z"
TAG = '"{""everfresh"": ""shop/revenue""}"'
FIRST = f"1.10,USD,{DAY},Warehouse,2,Credits,{TAG}\n0.20,EUR,{NEXT},Warehouse,1,Credits,{TAG}\n"
BILL = f"{HEAD}{FIRST}5.05,USD,{DAY},Warehouse,9,Credits,\n"


def bill(shop: Shop, text: str) -> list[dict[str, Any]]:
    """Import it, and let the ingress and the reactor have it."""
    (shop.folder / "bill.csv").write_text(text)
    told: list[dict[str, Any]] = shop.ok("bill", "import", "bill.csv", "--json").json()
    if told:
        shop.run("dev", "shop.py", "--until-idle")
    return told


def amounts(shop: Shop, *said: str) -> dict[tuple[str, ...], dict[str, float]]:
    """(period, asset) → money."""
    rows = shop.ok("costs", "--json", *said).json()
    return {tuple(row[name] for name in row if name in ("period", "asset")): row["amounts"] for row in rows}


def test_a_bill_shows_in_the_totals_and_a_revised_one_once(own: Shop) -> None:
    assert [one["revision"] for one in bill(own, BILL)] == [1, 1, 1]
    found = amounts(own)
    assert found["shop/revenue",] == {"USD": 1.1, "EUR": 0.2}, "never added up"
    assert found["shop/_idle",] == {"USD": 5.05}
    assert bill(own, BILL) == [], "nothing is new"
    (revised,) = bill(own, BILL.replace("1.10", "1.30"))
    assert (revised["revision"], revised["asset"]) == (2, "shop/revenue")
    assert amounts(own)["shop/revenue",] == {"USD": 1.3, "EUR": 0.2}


def test_costs_by_period_are_of_the_days_that_bills_are_for(own: Shop) -> None:
    bill(own, BILL)
    months = amounts(own, "--period", "month")
    assert months["2026-01", "shop/revenue"] == {"USD": 1.1}
    assert months["2026-02", "shop/revenue"] == {"EUR": 0.2}
    assert amounts(own, "--period", "week")["2026-W05", "shop/revenue"] == {"USD": 1.1, "EUR": 0.2}
    assert amounts(own, "--period", "2026-01") == {
        ("2026-01", "shop/_idle"): {"USD": 5.05},
        ("2026-01", "shop/revenue"): {"USD": 1.1},
    }
    assert amounts(own, "--period", "2025") == {}


def test_costs_in_focus_columns_can_be_taken_in_again(own: Shop) -> None:
    bill(own, BILL)
    ran = own.ok("costs", "--focus", "out.csv")
    assert ran.err.startswith("3 costs in out.csv; ")
    with (own.folder / "out.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(one["ResourceId"], one["BilledCost"], one["BillingCurrency"], one["x_Owner"]) for one in rows] == [
        ("shop/_idle", "5.05", "USD", ""),
        ("shop/revenue", "1.1", "USD", "growth"),
        ("shop/revenue", "0.2", "EUR", "growth"),
    ]
    assert rows[1]["BillingPeriodEnd"] == "2026-02-01T00:00:00Z"
    again = own.ok("bill", "import", "out.csv", "--name", "again", "--dry-run", "--json").json()
    assert {(one["asset"], one["amount"], one["currency"]) for one in again} == {
        ("shop/_idle", "5.05", "USD"),
        ("shop/revenue", "1.1", "USD"),
        ("shop/revenue", "0.2", "EUR"),
    }


def test_a_service_is_collected_as_everfresh_toml_says(own: Shop) -> None:
    billing = Billing()
    said = ("bill", "collect", "warehouse", "--from", "2026-01-01", "--to", "2026-01-02", "--json")

    async def collected() -> Ran:
        async with billing_service(billing):
            (own.folder / "everfresh.toml").write_text(
                f'[bills.warehouse]\nservice = "snowflake"\nurl = "{billing.url}"\ntoken_env = "WAREHOUSE_TOKEN"\n'
                'price = "3"\ncurrency = "USD"\nuntagged = "proportionally"\n'
            )
            return await asyncio.to_thread(own.ok, *said, WAREHOUSE_TOKEN=TOKEN)

    told = asyncio.run(collected()).json()
    assert sorted((one["asset"], one["period"], one["amount"], one["method"]) for one in told) == [
        ("shop/_idle", "2026-01-02", "0.375", "apportioned"),
        ("shop/revenue", "2026-01-01", "0.75", "measured"),
        ("shop/revenue", "2026-01-01", "4.5", "apportioned"),
    ]
    own.run("dev", "shop.py", "--until-idle")
    assert amounts(own)["shop/revenue",] == {"USD": 5.25}


def test_what_cant_be_meant_is_told(own: Shop) -> None:
    for said, why in (
        (("bill", "collect", "nowhere"), "no [bills.nowhere] in everfresh.toml"),
        (("bill", "import", "none.csv"), "none.csv can't be read"),
        (("costs", "--period", "2026-13"), "--period is day, week, month, year, or one of them"),
        (("costs", "--period", "fortnight"), "not 'fortnight'"),
        (("costs", "--focus", "no/such/folder.csv"), "can't be written"),
    ):
        ran = own.run(*said)
        assert ran.code != 0
        assert why in ran.err
        assert "Traceback" not in ran.err


def test_a_token_that_is_missing_is_told_by_its_setting(own: Shop, tmp_path: Path) -> None:
    toml = '[bills.bq]\nservice = "bigquery"\nproject = "p"\ntoken_env = "BQ_TOKEN"\n'
    (tmp_path / "everfresh.toml").write_text(toml)
    ran = own.run("bill", "collect", "bq")
    assert "setting 'bills.bq.token' is missing; set BQ_TOKEN in the environment" in ran.err
