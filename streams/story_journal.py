"""The morning as it stands in shop's journal, changes and overrides beside it: an example of each type."""

from typing import Any

from streams.cloudevents import Envelope, envelope, event_id
from streams.definitions import AssetDef, CheckDef, Dep, Retry
from streams.events import (
    Acknowledge,
    AlertOpened,
    AssetChanged,
    Backfill,
    BackfillSteered,
    Cancel,
    CheckResult,
    Command,
    CostItem,
    CostReported,
    DefinitionsDeclared,
    DefinitionsPart,
    DeliveryFailed,
    Held,
    JournalGap,
    LiftSilence,
    Materialize,
    OverridesSet,
    Pause,
    ReactorStopped,
    Release,
    Resume,
    RunFailed,
    RunGranted,
    RunLost,
    RunRejected,
    RunReported,
    RunStarted,
    RunSucceeded,
    SilenceAlerts,
    TimerFired,
    WorkerHeartbeat,
)
from streams.policies import Within
from streams.story import (
    CHECK,
    CODE,
    DAILY,
    DEPLOYED,
    JOURNALS,
    ORDERS,
    REVENUE,
    WORKER,
    at,
    cut,
    fact,
    pins,
    report,
    run,
    said,
)

CHUNK = (
    "eJy1kk1ugzAQhe8ya6QSkgbCVaoIOfYE3BgPsk3TCOXuHdup2jRddFNW9ptff48FFI1CW2jBDzRBAQonQxdoqwKE9xg8tC8L"
    "nPByS3kip9B5zjxpq6JIs5OYK2PyvoCJjJZcsHzmkO0UjoLP1wIcBpeCQY/o0ySFRly6kS+rsiwLOAh5ouMxxV51COi6CXmK"
    "DSxxXBKZTtHZ5pqmjB+3jh1pDkldb5PKojihT1IZVyMDrZ2NKYDr0fF2ckAeNweIjRV2b/w+TZHJKkoxensYvmsfiRyF8Riv"
    "E8rQIRfk7evqNlOhl05PIbWJ067FHUTHNXbGL4rMVL+h+sK4ZPwP1IXr5zGBgJt2/Y34WYeBbS3AiD7j+GT0E3/5P/gf6a+z"
    "8JsDvaNzGB75V9/5L2DFiKxa6iz2IjCwTolLpOKjBzpEvugcOZYOhiTD6KENbmaz+B/MoTaH4H7fZNIfLM6LP/q7zy/jjIVJ"
    "DMIPPKiWZdWI3aapdyspt6t63WyfN1WJh+Yo6ucarh+N9ifK"
)
"""the second deploy, compressed; written down, for another zlib may pack it another way"""

ATTEMPT: dict[str, Any] = {"asset": REVENUE, "attempt": 1, "worker": WORKER}


def of_definitions() -> tuple[Envelope, ...]:
    """A deploy, whole; and the next one, in parts (of which a small one has a single one)."""
    orders = AssetDef(key=ORDERS, kind="source", owner="checkout", expect_every_ms=7_200_000)
    revenue = AssetDef(
        key=REVENUE,
        kind="derived",
        deps=(Dep(asset=ORDERS, argument="orders"),),
        policy=Within("5m"),
        retry=Retry(0),
        timeout_ms=600_000,
        takes_ms=30_000,
        owner="growth",
        code_version="2",
        checks=(CheckDef(name=CHECK, blocking=True),),
    )
    whole = "7c028a948791cc6173865420eb8fa757"
    declared = DefinitionsDeclared(domain="shop", deploy=1, assets=(orders, revenue), hash=whole)
    packed = "c74425d0667787bbbaf3b2d6437059ac"
    part = DefinitionsPart(domain="shop", deploy=2, whole=packed, index=0, count=1, chunk=CHUNK)
    again = f"deploy-shop-2-{whole}-0"
    return said(declared, DEPLOYED, "shop", "08:00:00"), said(part, again, "shop", "09:30:00")


