"""Databricks: what was used, at list prices, by a custom tag of whatever used it.

By the statements API, from system.billing.usage and system.billing.list_prices; what was retracted is there with a
quantity below zero, so that sums are right. Sources:
https://docs.databricks.com/aws/en/admin/system-tables/billing,
https://docs.databricks.com/api/workspace/statementexecution
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from reactors.collecting import Line
from reactors.io.collectors.calling import Json, Service
from reactors.io.collectors.reading import as_documented, day_after, number, rows_by_name
from streams.costs import tagged
from streams.errors import NotCollected

RESOURCE = "databricks.usage"
PATH = "/api/2.0/sql/statements"

STATEMENT = """
SELECT CAST(u.usage_date AS STRING) AS day, to_json(u.custom_tags) AS tags, u.usage_unit AS unit,
       SUM(u.usage_quantity) AS quantity, SUM(u.usage_quantity * p.pricing.default) AS amount,
       p.currency_code AS currency
FROM system.billing.usage u
LEFT JOIN system.billing.list_prices p
  ON u.cloud = p.cloud AND u.sku_name = p.sku_name AND u.usage_unit = p.usage_unit
  AND u.usage_start_time >= p.price_start_time AND (p.price_end_time IS NULL OR u.usage_start_time < p.price_end_time)
WHERE u.usage_date >= :first AND u.usage_date < :after
GROUP BY ALL
ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class Databricks:
    """One account, asked through a workspace's SQL warehouse (by its id)."""

    service: Service
    warehouse: str

    async def lines(self, first: str, last: str) -> Sequence[Line]:
        """See Collector. The days are those that Databricks gives: `usage_date`."""
        async with self.service:
            with as_documented("Databricks"):
                answer = await self._answer(first, last)
                names = [one["name"] for one in answer["manifest"]["schema"]["columns"]]
                rows: list[list[Any]] = []
                chunk = answer.get("result", {})
                while True:
                    rows += chunk.get("data_array") or []
                    following = chunk.get("next_chunk_index")
                    if following is None:
                        return [_line(row) for row in rows_by_name(names, rows)]
                    chunk = await self.service.get(f"{PATH}/{answer['statement_id']}/result/chunks/{following}")

    async def _answer(self, first: str, last: str) -> Json:
        days = (("first", first), ("after", day_after(last)))
        body = {
            "statement": STATEMENT,
            "warehouse_id": self.warehouse,
            "parameters": [{"name": name, "value": day, "type": "DATE"} for name, day in days],
            "wait_timeout": "30s",
            "format": "JSON_ARRAY",
            "disposition": "INLINE",
        }
        answer = await self.service.post(PATH, body)
        while answer["status"]["state"] in ("PENDING", "RUNNING"):
            await self.service.pause()
            answer = await self.service.get(f"{PATH}/{answer['statement_id']}")
        if answer["status"]["state"] != "SUCCEEDED":
            error = answer["status"].get("error", {}).get("message", "")
            raise NotCollected(f"Databricks says {answer['status']['state']}, so nothing was billed: {error}")
        return answer


def _line(row: Any) -> Line:
    tags = orjson.loads(row["tags"]) if row["tags"] else {}
    tag = next((found for value in tags.values() if (found := tagged(value)) is not None), None)
    currency = row["currency"]
    money: Decimal | None = None if currency is None else number(row["amount"])
    return Line(row["day"], RESOURCE, number(row["quantity"]), row["unit"], money, currency, tag)
