"""What a scrape of Prometheus shows, over HTTP, of events that came through a log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain

from sinks.io.board_feed import BoardFeed, NotYet
from sinks.io.prometheus import Pages, PagesServer
from sinks.metrics import Board
from sinks.series import Family, Histogram
from streams.cloudevents import HEADERS, Envelope, encode
from streams.errors import SettingError
from streams.io.urls import Log
from streams.ports import Record
from streams.topics import Topics
from tests.conformance.logs import Place, everywhere
from tests.conformance.sinks_stage import Moody, until
from tests.core.sinks_samples import EIGHT, event
from tests.patience import PATIENCE_SECONDS

in_memory = pytest.mark.parametrize("kind", ["memory"])

AGES = {("everfresh_metrics_read_timestamp_seconds",): 0.0}

Series = dict[tuple[str, ...], float]
"""(name, label value, …) → value"""


@dataclass
class Scene:
    """A log, a board fed from it, and its page; the clock is the test's."""

    log: Log
    topics: Topics
    board: Board = field(default_factory=Board)
    now_ms: int = EIGHT

    def __post_init__(self) -> None:
        self.moody = Moody(self.log.log)  # what the feed gets

    @asynccontextmanager
    async def served(self, look_back: int = 100) -> AsyncIterator[tuple[BoardFeed, str]]:
        """The feed, once it is whole, and the server's URL."""
        feed, stop = BoardFeed(self.board, self.moody, self.topics, look_back), asyncio.Event()
        server = PagesServer(Pages([feed.families], {"metrics": feed.trouble}, lambda: self.now_ms))
        task = asyncio.create_task(feed.run(stop))
        try:
            url = f"http://127.0.0.1:{await server.start(port=0)}"
            await until(lambda: feed.trouble() is None)
            yield feed, url
        finally:
            stop.set()
            await asyncio.gather(task, return_exceptions=True)
            await server.close()

    async def send(self, *events: Envelope) -> None:
        await self.log.log.append([self._record(one) for one in events])

    async def resolve_and_compact(self, fingerprint: bytes) -> None:
        """The alert is over, and by now the topic doesn't even hold its tombstone."""
        name = self.topics.alert_state.name
        [stamp] = await self.log.log.append([Record(name, None, fingerprint)])
        await self.log.trim(name, stamp.partition, stamp.offset + 1)

    def _record(self, one: Envelope) -> Record:
        alert = one["type"].startswith("everfresh.alert.")
        topic = self.topics.alert_state if alert else self.topics.output(one["type"])
        key = one["data"]["fingerprint"] if alert else one["subject"]
        return Record(topic.name, encode(one), key.encode(), HEADERS)


@pytest.fixture
async def scene(place: Place, opened: Log) -> Scene:
    await opened.admin.create(place.topics.of("shop"))
    return Scene(opened, place.topics)


async def fetched(url: str, accept: str = "") -> tuple[int, str, str]:
    async with aiohttp.ClientSession() as client, client.get(url, headers={"Accept": accept}) as answer:
        return answer.status, answer.headers["Content-Type"], await answer.text()


async def scraped(url: str) -> Series:
    status, _, text = await fetched(f"{url}/metrics")
    assert status == 200, text
    return {(one.name, *one.labels.values()): one.value for family in plain(text) for one in family.samples}


