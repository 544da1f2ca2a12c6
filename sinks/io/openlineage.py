"""An OpenLineage server as a destination: Marquez, DataHub, another everfresh's gateway."""

from dataclasses import dataclass, field

import orjson

from sinks.answers import judge
from sinks.io.attempts import Manner
from sinks.io.calling import Caller
from sinks.io.delivery import Route
from sinks.openlineage import PATH, TOLD, lineage_of
from sinks.ports import Refused
from sinks.retries import Retries
from streams.cloudevents import Envelope
from streams.errors import BadEvent
from streams.io.clock import wall_clock_ms
from streams.topics import Topics

RETRIES = Retries(patience_ms=86_400_000, longest_ms=60_000)


@dataclass(frozen=True, slots=True)
class Catalog:
    """One server: where, and as what it knows us."""

    name: str
    url: str = field(repr=False)
    namespace: str = "everfresh"
    path: str = PATH
    token: str = field(default="", repr=False)
    allow_private: bool = False
    try_ms: int = 15_000

    def route(self, topics: Topics) -> Route:
        """A new server isn't told what is long over: it begins with what comes."""
        names = tuple(sorted({topics.output(kind).name for kind in TOLD}))
        return Route(f"openlineage-{self.name}", names, "latest", Manner(RETRIES, try_ms=self.try_ms))


class OpenLineage:
    """Posts what an output becomes, event by event. A repeat has the same run ids: servers take it for the same run."""

    def __init__(self, catalog: Catalog) -> None:
        self._caller = Caller(catalog.url, f"openlineage.{catalog.name}", catalog.allow_private)
        self._catalog = catalog

    async def deliver(self, envelope: Envelope) -> None:
        try:
            told = lineage_of(envelope, self._catalog.namespace)
        except BadEvent as error:
            raise Refused(str(error)) from None
        headers = {"content-type": "application/json"}
        if self._catalog.token:
            headers["authorization"] = f"Bearer {self._catalog.token}"
        for one in told:
            answer = await self._caller.post(orjson.dumps(one), headers, self._catalog.path)
            judge(answer.status, answer.retry_after, wall_clock_ms())

    async def close(self) -> None:
        await self._caller.close()
