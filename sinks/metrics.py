"""The board that a Prometheus scrape reads: events in, metrics out, time as an argument.

Counters begin at 0 with the process that holds the board. What is asked of an asset now (how stale, when due) is worked
out at the scrape, so that a dead reactor shows. Label sets are bounded; what is beyond the bound is shown together, and
counted.
"""

from collections.abc import Callable, Mapping
from itertools import product
from math import isfinite
from typing import Any, get_args

from sinks.reading import event_of, time_ms
from sinks.repeats import Repeats
from sinks.series import Counters, Family, Histogram
from sinks.standings import Standings
from streams.cloudevents import Envelope
from streams.events import (
    Alert,
    AlertOpened,
    AlertResolved,
    AlertUpdated,
    AssetMaterialized,
    AssetQuarantined,
    AssetReleased,
    AssetVerified,
    CheckEvaluated,
    CostIncurred,
    FreshnessChanged,
    Publication,
    RunEnded,
)

SEVERITIES = ("info", "warn", "error", "critical")
RUN_OUTCOMES = ("materialized", "verified", "quarantined", *get_args(RunEnded.model_fields["outcome"].annotation))
DELIVERY_OUTCOMES = ("delivered", "retried", "dead", "missed")
CHECK_OUTCOMES = ("pass", "fail", "error", "skip")
DURATION_BOUNDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 14_400)
"""seconds"""