def of_changes() -> tuple[Envelope, ...]:
    """The first change of the orders as `checkout` publishes it, and a load of them that failed.

    The copies in the journal have an `origin` too.
    """
    changed = AssetChanged(
        version="41",
        data_time="2026-01-01T07:59:58.120Z",
        fingerprint="e3b98a4da31a127d4bde6e43033f66ba",
        uri="data/shop/orders/41.parquet",
        format="parquet",
        count=128,
        metadata={"rows": 128},
    )
    loaded = "5f0c2f1f7a9e4e0f8d1be0a3c7a5d921"
    reported = RunReported(
        run=loaded,
        asset=ORDERS,
        outcome="failed",
        exit_code=1,
        error="'load-orders' ended with exit code 1",
        costs=(CostItem(resource="wall", quantity=12.0, unit="seconds"),),
        started_at=at("09:40:00"),
        finished_at=at("09:40:12"),
    )
    told = envelope(changed, "orders-41", "checkout", ORDERS, at("08:00:00"))
    failed = envelope(reported, f"{loaded}.reported", "everfresh/run", ORDERS, at("09:40:12"))
    return told | {"partitionkey": ORDERS}, failed | {"partitionkey": ORDERS}


def of_bills() -> tuple[Envelope, ...]:
    """What the warehouse's bill says of the first run, after all."""
    billed = CostReported(
        asset=REVENUE,
        run=run(1),
        cost_id=f"{run(1)}/1/warehouse.credits",
        revision=2,
        resource="warehouse.credits",
        quantity=0.41,
        unit="credits",
        amount="1.23",
        currency="EUR",
        period="2026-01-01",
    )
    bill = envelope(billed, event_id(billed.TYPE, billed.cost_id, 2), "everfresh/bill", REVENUE, at("10:30:00"))
    return (bill | {"partitionkey": REVENUE},)


def of_facts() -> tuple[Envelope, ...]:
    """A timer, the grant that it brings about, and a lease that ran out later."""
    granted = RunGranted(
        run=run(1),
        number=1,
        asset=REVENUE,
        attempt=1,
        wave=f"{REVENUE}@4",
        worker=WORKER,
        claim_by=at("08:04:14.950"),
        basis=4,
        cut_at=4,
        inputs=pins(1),
        cut=cut(1),
        covers={CODE: (1, 1), ORDERS: (1, 1)},
        deadline=at("08:05:00"),
        lease_ms=30_000,
        timeout_ms=600_000,
        code_version="2",
        reason=f"its promise of 5m is due, 1m50ms ahead for its path and one run; new: {CODE} 1, {ORDERS} 1",
    )
    lost = RunLost(run=run(6), basis=58, reason=f"worker {WORKER!r} was silent for its lease of 30s", **ATTEMPT)
    return (
        fact(TimerFired(at=at("08:03:59.950")), "08:03:59.950", "shop"),
        fact(granted, "08:03:59.950"),
        fact(lost, "08:54:00"),
    )


def of_workers() -> tuple[Envelope, ...]:
    """What a worker says of the first run, of one that failed, of a grant that it refused, and of itself."""
    passed = CheckResult(check=CHECK, outcome="pass", blocking=True, observed="0 days below 0", expected="0 days")
    spent = CostItem(resource="warehouse.credits", quantity=0.4, unit="credits", amount=1.2, currency="EUR")
    succeeded = RunSucceeded(
        run=run(1),
        fingerprint="5b1fd3a0e0a64dd4a4f3a7d1c2e88f10",
        uri=f"data/shop/revenue/{run(1)}.parquet",
        format="parquet",
        metadata={"rows": 31},
        checks=(passed,),
        costs=(spent,),
        started_at=at("08:03:59.950"),
        finished_at=at("08:04:29.950"),
        duration_ms=30_000,
        **ATTEMPT,
    )
    failed = RunFailed(
        run=run(4),
        error="ConnectionError: the warehouse is asleep",
        started_at=at("08:34:59.950"),
        finished_at=at("08:35:29.950"),
        duration_ms=30_000,
        **ATTEMPT,
    )
    rejected = RunRejected(run=run(7), reason="the grant came 1200 ms past its claim_by", **ATTEMPT)
    held = (Held(run=run(1), attempt=1),)
    heartbeat = WorkerHeartbeat(worker=WORKER, slots=2, code_versions={REVENUE: "2"}, holds=held)
    return (
        report(RunStarted(run=run(1), **ATTEMPT), "08:03:59.950", run(1), 1),
        report(succeeded, "08:04:29.950", run(1), 1),
        report(failed, "08:35:29.950", run(4), 1),
        report(rejected, "08:56:10", run(7), 1),
        report(heartbeat, "08:04:09.950", WORKER, at("08:00:00"), 25),
    )


