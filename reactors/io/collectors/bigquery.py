"""BigQuery: what jobs were billed for, by the tag in the first lines of their SQL or in a label.

By jobs.list, which leaves out the children of scripts: their parent is billed for them. Source:
https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/list
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from reactors.collecting import Line
from reactors.io.collectors.calling import Service
from reactors.io.collectors.reading import NO_PRICE, Price, as_documented, day_after, day_of, milliseconds_at, number
from streams.costs import tagged

RESOURCE, UNIT = "bigquery.billed", "TiB"
TIB = Decimal(2**40)
PAGE = "1000"


@dataclass(frozen=True, slots=True)
class BigQuery:
    """One project, of which all users' jobs are read: that takes bigquery.jobs.listAll. The price is for a TiB."""

    service: Service
    project: str
    price: Price = NO_PRICE

    async def lines(self, first: str, last: str) -> Sequence[Line]:
        """See Collector. A job counts on the day on which it was created."""
        query = {
            "allUsers": "true",
            "projection": "full",
            "stateFilter": "done",
            "maxResults": PAGE,
            "minCreationTime": f"{milliseconds_at(first)}",
            "maxCreationTime": f"{milliseconds_at(day_after(last)) - 1}",
        }
        found: list[Line] = []
        async with self.service:
            with as_documented("BigQuery"):
                while True:
                    answer = await self.service.get(f"/bigquery/v2/projects/{self.project}/jobs", query)
                    found += [self._line(job) for job in answer.get("jobs", ()) if _is_billed(job)]
                    if not answer.get("nextPageToken"):
                        return found
                    query["pageToken"] = answer["nextPageToken"]

    def _line(self, job: Mapping[str, Any]) -> Line:
        statistics = job["statistics"]
        size = number(statistics["query"]["totalBytesBilled"]) / TIB
        text = job.get("configuration", {}).get("query", {}).get("query", "")
        labels = " ".join(job.get("configuration", {}).get("labels", {}).values())
        tag = tagged(text) or tagged(labels)
        return Line(
            day_of(statistics["creationTime"]), RESOURCE, size, UNIT, self.price.of(size), self.price.currency, tag
        )


def _is_billed(job: Mapping[str, Any]) -> bool:
    return bool(number(job.get("statistics", {}).get("query", {}).get("totalBytesBilled")))