DECISION_BOUNDS = (0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
"""seconds"""

_STREAMS = {"run": "asset"}
"""type's noun → the topic's, where they differ: both stand in materializations.v1"""


class Board:
    """What everfresh's metrics need to know. `take` each envelope; `families(now_ms)` is what a scrape shows."""

    def __init__(self, assets_max: int = 1_000, series_max: int = 1_000) -> None:
        self._repeats = Repeats()
        self._standings = Standings(assets_max)
        self._firing: dict[str, str] = {}  # fingerprint → severity
        self._costs: dict[str, tuple[int, float]] = {}  # asset, cost_id → newest revision, quantity counted of it
        self._runs = Counters("everfresh_runs_total", "Attempts that ended.", ("outcome",), series_max)
        self._runs.start((outcome,) for outcome in RUN_OUTCOMES)
        self._durations = Histogram(
            "everfresh_run_duration_seconds",
            "How long attempts took whose result was taken.",
            ("domain",),
            DURATION_BOUNDS,
            series_max,
        )
        self._checks = Counters("everfresh_checks_total", "Checks answered.", ("outcome", "severity"), series_max)
        self._checks.start(product(CHECK_OUTCOMES, SEVERITIES))
        cost_labels = ("resource", "unit", "method")
        self._cost = Counters("everfresh_cost_total", "What attempts used, in each unit.", cost_labels, series_max)
        self._deliveries = Counters(
            "everfresh_deliveries_total", "What became of attempts to deliver.", ("sink", "outcome"), series_max
        )
        self._unreadable = Counters("everfresh_unreadable_events_total", "Events left out of the metrics.", (), 1)
        self._unreadable.start([()])

    def take(self, wrapped: Envelope, count: bool = True) -> None:
        """Take in an event, once: a repeat changes nothing. Types that no metric needs are let pass.

        With `count=False` the event is from before this board's time: it tells when something last succeeded, and
        counters stay. Raises BadEvent if its data isn't what its type says.
        """
        taker = _TAKERS.get(wrapped["type"])
        if taker is None:
            return
        event = event_of(wrapped)
        noun = wrapped["type"].split(".")[1]
        key = (
            event.fingerprint
            if isinstance(event, Alert)
            else str(wrapped.get("partitionkey") or wrapped.get("subject"))
        )
        news = self._repeats.judge(_STREAMS.get(noun, noun), key, wrapped)
        if news == "new" or (news == "same" and noun in _STATES):
            taker(self, event, wrapped, count)

    def forget_asset(self, node: str) -> None:
        """A tombstone in freshness.v1: the asset is no longer declared."""
        self._standings.forget(node)

    def forget_alert(self, fingerprint: str) -> None:
        """A tombstone in alert-state.v1: the alert is resolved."""
        self._firing.pop(fingerprint, None)

    def forget_states(self) -> None:
        """Freshness and alerts are about to be read again from the beginning; counters stay."""
        self._standings.forget_all()
        self._firing.clear()

    def expect(self, sink: str) -> None:
        """Show a sink's counts from the start, at 0, or its first dead letter would hide from increase()."""
        self._deliveries.start((sink, outcome) for outcome in DELIVERY_OUTCOMES)

    def delivered(self, sink: str, outcome: str) -> None:
        """Count what became of an attempt to deliver."""
        self._deliveries.add((sink, outcome))

    def unreadable(self) -> None:
        """Count an event that couldn't be read."""
        self._unreadable.add(())

    def families(self, now_ms: int) -> list[Family]:
        """All metrics at `now_ms`, milliseconds since 1970 UTC."""
        counters = (self._runs, self._durations, self._checks, self._cost, self._deliveries)
        firing = list(self._firing.values())
        about = "Samples that went into the series `other`, beyond the limit on series."
        return [
            *self._standings.families(now_ms),
            Family(
                "everfresh_alerts_firing",
                "gauge",
                "Alerts that are open.",
                ("severity",),
                [((severity,), float(firing.count(severity))) for severity in SEVERITIES],
            ),
            *(one.family() for one in counters),
            self._unreadable.family(),
            Family(
                "everfresh_samples_folded_total",
                "counter",
                about,
                ("metric",),
                [((one.name,), float(one.folded)) for one in counters],
            ),
        ]

    def _freshness(self, said: FreshnessChanged, _wrapped: Envelope, _count: bool) -> None:
        self._standings.freshness(said)

    def _publication(self, said: Publication, wrapped: Envelope, count: bool) -> None:
        if not isinstance(said, AssetQuarantined):
            finished = said.finished_at if said.finished_at is not None else time_ms(wrapped)
            self._standings.succeeded(said.asset, finished)
        if not count or said.run is None or isinstance(said, AssetReleased):
            return
        self._runs.add((said.TYPE.split(".")[2],))
        if said.started_at is not None and said.finished_at is not None:
            seconds = max(0, said.finished_at - said.started_at) / 1_000
            self._durations.observe((said.asset.partition("/")[0],), seconds)

    def _run_ended(self, said: RunEnded, _wrapped: Envelope, count: bool) -> None:
        if count:
            self._runs.add((said.outcome,))

    def _check(self, said: CheckEvaluated, _wrapped: Envelope, count: bool) -> None:
        if count:
            self._checks.add((said.outcome, said.severity))

    def _cost_incurred(self, said: CostIncurred, _wrapped: Envelope, count: bool) -> None:
        """A later revision replaces the earlier; a counter can't go back, so that a lower bill doesn't show."""
        name = f"{said.asset} {said.cost_id}"
        newest, counted = self._costs.pop(name, (0, 0.0))
        more = said.quantity - counted if said.revision > newest else 0.0
        self._costs[name] = max(newest, said.revision), counted + max(0.0, more)
        if len(self._costs) > _COSTS_MAX:
            del self._costs[next(iter(self._costs))]
        if count and more > 0 and isfinite(more):
            self._cost.add((said.resource, said.unit, said.method), more)

    def _alert(self, said: Alert, _wrapped: Envelope, _count: bool) -> None:
        if isinstance(said, AlertResolved):
            self.forget_alert(said.fingerprint)
        else:
            self._firing[said.fingerprint] = said.severity


def decision_seconds(series_max: int = 1_000) -> Histogram:
    """How long reactors take, from having read some entries to having written what follows from them."""
    about = "How long a turn of the reactor took: from entries read to what follows from them written."
    return Histogram("everfresh_decision_seconds", about, ("domain",), DECISION_BOUNDS, series_max)


_COSTS_MAX = 100_000
"""bills that are remembered for a later revision"""

_STATES = {"freshness", "alert"}
"""what only sets a gauge: a repeat may set it again"""

_TAKERS: Mapping[str, Callable[[Board, Any, Envelope, bool], None]] = {
    FreshnessChanged.TYPE: Board._freshness,
    AssetMaterialized.TYPE: Board._publication,
    AssetVerified.TYPE: Board._publication,
    AssetQuarantined.TYPE: Board._publication,
    AssetReleased.TYPE: Board._publication,
    RunEnded.TYPE: Board._run_ended,
    CheckEvaluated.TYPE: Board._check,
    CostIncurred.TYPE: Board._cost_incurred,
    AlertOpened.TYPE: Board._alert,
    AlertUpdated.TYPE: Board._alert,
    AlertResolved.TYPE: Board._alert,
}
