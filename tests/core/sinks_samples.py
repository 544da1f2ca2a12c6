"""Events as the topics bring them, for the tests of sinks."""

from typing import Any

import orjson

from streams.cloudevents import Envelope, envelope
from streams.events import EVENTS

EIGHT = 1_767_254_400_000
"""2026-01-01T08:00:00Z"""

COMMON: dict[str, dict[str, Any]] = {
    "asset": {
        "asset": "shop/revenue",
        "version": "v7",
        "run": "7-shop/revenue",
        "attempt": 1,
        "inputs": {},
        "cut": {"shop/orders": 43},
        "covers": {"shop/orders": [41, 43]},
        "started_at": EIGHT - 30_000,
        "finished_at": EIGHT,
    },
    "run": {
        "run": "8-shop/revenue",
        "asset": "shop/revenue",
        "attempt": 2,
        "worker": "w1",
        "outcome": "failed",
        "reason": "raised: no such table",
    },
    "freshness": {
        "asset": "shop/revenue",
        "verdict": "stale",
        "previous": "fresh",
        "lag_seconds": 1.5,
        "promise_seconds": 300,
        "stale_since": EIGHT,
        "due_at": EIGHT + 240_000,
        "reason": "an input changed",
    },
    "check": {
        "check": "no_negative_days",
        "asset": "shop/revenue",
        "version": "v7",
        "run": "7-shop/revenue",
        "outcome": "fail",
        "severity": "error",
        "blocking": True,
        "observed": "3",
        "expected": "0",
    },
    "cost": {
        "cost_id": "7/1/credits",
        "asset": "shop/revenue",
        "run": "7-shop/revenue",
        "resource": "credits",
        "quantity": 0.4,
        "unit": "credits",
        "amount": 1.2,
        "currency": "USD",
        "period": "2026-01-01",
    },
    "alert": {
        "fingerprint": "f1",
        "episode": 1,
        "sequence": 1,
        "rule": "freshness.overdue",
        "severity": "error",
        "asset": "shop/revenue",
        "owner": "growth",
        "summary": "shop/revenue is more than 5m behind its sources",
        "since": EIGHT,
        "expected": "5m",
        "actual": "5m1s",
    },
    "backfill": {"backfill": "b60", "asset": "shop/revenue", "status": "done", "total": 31, "done": 30, "failed": 1},
    "dead": {"origin": "everfresh.changes.v1/0/12", "error": "the event is not JSON"},
}

TYPES = [
    *(f"everfresh.asset.{step}.v1" for step in ("materialized", "verified", "quarantined", "released")),
    "everfresh.run.ended.v1",
    "everfresh.backfill.changed.v1",
    "everfresh.freshness.changed.v1",
    "everfresh.check.evaluated.v1",
    "everfresh.cost.incurred.v1",
    *(f"everfresh.alert.{step}.v1" for step in ("opened", "updated", "resolved")),
    "everfresh.dead.letter.v1",
]
"""every output type"""


def event(kind: str, offset: int = 1, subject: str = "shop/revenue", **fields: Any) -> Envelope:
    """An output as its reactor emits it for the journal's entry at `offset`; `kind` is the type's middle."""
    model = EVENTS[f"everfresh.{kind}.v1"]
    data = (
        COMMON[kind.split(".", maxsplit=1)[0]] | ({"asset": subject} if "asset" in model.model_fields else {}) | fields
    )
    made: Any = model(**data)
    wrapped = envelope(made, f"id-{kind}-{subject}-{offset}", "everfresh/shop", subject, EIGHT + offset)
    read: Envelope = orjson.loads(orjson.dumps(wrapped))
    return read | {"partitionkey": subject, "sequence": f"{offset:012d}.000000", "journaloffset": str(offset)}
