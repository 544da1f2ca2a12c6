"""What a domain's outputs come to for each asset: runs, the time they took, lag, and broken promises."""

from dataclasses import dataclass, field

from reactors.domain import Output
from reactors.history import History
from streams.events import CostIncurred, FreshnessChanged

COUNTED = ("materialized", "verified", "quarantined", "failed", "lost")
"""outcomes of attempts that took a worker's time"""

_WATCHED = (FreshnessChanged, CostIncurred)


@dataclass(frozen=True, slots=True)
class Score:
    """One asset's, or many assets' together. `overdue` counts how often a promise broke; money is by currency."""

    runs: int = 0
    busy_ms: int = 0
    longest_lag_ms: int = 0
    overdue: int = 0
    money: dict[str, float] = field(default_factory=dict)

    def __add__(self, other: "Score") -> "Score":
        """Both together: sums, and the longer lag."""
        currencies = sorted({*self.money, *other.money})
        return Score(
            runs=self.runs + other.runs,
            busy_ms=self.busy_ms + other.busy_ms,
            longest_lag_ms=max(self.longest_lag_ms, other.longest_lag_ms),
            overdue=self.overdue + other.overdue,
            money={one: self.money.get(one, 0.0) + other.money.get(one, 0.0) for one in currencies},
        )


@dataclass(slots=True)
class Scores:
    """Takes outputs in their order, and adds them up."""

    history: History = field(default_factory=History)
    _stale: dict[str, int] = field(default_factory=dict)  # asset → since when
    _lags: dict[str, int] = field(default_factory=dict)  # asset → the longest so far, in ms
    _overdue: dict[str, int] = field(default_factory=dict)
    _money: dict[str, dict[str, float]] = field(default_factory=dict)

    def take(self, output: Output) -> None:
        """Add one output."""
        self.history.take(output)
        said = output.event() if output.model in _WATCHED else None
        if isinstance(said, FreshnessChanged):
            self._lag(said.asset, output.at)
            if said.stale_since is not None:
                self._stale[said.asset] = said.stale_since
            if said.verdict == "overdue" != said.previous:
                self._overdue[said.asset] = self._overdue.get(said.asset, 0) + 1
        elif isinstance(said, CostIncurred) and said.amount is not None:
            money, currency = self._money.setdefault(said.asset, {}), said.currency or "?"
            money[currency] = money.get(currency, 0.0) + said.amount

    def end(self, at: int) -> None:
        """Nothing comes after this instant: what is stale now was stale until then."""
        for asset in list(self._stale):
            self._lag(asset, at)

    def _lag(self, asset: str, until: int) -> None:
        since = self._stale.pop(asset, None)
        if since is not None:
            self._lags[asset] = max(self._lags.get(asset, 0), until - since)

    def of(self) -> dict[str, Score]:
        """asset → its score, for each that ran or was stale."""
        found: dict[str, tuple[int, int]] = {}
        for run in self.history.runs:
            if run.outcome in COUNTED and not run.made_by:
                runs, busy = found.get(run.asset, (0, 0))
                begun = run.granted_at if run.started_at is None else run.started_at
                found[run.asset] = runs + 1, busy + max(0, (run.finished_at or begun) - begun)
        return {
            asset: Score(
                *found.get(asset, (0, 0)),
                self._lags.get(asset, 0),
                self._overdue.get(asset, 0),
                self._money.get(asset, {}),
            )
            for asset in sorted({*found, *self._lags, *self._overdue})
        }