def of_operators() -> tuple[Envelope, ...]:
    """Five commands of Ada's; and the word that the fold is to pass over an entry."""

    def commanded(command: type[Command], clock: str, reason: str) -> Envelope:
        event = command(asset=REVENUE, by="ada", reason=reason)
        return said(event, event_id(command.TYPE, clock), REVENUE, clock)

    backfill = Backfill(asset=DAILY, first="2026-01-01", last="2026-01-31", by="ada", reason="a column was added")
    paused = BackfillSteered(backfill="b60", action="pause", by="ada", reason="the warehouse is busy")
    skip = OverridesSet(skip=(17,), by="ada", reason="the fold fails on it, see incident 12")
    return (
        commanded(Release, "08:30:00", "the two days are right"),
        commanded(Materialize, "08:41:00", "the warehouse is awake"),
        commanded(Cancel, "08:41:10", "the warehouse moves"),
        commanded(Pause, "08:41:30", "the warehouse moves"),
        commanded(Resume, "08:52:00", "the warehouse has moved"),
        said(backfill, event_id(backfill.TYPE, "09:00:00"), DAILY, "09:00:00"),
        said(paused, event_id(paused.TYPE, "09:10:00"), "b60", "09:10:00"),
        envelope(skip, "overrides-shop-1", "ada", "shop", at("10:00:00")),
    )


def of_attention() -> tuple[Envelope, ...]:
    """Ada looks after the alert about the check, wants to hear of nothing else there for two hours, and then does."""
    known = Acknowledge(fingerprint=event_id("check.failed", REVENUE, "", CHECK), by="ada", reason="asked the shop")
    hushed = SilenceAlerts(rule="freshness.*", asset=REVENUE, until=at("10:26:00"), by="ada", reason="it is rebuilt")
    lifted = LiftSilence(silence="s32", by="ada", reason="that was quick")
    return (
        said(known, event_id(known.TYPE, "08:25:00"), REVENUE, "08:25:00"),
        said(hushed, event_id(hushed.TYPE, "08:26:00"), "shop", "08:26:00"),
        said(lifted, event_id(lifted.TYPE, "08:40:00"), "shop", "08:40:00"),
    )


def of_losses() -> tuple[Envelope, ...]:
    """Changes that were trimmed away unread, an alert that a webhook couldn't deliver, and an entry too many."""
    missed = ("everfresh.changes.v1", 1, 0, 11)
    gap = JournalGap(topic=missed[0], partition=missed[1], first=missed[2], last=missed[3])
    lost = envelope(gap, event_id(gap.TYPE, *missed), "everfresh/ingress", "shop", at("10:20:00"))
    sink, alert = "oncall", event_id(JOURNALS["shop"], 29, AlertOpened.TYPE, REVENUE, 1)
    failed = DeliveryFailed(sink=sink, event=alert, error="gave up after 12 tries in 3600s: HTTP 503")
    name = event_id(failed.TYPE, sink, "everfresh.alerts.v1/1/0")
    stopped = ReactorStopped(at=61, since=at("09:55:00"), error="ZeroDivisionError('division by zero')")
    return (
        lost,
        envelope(failed, name, f"everfresh/sinks/{sink}", REVENUE, at("08:24:29.950")),
        fact(stopped, "09:55:01", "shop"),
    )


def told() -> tuple[Envelope, ...]:
    """All of them."""
    outside = (of_definitions(), of_changes(), of_bills())
    groups = (*outside, of_facts(), of_workers(), of_operators(), of_attention(), of_losses())
    return tuple(one for group in groups for one in group)
