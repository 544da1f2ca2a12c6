"""What the log sink says of each event."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.lines import clean, json_line, line
from tests.core.sinks_samples import TYPES, event

SAID = {
    "asset.materialized": "INFO    shop/revenue materialized v7 by run 7-shop/revenue in 30s: covers shop/orders 41-43",
    "asset.verified": "INFO    shop/revenue verified v7 by run 7-shop/revenue in 30s: the result is unchanged; "
    "covers shop/orders 41-43",
    "asset.quarantined": "WARNING shop/revenue quarantined v7 by run 7-shop/revenue in 30s: a blocking check failed; "
    "nobody downstream sees it unless it is released",
    "asset.released": "INFO    shop/revenue released v7: an operator let the quarantined version through",
    "run.ended": "ERROR   shop/revenue failed run 8-shop/revenue attempt 2 on w1: raised: no such table",
    "freshness.changed": "INFO    shop/revenue stale (was fresh), behind by 1s500ms, promised 5m: an input changed",
    "backfill.changed": "ERROR   shop/revenue backfill b60 done: 30 of 31 partitions right, 1 failed",
    "check.evaluated": "ERROR   shop/revenue check no_negative_days failed (error, blocking): observed 3, expected 0",
    "cost.incurred": "INFO    shop/revenue used 0.4 credits of credits, 1.2 USD: run 7-shop/revenue, measured",
    "alert.opened": "ERROR   shop/revenue alert freshness.overdue opened (error, episode 1): "
    "shop/revenue is more than 5m behind its sources (expected 5m, actual 5m1s)",
    "alert.updated": "ERROR   shop/revenue alert freshness.overdue updated (error, episode 1): "
    "shop/revenue is more than 5m behind its sources (expected 5m, actual 5m1s)",
    "alert.resolved": "INFO    shop/revenue alert freshness.overdue resolved (error, episode 1): "
    "shop/revenue is more than 5m behind its sources (expected 5m, actual 5m1s)",
    "dead.letter": "ERROR   shop/revenue dead letter from everfresh.changes.v1/0/12: the event is not JSON",
}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("kind", [one.removeprefix("everfresh.").removesuffix(".v1") for one in TYPES])
def test_each_output_is_one_line_with_the_asset_what_and_why(kind: str) -> None:
    assert str(line(event(kind))) == f"2026-01-01T08:00:00.001Z {SAID[kind]}"


def test_a_move_without_a_run_says_so() -> None:
    said = line(event("asset.verified", run=None, attempt=None, started_at=None, finished_at=None))
    assert (said.what, said.why) == ("verified v7 without a run", "none of its inputs is new")


def test_many_sources_are_counted_and_mixed_inputs_are_named() -> None:
    covers = {f"shop/{letter}": [1, 1] for letter in "edcba"}
    why = line(event("asset.materialized", covers=covers, consistent=False)).why
    assert why == "covers shop/a 1, shop/b 1, shop/c 1 and 2 more sources; its inputs didn't agree"


@pytest.mark.parametrize(
    ("resource", "quantity", "said"),
    [
        ("memory.peak", 137_994_240, "131.6 MiB of memory.peak"),
        ("written", 3_072, "3 KiB of written"),
        ("written", 1_023, "1023 bytes of written"),
        ("memory.peak", 5 * 1_024**4, "5120 GiB of memory.peak"),
    ],
)
def test_a_size_is_told_as_one_reads_it(resource: str, quantity: float, said: str) -> None:
    cost = event("cost.incurred", resource=resource, quantity=quantity, unit="bytes", amount=None, currency=None)
    assert line(cost).what == f"used {said}"


def test_a_cost_says_when_it_was_compared_with_the_bill() -> None:
    assert line(event("cost.incurred", status="reconciled")).why == "run 7-shop/revenue, measured, reconciled"


def test_a_partition_stands_beside_its_asset() -> None:
    assert line(event("run.ended", partition="2013-01-01")).who == "shop/revenue[2013-01-01]"


def test_a_type_that_nobody_knows_yet_is_named() -> None:
    said = line({"id": "1", "source": "x", "type": "everfresh.asset.melted.v2", "subject": "shop/a", "data": {}})
    assert str(said) == "- INFO    shop/a everfresh.asset.melted.v2"


def test_what_others_wrote_stays_on_the_line_and_is_never_obeyed() -> None:
    said = str(line(event("run.ended", reason="no\nINFO shop/b materialized\x1b[2J\u202e" + "x" * 1_000)))
    assert said.isprintable()
    assert r"no\nINFO shop/b materialized\x1b[2J\u202e" in said
    assert len(said) < 1_000


@given(st.sampled_from(TYPES), st.dictionaries(texts, anything, max_size=4), st.data())
def test_no_decoded_event_makes_it_raise(kind: str, junk: dict[str, Any], data: st.DataObject) -> None:
    sample = event(kind.removeprefix("everfresh.").removesuffix(".v1"))
    broken = data.draw(st.dictionaries(st.sampled_from(list(sample["data"])), anything, max_size=3))
    wrapped = orjson.loads(orjson.dumps(sample | {"subject": data.draw(texts), "data": sample["data"] | broken | junk}))
    assert str(line(wrapped)).isprintable()
    assert "\n" not in json_line(wrapped)


@given(texts)
def test_a_cleaned_text_is_printable_and_short(text: str) -> None:
    assert clean(text).isprintable()
    assert len(clean(text)) <= 300 * len(r"\U0010ffff")


def test_the_json_form_has_the_line_and_the_event() -> None:
    read = orjson.loads(json_line(event("check.evaluated")))
    assert read.pop("data") == event("check.evaluated")["data"]
    assert read == {
        "time": "2026-01-01T08:00:00.001Z",
        "level": "error",
        "asset": "shop/revenue",
        "message": "check no_negative_days failed (error, blocking)",
        "reason": "observed 3, expected 0",
        "id": "id-check.evaluated-shop/revenue-1",
        "source": "everfresh/shop",
        "type": "everfresh.check.evaluated.v1",
        "subject": "shop/revenue",
    }
