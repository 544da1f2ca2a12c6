"""Outputs as OpenLineage: each event fits the published schema, and says the same whoever makes it."""

from typing import Any

import pytest

from sinks.openlineage import FACET, lineage_of
from tests.core.openlineage_models import read
from tests.core.sinks_samples import TYPES, event

PINS = {"shop/orders": {"version": "v41", "cut": {"shop/orders": 41}}, "shop/rates": {"version": None, "cut": {}}}


def told(kind: str, **fields: Any) -> list[dict[str, Any]]:
    return lineage_of(event(kind, **fields), "everfresh")


@pytest.mark.parametrize("kind", TYPES)
def test_whatever_is_told_fits_the_published_schema(kind: str) -> None:
    name = kind.removeprefix("everfresh.").removesuffix(".v1")
    for one in told(name):
        read(one)


@pytest.mark.parametrize(
    "broken",
    [
        {"eventTime": "yesterday"},
        {"eventType": "DONE"},
        {"run": {"runId": "7-shop/revenue"}},
        {"job": {"namespace": "everfresh"}},
        {"colour": "red"},
        {"outputs": [{"namespace": "a", "name": "b", "facets": {"version": {"datasetVersion": "v"}}}]},
        {"outputs": [{"namespace": "a", "name": 7}]},
    ],
)
def test_the_schema_refuses_what_is_none(broken: dict[str, Any]) -> None:
    with pytest.raises((AssertionError, ValueError, TypeError)):
        read(told("asset.materialized")[1] | broken)


def test_a_version_is_a_run_that_starts_and_completes_with_what_it_read_and_wrote() -> None:
    start, complete = told("asset.materialized", inputs=PINS, uri="file:///data/revenue/7.parquet", fingerprint="f7")
    assert [start["eventType"], complete["eventType"]] == ["START", "COMPLETE"]
    assert start["eventTime"] < complete["eventTime"]
    assert start["run"] == complete["run"]
    assert [one["name"] for one in complete["inputs"]] == ["shop/orders", "shop/rates"]
    assert complete["inputs"][0]["facets"]["version"]["datasetVersion"] == "v41"
    [output] = complete["outputs"]
    assert output["facets"]["version"]["datasetVersion"] == "v7"
    assert output["facets"]["dataSource"]["uri"] == "file:///data/revenue/7.parquet"
    assert output["facets"][FACET]["cut"] == {"shop/orders": 43}
    for one in (start, complete):
        read(one)


@pytest.mark.parametrize(
    ("kind", "fields", "last"),
    [
        ("asset.verified", {}, "COMPLETE"),
        ("asset.quarantined", {}, "FAIL"),
        ("run.ended", {"outcome": "failed"}, "FAIL"),
        ("run.ended", {"outcome": "lost"}, "FAIL"),
        ("run.ended", {"outcome": "cancelled"}, "ABORT"),
        ("run.ended", {"outcome": "rejected"}, "ABORT"),
        ("check.evaluated", {"outcome": "pass"}, "COMPLETE"),
        ("check.evaluated", {"outcome": "error"}, "FAIL"),
        ("check.evaluated", {"outcome": "skip"}, "ABORT"),
    ],
)
def test_every_end_has_its_word(kind: str, fields: dict[str, Any], last: str) -> None:
    found = told(kind, **fields)
    assert [one["eventType"] for one in found] == ["START", last]
    assert len({one["run"]["runId"] for one in found}) == 1
    if last != "COMPLETE":
        assert found[-1]["run"]["facets"]["errorMessage"]["message"]
    for one in found:
        read(one)


def test_what_is_held_back_is_never_told_as_a_version() -> None:
    assert all("facets" not in output for one in told("asset.quarantined") for output in one["outputs"])


@pytest.mark.parametrize(("kind", "fields"), [("asset.verified", {"run": None}), ("asset.released", {})])
def test_what_needs_no_run_is_a_dataset_event(kind: str, fields: dict[str, Any]) -> None:
    [one] = told(kind, **fields)
    assert one["dataset"]["facets"]["version"]["datasetVersion"] == "v7"
    read(one)


def test_a_check_is_an_assertion_about_the_version_that_it_read() -> None:
    _, ended = told("check.evaluated", n_tested=336_776, duration_seconds=1.5)
    [asked] = ended["inputs"]
    [assertion] = asked["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert (assertion["assertion"], assertion["success"], assertion["actual"]) == ("no_negative_days", False, "3")
    assert asked["facets"]["version"]["datasetVersion"] == "v7"
    assert asked["facets"]["dataQualityMetrics"]["rowCount"] == 336_776
    read(ended)


def test_the_same_output_tells_the_same_and_each_attempt_is_a_run_of_its_own() -> None:
    assert told("asset.materialized") == told("asset.materialized")
    runs = {told("run.ended", attempt=n)[0]["run"]["runId"] for n in (1, 2, 3)}
    assert len(runs) == 3


def test_alerts_and_costs_have_no_word_in_lineage() -> None:
    assert told("alert.opened") == told("cost.incurred") == told("freshness.changed") == []
