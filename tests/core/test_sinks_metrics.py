"""What the board shows of what it was told."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.metrics import Board
from sinks.repeats import Repeats
from sinks.series import Counters, Histogram, Spread
from streams.cloudevents import Envelope
from streams.errors import BadEvent
from tests.core.sinks_samples import EIGHT, event

Value = float | Spread


def read(board: Board, name: str, *labels: str, now_ms: int = EIGHT) -> Value | None:
    rows = {family.name: dict(family.rows) for family in board.families(now_ms)}
    return rows[name].get(labels)


def board_of(*events: Envelope, assets_max: int = 1_000) -> Board:
    board = Board(assets_max=assets_max)
    for one in events:
        board.take(one)
    return board


@given(st.integers(0, 10**9))
def test_staleness_grows_with_the_clock_alone(later_ms: int) -> None:
    board = board_of(event("freshness.changed"))
    assert read(board, "everfresh_asset_staleness_seconds", "shop/revenue", now_ms=EIGHT + later_ms) == later_ms / 1_000
    assert read(board, "everfresh_asset_due_timestamp_seconds", "shop/revenue") == (EIGHT + 240_000) / 1_000
    assert read(board, "everfresh_asset_promise_seconds", "shop/revenue") == 300


def test_a_fresh_asset_is_not_stale_and_an_unknown_one_says_nothing() -> None:
    fresh = event("freshness.changed", verdict="fresh", stale_since=None, due_at=None, promise_seconds=None)
    unknown = event("freshness.changed", subject="shop/new", verdict="unknown", stale_since=None, due_at=None)
    board = board_of(fresh, unknown)
    assert read(board, "everfresh_asset_staleness_seconds", "shop/revenue", now_ms=EIGHT + 10**6) == 0
    assert read(board, "everfresh_asset_staleness_seconds", "shop/new") is None
    assert read(board, "everfresh_asset_promise_seconds", "shop/revenue") is None


def test_a_clock_behind_the_logs_makes_no_negative_staleness() -> None:
    board = board_of(event("freshness.changed"))
    assert read(board, "everfresh_asset_staleness_seconds", "shop/revenue", now_ms=EIGHT - 5_000) == 0


def test_an_asset_is_as_stale_as_its_stalest_partition() -> None:
    board = board_of(
        event("freshness.changed", 1, partition="a", stale_since=EIGHT - 9_000),
        event("freshness.changed", 2, partition="b", stale_since=EIGHT - 4_000),
    )
    assert read(board, "everfresh_asset_staleness_seconds", "shop/revenue") == 9
    board.forget_asset("shop/revenue[a]")
    assert read(board, "everfresh_asset_staleness_seconds", "shop/revenue") == 4
    board.forget_asset("shop/revenue")
    assert read(board, "everfresh_asset_staleness_seconds", "shop/revenue") is None


def test_a_success_is_the_newest_publication_or_verification() -> None:
    board = board_of(
        event("freshness.changed", 1),
        event("asset.materialized", 2, finished_at=EIGHT + 7_000),
        event("asset.verified", 3, run=None, started_at=None, finished_at=None),
        event("asset.quarantined", 4, finished_at=EIGHT + 9_000),
    )
    assert read(board, "everfresh_asset_last_success_timestamp_seconds", "shop/revenue") == (EIGHT + 7_000) / 1_000


def test_runs_are_counted_by_outcome_and_timed_by_domain() -> None:
    board = board_of(
        event("asset.materialized", 1),
        event("asset.verified", 2),
        event("asset.verified", 3, run=None),
        event("asset.quarantined", 4),
        event("asset.released", 5),
        event("run.ended", 6, outcome="lost"),
        event("run.ended", 7, outcome="lost"),
    )
    counted = {
        outcome: read(board, "everfresh_runs_total", outcome) for outcome in ("materialized", "verified", "lost")
    }
    assert counted == {"materialized": 1, "verified": 1, "lost": 2}
    assert read(board, "everfresh_runs_total", "cancelled") == 0
    spread = read(board, "everfresh_run_duration_seconds", "shop")
    assert isinstance(spread, Spread)
    assert spread.total == 90
    assert dict(spread.buckets)["15.0"] == 0
    assert dict(spread.buckets)["60.0"] == dict(spread.buckets)["+Inf"] == 3


def test_checks_and_deliveries_are_counted() -> None:
    board = board_of(event("check.evaluated", 1), event("check.evaluated", 2, outcome="pass", severity="warn"))
    board.delivered("slack", "retried")
    board.delivered("slack", "delivered")
    assert read(board, "everfresh_checks_total", "fail", "error") == 1
    assert read(board, "everfresh_checks_total", "pass", "warn") == 1
    assert read(board, "everfresh_checks_total", "fail", "critical") == 0
    assert read(board, "everfresh_deliveries_total", "slack", "delivered") == 1


def test_a_reconciled_bill_replaces_the_estimate_and_a_lower_one_doesnt_show() -> None:
    board = Board()
    for offset, (revision, quantity) in enumerate([(1, 0.4), (2, 0.5), (2, 9.0), (3, 0.1), (4, 0.6)]):
        board.take(event("cost.incurred", offset, revision=revision, quantity=quantity))
    assert read(board, "everfresh_cost_total", "credits", "credits", "measured") == pytest.approx(0.6)


@pytest.mark.parametrize("quantity", ["inf", "nan", -1])
def test_a_cost_that_makes_no_sense_leaves_the_counter_alone(quantity: object) -> None:
    wrapped = event("cost.incurred", 1)
    wrapped["data"]["quantity"] = quantity
    board = board_of(wrapped, event("cost.incurred", 2, cost_id="other"))
    assert read(board, "everfresh_cost_total", "credits", "credits", "measured") == 0.4


def test_alerts_fire_until_they_are_resolved_or_their_state_is_deleted() -> None:
    board = board_of(
        event("alert.opened", 1),
        event("alert.opened", 2, fingerprint="f2", severity="warn"),
        event("alert.updated", 3, severity="critical"),
    )
    firing = [read(board, "everfresh_alerts_firing", severity) for severity in ("warn", "error", "critical")]
    assert firing == [1, 0, 1]
    board.take(event("alert.resolved", 4))
    board.forget_alert("f2")
    assert [read(board, "everfresh_alerts_firing", severity) for severity in ("warn", "critical")] == [0, 0]


def test_two_alerts_about_one_asset_are_not_each_others_repeats() -> None:
    board = board_of(event("alert.opened", 9), event("alert.opened", 2, fingerprint="f2"))
    assert read(board, "everfresh_alerts_firing", "error") == 2


def test_states_that_are_read_again_from_the_beginning_come_out_the_same() -> None:
    events = [event("freshness.changed", 1), event("alert.opened", 2)]
    board = board_of(*events)
    before = board.families(EIGHT)
    board.forget_states()
    assert read(board, "everfresh_alerts_firing", "error") == 0
    for one in events:
        board.take(one)
    assert board.families(EIGHT) == before


def test_an_older_state_doesnt_overwrite_a_newer_one() -> None:
    newer = event("freshness.changed", 5, verdict="fresh", stale_since=None)
    board = board_of(event("freshness.changed", 3), newer, event("freshness.changed", 3))
    assert read(board, "everfresh_asset_staleness_seconds", "shop/revenue", now_ms=EIGHT + 60_000) == 0


def test_what_came_before_the_board_counts_nothing_but_tells_the_last_success() -> None:
    board = Board()
    board.take(event("asset.materialized", 1), count=False)
    board.take(event("asset.materialized", 1))
    board.take(event("freshness.changed", 1))
    assert read(board, "everfresh_runs_total", "materialized") == 0
    assert read(board, "everfresh_asset_last_success_timestamp_seconds", "shop/revenue") == EIGHT / 1_000


def test_assets_beyond_the_limit_share_one_series_that_can_still_be_compared_with_its_promise() -> None:
    own = [event("freshness.changed", subject=f"shop/{n}") for n in range(3)]
    late = event("freshness.changed", subject="shop/late", stale_since=EIGHT - 60_000, promise_seconds=10)
    old = event("freshness.changed", subject="shop/old", stale_since=EIGHT - 90_000, promise_seconds=86_400)
    board = board_of(*own, late, old, assets_max=3)
    assert read(board, "everfresh_asset_staleness_seconds", "other") == 60
    assert read(board, "everfresh_asset_promise_seconds", "other") == 10
    assert read(board, "everfresh_assets_folded") == 2
    assert read(board, "everfresh_asset_staleness_seconds", "shop/late") is None
    board.forget_asset("shop/0")
    assert read(board, "everfresh_asset_staleness_seconds", "shop/late") == 60
    assert read(board, "everfresh_assets_folded") == 1


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.floats(0, 100)), max_size=40), st.integers(1, 6))
def test_no_counter_outgrows_its_limit_or_loses_a_count(added: list[tuple[str, float]], limit: int) -> None:
    counters = Counters("n", "", ("x",), series_max=limit)
    for label, amount in added:
        counters.add((label,), amount)
    rows = dict(counters.family().rows)
    assert len(rows) <= limit + 1
    assert sum(value for value in rows.values() if isinstance(value, float)) == pytest.approx(sum(a for _, a in added))
    own = {(label,) for label, _ in added} & rows.keys()
    assert counters.folded == sum((label,) not in own for label, _ in added)


def test_a_value_on_a_buckets_bound_is_inside_it() -> None:
    histogram = Histogram("h", "", ("x",), (1, 2), series_max=1)
    for value in (0.5, 1, 1.5, 3):
        histogram.observe(("a",), value)
    histogram.observe(("b",), 1)
    assert dict(histogram.family().rows) == {
        ("a",): Spread((("1.0", 2), ("2.0", 3), ("+Inf", 4)), 6),
        ("other",): Spread((("1.0", 1), ("2.0", 1), ("+Inf", 1)), 1),
    }


def test_types_that_no_metric_needs_are_let_pass_and_broken_data_is_refused() -> None:
    board = board_of(event("dead.letter"))
    wrapped = event("check.evaluated") | {"data": {"check": "x"}}
    with pytest.raises(BadEvent, match="outcome"):
        board.take(wrapped)
    with pytest.raises(BadEvent, match="time"):
        board.take(event("check.evaluated") | {"time": "yesterday"})


# At least once: after a crash a topic holds again what its last turns wrote, with the same ids.


@st.composite
def crashes(draw: st.DrawFn) -> tuple[list[Envelope], list[Envelope]]:
    """What was emitted, and what a reader gets of it."""
    kinds: list[Callable[[int, str], Envelope]] = [
        lambda offset, asset: event("asset.materialized", offset, asset),
        lambda offset, asset: event("run.ended", offset, asset),
        lambda offset, asset: event("check.evaluated", offset, asset),
        lambda offset, asset: event("cost.incurred", offset, asset, cost_id=f"{offset}"),
    ]
    said = draw(st.lists(st.tuples(st.sampled_from(kinds), st.sampled_from(["shop/a", "shop/b"])), max_size=12))
    emitted = [make(offset, asset) for offset, (make, asset) in enumerate(said)]
    heard, at = [], 0
    while at < len(emitted):
        upto = draw(st.integers(at, len(emitted)))
        heard += emitted[at:upto]
        at = draw(st.integers(max(0, upto - 5), upto)) if draw(st.booleans()) else max(upto, at + 1)
        heard += emitted[upto:at]
        if len(heard) > 200:
            heard += emitted[at:]
            break
    return emitted, heard


@given(crashes())
def test_repeats_are_counted_once(case: tuple[list[Envelope], list[Envelope]]) -> None:
    emitted, heard = case
    assert board_of(*heard).families(EIGHT) == board_of(*emitted).families(EIGHT)


def test_a_sequence_is_per_topic_source_and_key() -> None:
    repeats, one = Repeats(), event("check.evaluated", 5)
    assert repeats.judge("check", "a", one) == "new"
    assert repeats.judge("check", "a", one) == "same"
    assert repeats.judge("check", "a", event("check.evaluated", 4)) == "older"
    assert repeats.judge("cost", "a", event("check.evaluated", 4)) == "new"
    assert repeats.judge("check", "b", event("check.evaluated", 4)) == "new"
    assert repeats.judge("check", "a", one | {"source": "everfresh/other"}) == "new"


def test_a_journal_that_was_made_anew_counts_from_zero_again_and_later() -> None:
    repeats = Repeats()
    repeats.judge("check", "a", event("check.evaluated", 900_000))
    anew = event("check.evaluated", 3) | {"time": "2026-01-02T00:00:00.000Z"}
    assert repeats.judge("check", "a", anew) == "new"
    assert repeats.judge("check", "a", anew) == "same"


def test_an_event_without_a_sequence_is_known_by_its_id_and_memory_is_bounded() -> None:
    repeats = Repeats(kept_max=2)
    first, second, third = ({"id": name, "source": "x", "type": "t"} for name in "abc")
    assert [repeats.judge("dead", "k", one) for one in (first, second, first, third)] == ["new", "new", "same", "new"]
    assert repeats.judge("dead", "k", first) == "same"
    assert repeats.judge("dead", "k", second) == "new"
