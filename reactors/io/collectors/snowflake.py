"""Snowflake: the credits that queries used, by their tag, and what a warehouse idled.

By the SQL API, from QUERY_ATTRIBUTION_HISTORY (up to 8 hours late) and WAREHOUSE_METERING_HISTORY. Sources:
https://docs.snowflake.com/en/developer-guide/sql-api/reference,
https://docs.snowflake.com/en/sql-reference/account-usage/query_attribution_history
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reactors.collecting import Line
from reactors.io.collectors.calling import Json, Service
from reactors.io.collectors.reading import NO_PRICE, Price, as_documented, day_after, number, rows_by_name
from streams.costs import tagged

RESOURCE, UNIT = "snowflake.credits", "credits"
PATH = "/api/v2/statements"
_RUNNING = frozenset(("333333", "333334"))
"""codes of an answer that says: not yet"""

STATEMENT = """
SELECT TO_CHAR(CONVERT_TIMEZONE('UTC', START_TIME)::DATE, 'YYYY-MM-DD') AS DAY, QUERY_TAG AS TAG,
       SUM(CREDITS_ATTRIBUTED_COMPUTE) + SUM(ZEROIFNULL(CREDITS_USED_QUERY_ACCELERATION)) AS CREDITS
FROM SNOWFLAKE.ACCOUNT_USAGE.QUERY_ATTRIBUTION_HISTORY
WHERE CONVERT_TIMEZONE('UTC', START_TIME)::DATE >= TO_DATE(?) AND CONVERT_TIMEZONE('UTC', START_TIME)::DATE < TO_DATE(?)
GROUP BY 1, 2
UNION ALL
SELECT TO_CHAR(CONVERT_TIMEZONE('UTC', START_TIME)::DATE, 'YYYY-MM-DD'), NULL,
       SUM(CREDITS_USED_COMPUTE) - SUM(ZEROIFNULL(CREDITS_ATTRIBUTED_COMPUTE_QUERIES))
FROM SNOWFLAKE.ACCOUNT_USAGE.WAREHOUSE_METERING_HISTORY
WHERE CONVERT_TIMEZONE('UTC', START_TIME)::DATE >= TO_DATE(?) AND CONVERT_TIMEZONE('UTC', START_TIME)::DATE < TO_DATE(?)
  AND WAREHOUSE_ID > 0
GROUP BY 1
ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Snowflake:
    """One account. `warehouse` and `role` run the question; the token is an OAuth or a programmatic access token."""

    service: Service
    price: Price = NO_PRICE
    warehouse: str = ""
    role: str = ""

    async def lines(self, first: str, last: str) -> Sequence[Line]:
        """See Collector."""
        async with self.service:
            with as_documented("Snowflake"):
                answer = await self._answer(first, last)
                names = [one["name"] for one in answer["resultSetMetaData"]["rowType"]]
                rows = list(answer["data"])
                for partition in range(1, len(answer["resultSetMetaData"]["partitionInfo"])):
                    path = f"{PATH}/{answer['statementHandle']}"
                    rows += (await self.service.get(path, {"partition": f"{partition}"}))["data"]
                return [self._line(row) for row in rows_by_name(names, rows)]

    async def _answer(self, first: str, last: str) -> Json:
        days = (first, day_after(last)) * 2
        bindings = {f"{place}": {"type": "TEXT", "value": day} for place, day in enumerate(days, 1)}
        body: Json = {"statement": STATEMENT, "bindings": bindings, "timeout": 600}
        body |= {name: value for name, value in (("warehouse", self.warehouse), ("role", self.role)) if value}
        answer = await self.service.post(PATH, body)
        while answer.get("code") in _RUNNING:
            await self.service.pause()
            answer = await self.service.get(f"{PATH}/{answer['statementHandle']}")
        return answer

    def _line(self, row: Any) -> Line:
        credits_ = number(row["credits"])
        money, tag = self.price.of(credits_), tagged(row["tag"])
        return Line(row["day"], RESOURCE, credits_, UNIT, money, self.price.currency, tag)
