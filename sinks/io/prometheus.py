"""The page that a Prometheus scrape reads, and a health page beside it."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from sinks.io.board_feed import NotYet
from sinks.series import Family, Spread
from streams.errors import SettingError
from streams.io.clock import wall_clock_ms

logger = logging.getLogger("everfresh.sinks")

HOST, PORT = "127.0.0.1", 9464

Source = Callable[[int], Iterable[Family]]
"""now, in milliseconds since 1970 UTC → metrics; raises NotYet while it can't say"""

Trouble = Callable[[], str | None]
"""why something doesn't work; None while it does"""


class Pages:
    """`/metrics` and `/health`, to be served here or among another application's routes.

    Each source is asked at each scrape: a board's feed, and whatever else a process wants shown (a reactor's own lag
    and decision times). `watched` is what `/health` tells about, by name, and `outside` what it tells of others: that
    one of those fails doesn't make this process unhealthy.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        watched: Mapping[str, Trouble],
        clock: Callable[[], int] = wall_clock_ms,
        outside: Mapping[str, Trouble] | None = None,
    ) -> None:
        self._watched, self._outside = watched, outside or {}
        self._registry = CollectorRegistry()  # ours alone: the default one would show other libraries' metrics
        self._registry.register(_Scraped(sources, clock))

    def routes(self) -> list[web.RouteDef]:
        """For `app.add_routes`."""
        return [web.get("/metrics", self._metrics), web.get("/health", self._health)]

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        try:
            body = encode(self._registry)
        except NotYet as error:
            # Half a picture would resolve what fires; a failed scrape only leaves a hole.
            return web.Response(status=503, text=f"{error}\n")
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _health(self, _request: web.Request) -> web.Response:
        troubles = {name: trouble for name, ask in self._watched.items() if (trouble := ask()) is not None}
        parts = {name: troubles.get(name, "ok") for name in self._watched}
        for name, ask in self._outside.items():
            if (failing := ask()) is not None and name not in troubles:
                parts[name] = f"waiting for its destination: {failing}"
        body = {"status": "trouble" if troubles else "ok", "parts": parts}
        return web.json_response(body, status=503 if troubles else 200)


class PagesServer:
    """Serves pages on an address of their own. Port 0 takes a free one; `port` says which."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, host: str = HOST, port: int = PORT) -> int:
        """Listen, and return the port. Raises SettingError if the address can't be had."""
        app = web.Application()
        app.add_routes(self._pages.routes())
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            await runner.cleanup()
            raise SettingError(
                f"metrics can't be served on {host}:{port}: {error.strerror or error}; "
                "set another metrics_port, or 0 for any that is free"
            ) from error
        self._runner = runner
        self.port = int(runner.addresses[0][1])
        return self.port

    async def close(self) -> None:
        """Stop listening; idempotent."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()


class _Scraped(Collector):
    """Works everything out when it is asked."""

    def __init__(self, sources: Sequence[Source], clock: Callable[[], int]) -> None:
        self._sources, self._clock = sources, clock

    def describe(self) -> Iterable[Metric]:
        return []  # or the registry would ask for the metrics themselves, before there are any

    def collect(self) -> Iterator[Metric]:
        now_ms = self._clock()
        for source in self._sources:
            for family in source(now_ms):
                yield _metric(family)


def _metric(family: Family) -> Metric:
    if family.kind == "histogram":
        histogram = HistogramMetricFamily(family.name, family.about, labels=family.labels)
        for labels, value in family.rows:
            if isinstance(value, Spread):
                histogram.add_metric(labels, buckets=list(value.buckets), sum_value=value.total)
        return histogram
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    metric = kind(family.name, family.about, labels=family.labels)
    for labels, value in family.rows:
        if not isinstance(value, Spread):
            metric.add_metric(labels, value)
    return metric
