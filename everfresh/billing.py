"""Takes a bill: reads its lines, says whose they are, and tells the domains what is new, each as an event."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from everfresh.bill_settings import BillSettings
from everfresh.reading import entries, now
from everfresh.site import Site, domains
from reactors.collecting import Bill, Known
from reactors.io.clock import SystemClock
from reactors.io.collectors.bigquery import BigQuery
from reactors.io.collectors.calling import Service
from reactors.io.collectors.databricks import Databricks
from reactors.io.collectors.reading import Price, days_from
from reactors.io.collectors.snowflake import Snowflake
from reactors.ports import Collector
from streams.cloudevents import HEADERS, decode, encode, envelope, event_id
from streams.errors import BadEvent, SettingError
from streams.events import CostIncurred, CostReported
from streams.io.urls import Log
from streams.ports import Record
from streams.topics import Topics

SOURCE = "everfresh/bill"
BATCH = 500
"""events that are appended at once"""


@dataclass(frozen=True, slots=True)
class Days:
    """The days (UTC) that are billed, both included."""

    first: str
    last: str


def collector_of(name: str, said: BillSettings) -> Collector:
    """What collects the bill `name`. Raises SettingError where its token is missing."""
    service = Service(said.address, said.secret(name))
    price = Price(said.price, said.currency)
    if said.service == "snowflake":
        return Snowflake(service, price, said.warehouse, said.role)
    return BigQuery(service, said.project, price) if said.service == "bigquery" else Databricks(service, said.warehouse)


async def bill_of(site: Site, name: str, said: BillSettings | None = None, bearer: str = "") -> Bill:
    """How a bill is taken here: over the assets that are declared now. Raises SettingError for who isn't there."""
    there = await domains(site)
    bearer = bearer or (said.bearer if said is not None else "") or (there[0] if len(there) == 1 else "")
    if bearer not in there:
        known = ", ".join(there)
        raise SettingError(f"say with `bearer` which domain bears what is nobody's of the bill {name!r}: {known}")
    assets: list[str] = []
    for domain in there:
        assets += (await now(site.log, site.settings.topics, domain)).graph.assets
    if said is None:
        return Bill(name, frozenset(assets), bearer)
    unknown = sorted(said.shares.keys() - set(assets))
    if unknown:
        raise SettingError(f"setting 'bills.{name}.shares' is wrong: nobody declares {unknown[0]!r}")
    return Bill(name, frozenset(assets), bearer, said.untagged, said.shares)


async def costs_to_tell(site: Site, bill: Bill, collector: Collector, days: Days) -> list[CostReported]:
    """What the domains don't know yet of these days. Raises NotCollected, LogUnavailable."""
    lines = await collector.lines(days.first, days.last)
    known = [one async for one in known_costs(site.log, site.settings.topics)]
    return bill.costs(lines, days_from(days.first, days.last), known)


async def tell(site: Site, costs: Sequence[CostReported]) -> None:
    """Append them to the topic of changes. What is told again under the same figures is known by its id."""
    records = [_record(one, site.settings.topics) for one in costs]
    for place in range(0, len(records), BATCH):
        await site.log.log.append(records[place : place + BATCH])


async def known_costs(log: Log, topics: Topics) -> AsyncIterator[Known]:
    """All costs that are kept, each revision of them."""
    topic = topics.costs.name
    for partition, (first, end) in (await log.log.bounds(topic)).items():
        async for entry in entries(log, topic, partition, first, end):
            try:
                event = decode(entry.value, entry.headers)
            except BadEvent:
                continue
            if event["type"] == CostIncurred.TYPE:
                said = CostIncurred.model_validate(event["data"])
                yield Known(*(getattr(said, name) for name in Known._fields))


def _record(cost: CostReported, topics: Topics) -> Record:
    name = event_id(cost.TYPE, cost.asset, cost.model_dump_json())
    event = envelope(cost, name, SOURCE, cost.asset, SystemClock().now_ms()) | {"partitionkey": cost.asset}
    return Record(topics.changes.name, encode(event), cost.asset.encode(), HEADERS)
