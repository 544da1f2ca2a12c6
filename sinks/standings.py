"""Where each asset stands, and the gauges that are worked out of it when somebody looks."""

from collections.abc import Iterable
from typing import NamedTuple

from sinks.series import OTHER, Family
from streams.events import FreshnessChanged

SECOND_MS = 1_000

ABOUT = {
    "everfresh_asset_staleness_seconds": "How long the asset has been behind its sources; 0 while it is fresh.",
    "everfresh_asset_promise_seconds": "How far behind its sources the asset may be at most.",
    "everfresh_asset_due_timestamp_seconds": "When the asset falls due; in the past, nobody may be deciding.",
    "everfresh_asset_last_success_timestamp_seconds": "When a version was last published or verified.",
}


class Part(NamedTuple):
    """One partition's freshness as its reactor said it last; instants in milliseconds."""

    known: bool  # False while it has no version and nothing to be behind of
    stale_since: int | None
    promise_seconds: float | None
    due_at: int | None


class Shown(NamedTuple):
    """One asset's gauges, in the order of ABOUT; None where there is nothing to say."""

    staleness: float | None
    promise: float | None
    due: float | None
    success: float | None


class Standings:
    """Assets by name. The first `assets_max` of them have their own series, the others share one."""

    def __init__(self, assets_max: int) -> None:
        self._assets_max = assets_max
        self._parts: dict[str, dict[str, Part]] = {}
        self._successes: dict[str, int] = {}

    def freshness(self, said: FreshnessChanged) -> None:
        """What a reactor said of an asset's freshness."""
        known = said.verdict != "unknown" or said.stale_since is not None
        part = Part(known, said.stale_since, said.promise_seconds, said.due_at)
        self._parts.setdefault(said.asset, {})[said.partition] = part

    def succeeded(self, asset: str, at_ms: int) -> None:
        """A version was published or verified; what came earlier changes nothing."""
        self._successes[asset] = max(at_ms, self._successes.get(asset, at_ms))

    def forget(self, node: str) -> None:
        """The asset is no longer declared; `node` is its key, or `key[partition]`."""
        asset, _, partition = node.removesuffix("]").partition("[")
        parts = self._parts.get(asset, {})
        parts.pop(partition, None)
        if not parts or node == asset:
            self._parts.pop(asset, None)
            self._successes.pop(asset, None)

    def forget_all(self) -> None:
        """The states are about to be read again from the beginning; when something succeeded stays known."""
        self._parts.clear()

    def families(self, now_ms: int) -> list[Family]:
        """The gauges at `now_ms`; they move although nothing is consumed."""
        shown = {asset: self._shown(asset, now_ms) for asset in self._parts}
        names = list(shown)
        rows = {asset: shown[asset] for asset in names[: self._assets_max]}
        folded = [shown[asset] for asset in names[self._assets_max :]]
        if folded:
            rows[OTHER] = _together(folded)
        families = [
            Family(
                name, "gauge", about, ("asset",), [((a,), v) for a, one in rows.items() if (v := one[at]) is not None]
            )
            for at, (name, about) in enumerate(ABOUT.items())
        ]
        about = (
            f"Assets beyond the limit on series, shown as asset={OTHER!r}: the one that is furthest past its promise."
        )
        return [*families, Family("everfresh_assets_folded", "gauge", about, (), [((), float(len(folded)))])]

    def _shown(self, asset: str, now_ms: int) -> Shown:
        parts = self._parts[asset].values()
        stale_since = min((part.stale_since for part in parts if part.stale_since is not None), default=None)
        staleness = 0.0 if stale_since is None else max(0, now_ms - stale_since) / SECOND_MS
        return Shown(
            staleness if any(part.known for part in parts) else None,
            _least(part.promise_seconds for part in parts),
            _seconds(_least(part.due_at for part in parts)),
            _seconds(self._successes.get(asset)),
        )


def _together(folded: list[Shown]) -> Shown:
    """Staleness and promise of the one asset that is furthest past its promise, so that the two may be compared."""
    worst = max(folded, key=_past_promise)
    return Shown(
        worst.staleness, worst.promise, _least(one.due for one in folded), _least(one.success for one in folded)
    )


def _past_promise(one: Shown) -> tuple[bool, float]:
    return one.promise is not None, (one.staleness or 0.0) - (one.promise or 0.0)


def _least(values: Iterable[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)


def _seconds(at_ms: float | None) -> float | None:
    return None if at_ms is None else at_ms / SECOND_MS
