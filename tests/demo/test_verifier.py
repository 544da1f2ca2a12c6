"""The demo's verifier finds what is planted: a changed cell, a lost change, a quarantine that leaked."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from examples.nycflights.verifier.__main__ import BLOCKED, quarantines
from examples.nycflights.verifier.promises import (
    economy,
    goes_back,
    longest_lag,
    lower_bound,
    one_run_per_change,
    stale_since,
)
from examples.nycflights.verifier.story import Publication, Story, read
from examples.nycflights.verifier.tables import difference

TABLE = pd.DataFrame({"origin": ["EWR", "JFK", "LGA"], "flights": [3, 1, 2], "delay": [0.5, None, 12.0]})


def derived(key: str, *deps: str, promise: int | None = None) -> dict[str, Any]:
    policy = {"kind": "within", "lag_ms": promise * 1_000} if promise is not None else {"kind": "on_demand"}
    return {"key": key, "kind": "derived", "deps": [{"asset": dep} for dep in deps], "policy": policy}


def story(*published: tuple[float, int], promise: int = 10) -> Story:
    """d/s changes at 0, 1, 2, … 29; d/a reads it, and was published at these moments with these cuts."""
    told = Story("d", {"d/s": {"key": "d/s", "kind": "source"}, "d/a": derived("d/a", "d/s", promise=promise)})
    told.commits["d/s"] = [float(second) for second in range(30)]
    told.news["d/s"] = [True] * 30
    for at, cut in published:
        said = {"asset": "d/a", "cut": {"d/s": cut, "code:d/a": 1}, "inputs": {}, "run": f"r{at}"}
        said |= {"started_at": "2013-01-01T00:00:00Z", "finished_at": "2013-01-01T00:00:02Z"}
        told.publications["d/a"].append(Publication(at, "asset.materialized", said))
    return told


def test_equal_tables_are_equal_in_any_order_of_rows() -> None:
    assert difference(TABLE.iloc[::-1], TABLE) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda table: table.assign(flights=[3, 1, 9]), "column 'flights'"),
        (lambda table: table.assign(delay=[0.5, 1.0, 12.0]), "column 'delay'"),
        (lambda table: table.assign(origin=["EWR", "JFK", "XXX"]), "column 'origin'"),
        (lambda table: table.iloc[:2], "2 rows instead of 3"),
        (lambda table: table[["flights", "origin", "delay"]], "columns"),
    ],
)
def test_a_changed_cell_row_or_column_is_found(change: Any, told: str) -> None:
    assert told in (difference(change(TABLE), TABLE) or "")


def test_a_lag_counts_from_the_oldest_change_that_is_left_out() -> None:
    kept = story((8, 8), (17, 17), (29.5, 30))
    assert stale_since(kept, kept.publications["d/a"][0]) == 8.0
    assert longest_lag(kept, "d/a") == 12.5
    assert longest_lag(story((8, 8), (17, 17), (26, 26), (31, 30)), "d/a") == 9.0


def test_an_asset_that_left_out_a_change_in_the_end_is_behind_without_end() -> None:
    assert longest_lag(story((8, 8), (29.5, 29)), "d/a") == float("inf")


def test_a_cut_that_goes_back_is_found() -> None:
    assert goes_back(story((8, 8), (17, 7), (29.5, 30)), "d/a")
    assert not goes_back(story((8, 8), (17, 17), (29.5, 30)), "d/a")


def test_the_lower_bound_is_what_a_perfect_plan_needs() -> None:
    kept = story((10, 10), (21, 21), (32, 30))
    assert lower_bound(kept, "d/a") == 3
    assert economy([kept]) == 1.0
    wasteful = story(*((float(second), second) for second in range(1, 31)))
    assert economy([wasteful]) == 10.0


def test_an_asset_that_no_promise_needs_has_no_bound() -> None:
    told = story((8, 8))
    told.assets["d/b"] = derived("d/b", "d/a")
    assert lower_bound(told, "d/b") is None


def test_a_run_for_each_change_counts_all_that_is_below_also_in_other_domains() -> None:
    one, other = story((8, 8)), Story("e", {"e/x": derived("e/x", "d/a")})
    assert one_run_per_change([one, other]) == 30 * 2


def quarantined(*alerts: str) -> Story:
    told = story((8, 8))
    told.assets[BLOCKED] = derived(BLOCKED, "d/s")
    told.outputs["asset.quarantined"].append({"asset": BLOCKED, "version": "bad"})
    for kind in alerts:
        told.outputs[f"alert.{kind}"].append({"rule": "asset.quarantined", "fingerprint": "f"})
    return told


def test_a_quarantine_that_was_told_and_kept_is_well() -> None:
    assert quarantines([quarantined("opened", "resolved")]) == []


def test_a_quarantine_that_is_missing_untold_or_leaks_is_found() -> None:
    missing = quarantined("opened", "resolved")
    missing.outputs["asset.quarantined"].clear()
    assert "not quarantined" in quarantines([missing])[0]
    assert "not opened and resolved" in quarantines([quarantined()])[0]
    assert "not opened and resolved" in quarantines([quarantined("opened")])[0]
    leaked = quarantined("opened", "resolved")
    leaked.publications["d/a"][0].said["inputs"] = {BLOCKED: {"version": "bad"}}
    assert quarantines([leaked]) == ["d/a was computed from a version in quarantine"]


def test_repeats_of_changes_deliveries_and_outputs_count_once(tmp_path: Path) -> None:
    def entry(offset: int, kind: str, said: dict[str, Any], name: str, subject: str = "d/s") -> dict[str, Any]:
        event = {"id": name, "source": "x", "type": f"everfresh.{kind}.v1", "subject": subject, "data": said}
        return {"topic": "everfresh.journal.v1.d", "offset": offset, "timestamp": offset * 1_000, "event": event}

    delivery = {"version": "v", "offset": 5}
    lines = [
        entry(0, "definitions.declared", {"assets": [derived("d/a", "d/s")]}, "deploy", "d"),
        entry(1, "asset.changed", {"version": "1"}, "one"),
        entry(2, "asset.changed", {"version": "1"}, "one"),
        entry(3, "asset.changed", {"version": "1"}, "equal"),
        entry(4, "asset.changed", {"version": "2"}, "two"),
        entry(5, "domain.delivered", delivery, "three", "e/x"),
        entry(6, "domain.delivered", delivery, "three", "e/x"),
        entry(7, "domain.delivered", {"version": "v", "offset": 6}, "four", "e/x"),
    ]
    output = {"topic": "everfresh.checks.v1", "event": {"id": "c", "type": "everfresh.check.evaluated.v1", "data": {}}}
    path = tmp_path / "d.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in [*lines, output, output]))
    told = read(path)
    assert told.commits == {"d/s": [1.0, 4.0], "e/x": [5.0, 7.0]}
    assert told.news["e/x"] == [True, False]
    assert len(told.outputs["check.evaluated"]) == 1
