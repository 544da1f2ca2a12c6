"""Costs in the columns of FOCUS 1.0, for whoever adds up the bills of a company. Pure but for the file.

Source: https://focus.finops.org/focus-specification/v1-0/. What it doesn't know has a name with `x_`, as it asks for.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TextIO

import orjson

from streams.costs import IDLE, query_tag

COLUMNS = (
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ResourceId",
    "ResourceName",
    "ServiceCategory",
    "ServiceName",
    "Tags",
    "x_CostId",
    "x_Method",
    "x_Owner",
    "x_Revision",
    "x_Status",
)

Cost = Mapping[str, Any]


def written(costs: Iterable[Cost], owners: Mapping[str, str], file: TextIO) -> int:
    """Write the costs that have an amount, a line each; returns how many there are. Each cost once, as it stands."""
    lines = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    lines.writeheader()
    count = 0
    for row in _rows(costs, owners):
        lines.writerow(row)
        count += 1
    return count


def _rows(costs: Iterable[Cost], owners: Mapping[str, str]) -> Iterator[dict[str, str]]:
    for cost in sorted(costs, key=lambda one: (one["period"], one["asset"], one["cost_id"])):
        if cost.get("amount") is not None:
            yield _row(cost, owners.get(cost["asset"], ""))


def _row(cost: Cost, owner: str) -> dict[str, str]:
    asset, service = cost["asset"], cost["resource"].partition(".")[0]
    money = f"{Decimal(str(cost['amount'])):f}"
    quantity = f"{Decimal(str(cost['quantity'])):f}"
    first = date.fromisoformat(cost["period"])
    month = first.replace(day=1)
    tag = query_tag(asset, cost["run"]) if cost.get("run") else asset
    return {
        **dict.fromkeys(("BilledCost", "ContractedCost", "EffectiveCost", "ListCost"), money),
        **dict.fromkeys(("ConsumedQuantity", "PricingQuantity"), quantity),
        **dict.fromkeys(("ConsumedUnit", "PricingUnit"), cost["unit"]),
        **dict.fromkeys(("InvoiceIssuerName", "ProviderName", "PublisherName", "ServiceName"), service),
        **dict.fromkeys(("BillingAccountId", "BillingAccountName"), asset.partition("/")[0]),
        "BillingCurrency": cost.get("currency") or "",
        "BillingPeriodStart": _instant(month),
        "BillingPeriodEnd": _instant((month + timedelta(days=31)).replace(day=1)),
        "ChargeCategory": "Usage",
        "ChargeDescription": f"{cost['resource']} of {asset}",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": _instant(first),
        "ChargePeriodEnd": _instant(first + timedelta(days=1)),
        "ResourceId": asset,
        "ResourceName": asset.partition("/")[2],
        "ServiceCategory": "Analytics",
        "Tags": "{}" if asset.endswith(f"/{IDLE}") else orjson.dumps({"everfresh": tag}).decode(),
        "x_CostId": cost["cost_id"],
        "x_Method": cost.get("method", "measured"),
        "x_Owner": owner,
        "x_Revision": f"{cost.get('revision', 1)}",
        "x_Status": cost.get("status", "estimated"),
    }


def _instant(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"
