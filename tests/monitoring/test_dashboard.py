"""The shipped dashboard: each of its queries gives data, asked of a real Prometheus that scrapes a real everfresh."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from everfresh.monitoring import DASHBOARD, RULES, shipped, write
from tests.monitoring.scene import Scene, until
from tools.kafka.broker import free_port
from tools.prometheus import Prometheus

DESIGNED = (
    "everfresh_asset_staleness_seconds",
    "everfresh_asset_promise_seconds",
    "everfresh_asset_due_timestamp_seconds",
    "everfresh_asset_last_success_timestamp_seconds",
    "everfresh_runs_total",
    "everfresh_run_duration_seconds_bucket",
    "everfresh_checks_total",
    "everfresh_cost_total",
    "everfresh_alerts_firing",
    "everfresh_journal_lag_events",
    "everfresh_journal_lag_seconds",
    "everfresh_decision_seconds_bucket",
    "everfresh_deliveries_total",
)
"""what the design wants measured"""

SAID = {"$__rate_interval": "20s", "$__range": "60s", "$asset": ".*", "${asset}": ".*"}


def dashboard() -> Any:
    return orjson.loads(shipped()[DASHBOARD])


def queries() -> list[str]:
    found = [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", [])]
    for name, value in SAID.items():
        found = [one.replace(name, value) for one in found]
    return found


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """It has watched a shop in which every metric moved."""
    scene = Scene(tmp_path_factory.mktemp("shop"), free_port())
    scene.run("deploy", "shop.py")
    scene.start("dev", "dev", "shop.py", "--port", str(scene.port))
    with Prometheus([f"127.0.0.1:{scene.port}"]) as server:
        try:
            counted = [
                'increase(everfresh_runs_total{outcome="materialized"}[15s]) > 0',
                'increase(everfresh_checks_total{outcome="pass"}[15s]) > 0',
                'rate(everfresh_cost_total{resource="warehouse.credits"}[15s]) > 0',
                "increase(everfresh_run_duration_seconds_count[15s]) > 0",
                "increase(everfresh_decision_seconds_count[15s]) > 0",
                'everfresh_alerts_firing{severity="error"} > 0',
                'everfresh_asset_due_timestamp_seconds{asset="shop/report"}',
                'increase(everfresh_deliveries_total{sink="history-books",outcome="delivered"}[15s]) > 0',
            ]
            until(lambda: all(map(server.query, counted)), scene.said, scene.publish)
            yield server
        finally:
            scene.close()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", DESIGNED)
def test_what_the_design_wants_measured_is_there(prometheus: Prometheus, name: str) -> None:
    assert prometheus.query(name)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("query", queries())
def test_every_query_gives_data(prometheus: Prometheus, query: str) -> None:
    found = prometheus.query(query)
    assert found, query
    assert any(one["value"][1] != "NaN" for one in found), query


def test_a_sinks_first_dead_letter_will_show_as_an_increase(prometheus: Prometheus) -> None:
    [dead] = prometheus.query('everfresh_deliveries_total{sink="history-books",outcome="dead"}')
    assert dead["value"][1] == "0"


def test_the_variable_lists_the_assets(prometheus: Prometheus) -> None:
    [variable] = [one for one in dashboard()["templating"]["list"] if one["name"] == "asset"]
    assert variable["query"]["query"] == "label_values(everfresh_asset_staleness_seconds, asset)"
    found = prometheus.get("label/asset/values", **{"match[]": "everfresh_asset_staleness_seconds"})
    assert {"shop/revenue", "shop/report"} <= set(found)


def test_every_metric_of_the_design_is_on_the_dashboard_or_in_the_rules() -> None:
    told = "".join(shipped().values())
    assert [name for name in DESIGNED if name.removesuffix("_bucket") not in told] == []


def test_panels_have_a_datasource_a_description_and_a_place_of_their_own() -> None:
    panels = [one for one in dashboard()["panels"] if one["type"] != "row"]
    for panel in panels:
        assert panel["description"]
        assert panel["datasource"]["uid"] == "${datasource}"
    places = [tuple(panel["gridPos"].values())[:2] for panel in dashboard()["panels"]]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in dashboard()["panels"]}) == len(places)


def test_the_files_are_written_where_they_are_wanted(tmp_path: Path) -> None:
    assert {one.name for one in write(tmp_path / "deep" / "er")} == {RULES, DASHBOARD}
    with pytest.raises(OSError, match="File exists"):
        write(tmp_path / "deep" / "er" / RULES)