async def shows(url: str, **wanted: float) -> Series:
    """Scrape until `name__label__label=value` holds; labels in the order of their names."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = await scraped(url)
            if all(found.get(tuple(name.split("__"))) == value for name, value in wanted.items()):
                return found
            await asyncio.sleep(0.02)


STALENESS = ("everfresh_asset_staleness_seconds", "shop/revenue")


@everywhere
async def test_staleness_grows_at_the_scrape_although_nothing_is_consumed(scene: Scene) -> None:
    await scene.send(event("freshness.changed"))
    async with scene.served() as (_, url):
        assert (await scraped(url))[STALENESS] == 0
        scene.now_ms += 90_000
        found = await scraped(url)
        assert found[STALENESS] == 90
        assert found["everfresh_asset_due_timestamp_seconds", "shop/revenue"] == (EIGHT + 240_000) / 1_000


@everywhere
async def test_a_fresh_start_knows_what_stands_in_the_compacted_topics(scene: Scene) -> None:
    await scene.send(*(event("freshness.changed", subject=f"shop/{n}") for n in range(50)))
    await scene.send(event("alert.opened"), event("alert.opened", fingerprint="f2"))
    await scene.log.log.append(
        [Record(scene.topics.alert_state.name, None, b"f2"), Record(scene.topics.freshness.name, None, b"shop/7")]
    )
    async with scene.served() as (_, url):
        found = await scraped(url)
    assert sum(name[0] == STALENESS[0] for name in found) == 49
    assert found["everfresh_alerts_firing", "error"] == 1


@everywhere
async def test_counters_count_from_now_on_and_the_last_success_is_looked_up(scene: Scene) -> None:
    await scene.send(event("freshness.changed"), event("asset.materialized", 1), event("check.evaluated", 1))
    async with scene.served() as (_, url):
        found = await scraped(url)
        assert found["everfresh_runs_total", "materialized"] == 0
        assert found["everfresh_asset_last_success_timestamp_seconds", "shop/revenue"] == EIGHT / 1_000
        again = event("asset.materialized", 2, finished_at=EIGHT + 60_000)
        await scene.send(event("asset.materialized", 1), again, again, event("cost.incurred", 2))
        await scene.send(event("check.evaluated", 2))
        found = await shows(url, everfresh_checks_total__fail__error=1, everfresh_runs_total__materialized=1)
        assert found["everfresh_asset_last_success_timestamp_seconds", "shop/revenue"] == EIGHT / 1_000 + 60
        assert found["everfresh_run_duration_seconds_count", "shop"] == 1
        await shows(url, everfresh_cost_total__measured__credits__credits=0.4)


@in_memory
async def test_no_more_is_looked_back_at_than_was_said(scene: Scene) -> None:
    await scene.send(event("freshness.changed"))
    await scene.send(*(event("asset.materialized", n, finished_at=EIGHT + n) for n in range(9)))
    await scene.send(*(event("run.ended", n) for n in range(9, 12)))
    async with scene.served(look_back=3) as (_, url):
        assert ("everfresh_asset_last_success_timestamp_seconds", "shop/revenue") not in await scraped(url)


@everywhere
async def test_two_processes_each_show_everything(scene: Scene, place: Place) -> None:
    other = Scene(await place.open(), scene.topics)
    await scene.send(*(event("freshness.changed", subject=f"shop/{n}") for n in range(20)))
    async with scene.served() as (_, url), other.served() as (_, url_too):
        await scene.send(*(event("asset.materialized", 1, f"shop/{n}") for n in range(20)))
        found = await shows(url, everfresh_runs_total__materialized=20)
        assert await shows(url_too, everfresh_runs_total__materialized=20) | AGES == found | AGES


@in_memory
async def test_both_text_formats_parse(scene: Scene) -> None:
    await scene.send(event("freshness.changed", subject='shop/"odd\\name\n'), event("alert.opened"))
    async with scene.served() as (_, url):
        await scene.send(event("asset.materialized", 1))
        await shows(url, everfresh_runs_total__materialized=1)
        _, kind, text = await fetched(f"{url}/metrics")
        assert kind.startswith("text/plain; version=0.0.4")
        assert [family.type for family in plain(text) if family.name == "everfresh_runs"] == ["counter"]
        _, kind, text = await fetched(f"{url}/metrics", "application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    families = {family.name: family for family in open_metrics(text)}  # type: ignore[no-untyped-call]
    assert families["everfresh_run_duration_seconds"].type == "histogram"
    assert families["everfresh_runs"].type == "counter"
    assert families["everfresh_asset_staleness_seconds"].samples[0].labels == {"asset": 'shop/"odd\\name\n'}
    assert not {name for name in families if not name.startswith("everfresh_")}


@in_memory
async def test_the_names_are_those_of_the_design(scene: Scene) -> None:
    await scene.send(event("freshness.changed"), event("alert.opened"))
    async with scene.served() as (_, url):
        await scene.send(event("asset.materialized", 1), event("cost.incurred", 1), event("check.evaluated", 1))
        await shows(url, everfresh_runs_total__materialized=1, everfresh_checks_total__fail__error=1)
        scene.board.delivered("slack", "delivered")
        _, _, text = await fetched(f"{url}/metrics")
    labels = {one.name: set(one.labels) for family in plain(text) for one in family.samples}
    assert {
        "everfresh_asset_staleness_seconds": {"asset"},
        "everfresh_asset_promise_seconds": {"asset"},
        "everfresh_asset_due_timestamp_seconds": {"asset"},
        "everfresh_asset_last_success_timestamp_seconds": {"asset"},
        "everfresh_runs_total": {"outcome"},
        "everfresh_run_duration_seconds_bucket": {"domain", "le"},
        "everfresh_checks_total": {"outcome", "severity"},
        "everfresh_cost_total": {"resource", "unit", "method"},
        "everfresh_alerts_firing": {"severity"},
        "everfresh_deliveries_total": {"sink", "outcome"},
    }.items() <= labels.items()


@in_memory
async def test_what_cant_be_read_is_counted_and_left_out(scene: Scene) -> None:
    await scene.log.log.append([Record(scene.topics.freshness.name, b"poison", b"shop/a")])
    await scene.send(event("freshness.changed"), event("alert.opened") | {"data": {"fingerprint": "f1"}})
    async with scene.served() as (_, url):
        found = await scraped(url)
    assert found["everfresh_unreadable_events_total",] == 2
    assert STALENESS in found


@in_memory
async def test_an_outage_of_the_log_leaves_the_picture_whole(scene: Scene) -> None:
    await scene.send(event("freshness.changed"), event("alert.opened"))
    async with scene.served() as (feed, url):
        scene.moody.away = True
        await until(lambda: feed.trouble() == "the broker is away")
        scene.now_ms += 30_000
        assert (await scraped(url))[STALENESS] == 30  # by what was known last
        status, _, text = await fetched(f"{url}/health")
        assert (status, "the broker is away" in text) == (503, True)
        await scene.send(event("asset.materialized", 5))
        await scene.resolve_and_compact(b"f1")
        scene.moody.away = False
        await until(lambda: feed.trouble() is None)
        found = await shows(url, everfresh_runs_total__materialized=1)  # what came meanwhile counts
        assert found["everfresh_alerts_firing", "error"] == 0


@in_memory
async def test_until_every_state_was_read_a_scrape_fails_rather_than_resolve_what_fires(scene: Scene) -> None:
    feed = BoardFeed(scene.board, scene.log.log, scene.topics)
    server = PagesServer(Pages([feed.families], {"metrics": feed.trouble}))
    url = f"http://127.0.0.1:{await server.start(port=0)}"
    for page in ("metrics", "health"):
        status, _, text = await fetched(f"{url}/{page}")
        assert (status, "the topics are still being read" in text) == (503, True)
    with pytest.raises(NotYet):
        feed.families(0)
    await server.close()
    await server.close()


@in_memory
async def test_a_reactors_own_metrics_stand_beside_the_boards(scene: Scene) -> None:
    decisions = Histogram("everfresh_decision_seconds", "From an entry to its outputs.", ("domain",), (0.001, 0.01), 10)
    decisions.observe(("shop",), 0.004)

    def hook(now_ms: int) -> list[Family]:
        lag = Family("everfresh_journal_lag_seconds", "gauge", "How old.", ("domain",), [(("shop",), now_ms - EIGHT)])
        return [decisions.family(), lag]

    server = PagesServer(Pages([scene.board.families, hook], {}, lambda: EIGHT + 3))
    found = await scraped(f"http://127.0.0.1:{await server.start(port=0)}")
    await server.close()
    assert found["everfresh_decision_seconds_bucket", "shop", "0.01"] == 1
    assert found["everfresh_journal_lag_seconds", "shop"] == 3
    assert found["everfresh_runs_total", "lost"] == 0


@in_memory
async def test_it_listens_on_the_loopback_address_alone_and_a_taken_port_is_one_sentence(scene: Scene) -> None:
    one, other = PagesServer(Pages([], {})), PagesServer(Pages([], {}))
    port = await one.start(port=0)
    assert one.port == port
    assert one._runner is not None
    assert [address[0] for address in one._runner.addresses] == ["127.0.0.1"]
    with pytest.raises(SettingError, match=rf"can't be served on 127\.0\.0\.1:{port}: .*metrics_port"):
        await other.start(port=port)
    assert (await fetched(f"http://127.0.0.1:{port}/health"))[0] == 200
    assert (await fetched(f"http://127.0.0.1:{port}/"))[0] == 404
    await one.close()
