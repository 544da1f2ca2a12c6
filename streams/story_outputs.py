"""The morning as the output topics tell it, and what one domain writes into another's journal; one of each type."""

from typing import Any

from streams.cloudevents import Envelope, envelope, event_id
from streams.events import (
    AlertOpened,
    AlertResolved,
    AlertUpdated,
    AssetMaterialized,
    AssetQuarantined,
    AssetReleased,
    AssetVerified,
    BackfillChanged,
    CheckEvaluated,
    CostIncurred,
    DeadLetter,
    DomainDelivered,
    DomainSubscribed,
    FreshnessChanged,
    RunCancelled,
    RunEnded,
)
from streams.story import CHECK, CODE, DAILY, JOURNALS, ORDERS, REVENUE, WORKER, at, cut, output, pins, run

REFUSED = "everfresh.changes.v1/2/12"
"""where a change stood that couldn't be read"""

ABOUT_CHECK = event_id("check.failed", REVENUE, "", CHECK)
"""the fingerprint of the alert about the check"""

FIRST: dict[str, Any] = {
    "version": run(1),
    "fingerprint": "5b1fd3a0e0a64dd4a4f3a7d1c2e88f10",
    "uri": f"data/shop/revenue/{run(1)}.parquet",
    "format": "parquet",
    "metadata": {"rows": 31},
}
HELD: dict[str, Any] = {
    "version": run(3),
    "fingerprint": "09ce27b1b75a4cbc8f7de8127c41a9d6",
    "uri": f"data/shop/revenue/{run(3)}.parquet",
    "format": "parquet",
    "metadata": {"rows": 33},
}


def _read(commit: int) -> dict[str, Any]:
    return {"asset": REVENUE, "inputs": pins(commit), "cut": cut(commit), "covers": {ORDERS: (commit, commit)}}


def of_versions() -> tuple[Envelope, ...]:
    """Three commits of the orders: a new version, the same again, one that is held back and then let through."""
    covers = {CODE: (1, 1), ORDERS: (1, 1)}
    first = {"run": run(1), "attempt": 1, "started_at": at("08:03:59.950"), "finished_at": at("08:04:29.950")}
    second = {"run": run(2), "attempt": 1, "started_at": at("08:13:59.950"), "finished_at": at("08:14:29.950")}
    third = {"run": run(3), "attempt": 1, "started_at": at("08:23:59.950"), "finished_at": at("08:24:29.950")}
    return (
        output(AssetMaterialized(**_read(1) | FIRST | first | {"covers": covers}), (9, 0), "08:04:29.950"),
        output(AssetVerified(**_read(2) | FIRST | second), (19, 0), "08:14:29.950"),
        output(AssetQuarantined(**_read(3) | HELD | third), (29, 2), "08:24:29.950"),
        output(AssetReleased(**_read(3) | HELD), (34, 0), "08:30:00"),
    )


def of_runs() -> tuple[Envelope, ...]:
    """What a check answered and a run cost, a run that failed, one that was cancelled, and a backfill's end."""
    checked = CheckEvaluated(
        check=CHECK,
        asset=REVENUE,
        version=run(3),
        run=run(3),
        outcome="fail",
        severity="error",
        blocking=True,
        observed="2 days below 0",
        expected="0 days",
        metric=2.0,
        n_tested=33,
        n_failed=2,
        duration_seconds=0.012,
    )
    cost = CostIncurred(
        cost_id=f"{run(1)}/1/warehouse.credits",
        asset=REVENUE,
        run=run(1),
        resource="warehouse.credits",
        quantity=0.4,
        unit="credits",
        amount=1.2,
        currency="EUR",
        period="2026-01-01",
    )
    attempt: dict[str, Any] = {"asset": REVENUE, "attempt": 1, "worker": WORKER}
    ended = RunEnded(run=run(4), outcome="failed", reason="ConnectionError: the warehouse is asleep", **attempt)
    cancelled = RunCancelled(run=run(5), basis=52, reason="cancelled by ada: the warehouse moves", **attempt)
    filled = BackfillChanged(backfill="b60", asset=DAILY, status="done", total=31, done=30, failed=1, by="ada")
    return (
        output(checked, (29, 0), "08:24:29.950"),
        output(cost, (9, 1), "08:04:29.950"),
        output(ended, (43, 0), "08:35:29.950"),
        output(cancelled, (52, 0), "08:41:10", WORKER),
        output(filled, (142, 0), "10:04:00", DAILY),
    )


def of_troubles() -> tuple[Envelope, ...]:
    """The verdict while a version is held back, and the alert about its check: it fires, says more, and is over."""
    verdict = FreshnessChanged(
        asset=REVENUE,
        verdict="quarantined",
        previous="stale",
        lag_seconds=269.95,
        promise_seconds=300.0,
        stale_since=at("08:20:00"),
        due_at=at("08:25:00"),
        reason=f"version {run(3)} is held back by check {CHECK!r}: fail",
    )
    opened = AlertOpened(
        fingerprint=ABOUT_CHECK,
        episode=1,
        sequence=1,
        rule="check.failed",
        severity="error",
        asset=REVENUE,
        owner="growth",
        summary=f"check {CHECK!r} of {REVENUE} failed",
        since=at("08:24:29.950"),
        expected="0 days",
        actual="2 days below 0",
        labels={"check": CHECK},
    )
    more: dict[str, Any] = opened.model_dump() | {"sequence": 2, "actual": "3 days below 0"}
    over: dict[str, Any] = more | {"sequence": 3, "actual": None, "summary": f"check {CHECK!r} of {REVENUE}: pass"}
    return (
        output(verdict, (29, 3), "08:24:29.950"),
        output(opened, (29, 1), "08:24:29.950"),
        output(AlertUpdated(**more), (63, 1), "09:04:29.950"),
        output(AlertResolved(**over), (73, 1), "09:14:29.950"),
    )


def between_domains() -> tuple[Envelope, ...]:
    """`finance` reads revenue, and says so in shop's journal; from then on shop delivers into that of finance."""
    asks = DomainSubscribed(to="shop", subscriber="finance", deploy=3, assets=(REVENUE,))
    gives = DomainDelivered(to="finance", asset=REVENUE, cut=cut(1), incarnation=JOURNALS["shop"], offset=9, **FIRST)
    return (
        output(asks, (17, 0), "08:02:00", "shop", "finance"),
        output(gives, (9, 3), "08:04:29.950"),
    )


def of_refusals() -> tuple[Envelope, ...]:
    """A change that is no JSON, as the ingress lays it down."""
    error = "the event is not JSON: unexpected character: line 1 column 1 (char 0)"
    letter = DeadLetter(origin=REFUSED, error=error, key=ORDERS, value_base64="dmVyc2lvbjogNDI=")
    return (envelope(letter, event_id("dead-letter", REFUSED), "everfresh/ingress", ORDERS, at("08:02:00")),)


def told() -> tuple[Envelope, ...]:
    """All of them."""
    return (*of_versions(), *of_runs(), *of_troubles(), *between_domains(), *of_refusals())
