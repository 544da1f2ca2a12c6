"""From the lines of a bill to costs of assets: whose a line is, what becomes of the rest, and which revision it is."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, NamedTuple

from reactors.splitting import Weights, by_shares, by_use, evenly, places_of, split
from streams.costs import IDLE, Tagged, idle_of
from streams.events import CostReported

PLACES = 6
"""digits that are kept behind the point, of money and of quantities"""

ZERO = Decimal(0)

Split = Literal["idle", "evenly", "proportionally"]


class Line(NamedTuple):
    """A line of a bill: of one day (UTC) and one resource. `tag` says whose it is, where something does."""

    day: str
    resource: str
    quantity: Decimal
    unit: str
    amount: Decimal | None = None
    currency: str | None = None
    tag: Tagged | None = None


class Known(NamedTuple):
    """A cost as it stands: what its newest event says."""

    asset: str
    cost_id: str
    revision: int
    run: str
    resource: str
    quantity: float
    unit: str
    amount: float | None
    currency: str | None
    status: str
    period: str


class Kind(NamedTuple):
    """What may be added up."""

    day: str
    resource: str
    unit: str
    currency: str | None


class Whose(NamedTuple):
    """Who a cost is of; without a run it is a share of something."""

    asset: str
    run: str
    method: Literal["measured", "apportioned"]


@dataclass(slots=True)
class Sum:
    """What lines come to."""

    quantity: Decimal = ZERO
    amount: Decimal | None = None

    def add(self, quantity: Decimal, amount: Decimal | None) -> None:
        """Add a line, or a part of one."""
        self.quantity += quantity
        if amount is not None:
            self.amount = (self.amount or ZERO) + amount


@dataclass(frozen=True)
class Bill:
    """How a bill is taken: its name, the assets that may be billed, and the domain that bears what is nobody's.

    What carries no tag of one of these assets stays idle, or is split: evenly or proportionally over the assets that
    carry one on that day, or by `shares` in per cent, whose rest is idle.
    """

    name: str
    assets: frozenset[str]
    bearer: str
    untagged: Split = "idle"
    shares: Mapping[str, Decimal] = field(default_factory=dict)

    def costs(self, lines: Iterable[Line], days: Iterable[str], known: Iterable[Known] = ()) -> list[CostReported]:
        """What has to be told after the bill of these days was read, all of it: only what is new or differs.

        A cost that the last bill of such a day had, and this one hasn't, comes to zero.
        """
        sums = self._summed(lines)
        before = _Before(known)
        found: dict[tuple[str, str], CostReported] = {}
        for (kind, whose), summed in sorted(sums.items(), key=lambda one: (*map(str, one[0][0]), *one[0][1])):
            cost_id = before.estimate(kind, whose) or self._name(kind, whose)
            found[whose.asset, cost_id] = _cost(kind, whose, summed, cost_id)
        for old in before.replaced(whose.run for _, whose in sums):
            found.setdefault((old.asset, old.cost_id), _nothing(old))
        prefixes = tuple(f"bill/{self.name}/{day}/" for day in days)
        for old in before.all.values():
            if old.cost_id.startswith(prefixes):
                found.setdefault((old.asset, old.cost_id), _nothing(old))
        return [told for one in found.values() if (told := before.revised(one)) is not None]

    def _summed(self, lines: Iterable[Line]) -> dict[tuple[Kind, Whose], Sum]:
        sums: dict[tuple[Kind, Whose], Sum] = defaultdict(Sum)
        rest: dict[Kind, Sum] = defaultdict(Sum)
        for line in lines:
            kind = Kind(line.day, line.resource, line.unit, line.currency)
            if line.tag is not None and line.tag.asset in self.assets:
                sums[kind, Whose(*line.tag, "measured")].add(line.quantity, line.amount)
            else:
                rest[kind].add(line.quantity, line.amount)
        used = _used(sums)
        for kind, whole in rest.items():
            for asset, part in self._parts(kind, whole, used[kind]):
                sums[kind, Whose(asset, "", "apportioned")].add(part.quantity, part.amount)
        return sums

    def _parts(self, kind: Kind, whole: Sum, used: Mapping[str, Decimal]) -> Iterator[tuple[str, Sum]]:
        weights = self._weights(used)
        quantities = split(_rounded(whole.quantity), weights, PLACES)
        money = {} if whole.amount is None else split(_rounded(whole.amount), weights, places_of(kind.currency))
        for name in {**quantities, **money}:
            asset = idle_of(self.bearer) if name == IDLE else name
            if quantities.get(name) or money.get(name) or name != IDLE:
                yield asset, Sum(quantities.get(name, ZERO), money.get(name))

    def _weights(self, used: Mapping[str, Decimal]) -> Weights:
        if self.shares:
            return by_shares(self.shares)
        if self.untagged == "evenly":
            return evenly(used)
        return by_use({name: max(ZERO, one) for name, one in used.items()}) if self.untagged == "proportionally" else {}

    def _name(self, kind: Kind, whose: Whose) -> str:
        about = (kind.resource, kind.unit, kind.currency or "-", whose.run or whose.method)
        return "/".join(("bill", self.name, kind.day, *(one.replace("/", "_") for one in about)))


class _Before:
    """What is known of costs: the newest revision of each."""

    def __init__(self, known: Iterable[Known]) -> None:
        self.all: dict[tuple[str, str], Known] = {}
        self._runs: dict[str, list[Known]] = defaultdict(list)
        for one in known:
            if one.revision >= self.all.get((one.asset, one.cost_id), one).revision:
                self.all[one.asset, one.cost_id] = one
        for one in self.all.values():
            if one.run and one.cost_id.startswith(f"{one.run}/"):
                self._runs[one.run].append(one)
        self._taken: dict[tuple[str, str], Kind] = {}
        self._resources: dict[str, set[str]] = defaultdict(set)

    def estimate(self, kind: Kind, whose: Whose) -> str | None:
        """The name of what the run's last attempt said itself about this, where that is of the same day."""
        self._resources[whose.run].add(kind.resource)
        own = [
            one
            for one in self._runs.get(whose.run, ())
            if (one.asset, one.resource, one.period) == (whose.asset, kind.resource, kind.day)
        ]
        if not own:
            return None
        last = max(own, key=lambda one: (len(one.cost_id), one.cost_id))
        is_free = self._taken.setdefault((last.asset, last.cost_id), kind) == kind
        return last.cost_id if is_free else None

    def replaced(self, runs: Iterable[str]) -> Iterator[Known]:
        """What attempts of these runs said themselves about what is billed now under another name."""
        for run in dict.fromkeys(runs):
            for one in self._runs.get(run, ()):
                if one.status == "estimated" and one.resource in self._resources[run]:
                    yield one

    def revised(self, new: CostReported) -> CostReported | None:
        """The cost as the next revision of what is known; None where it is known just so."""
        old = self.all.get((new.asset, new.cost_id))
        if old is None:
            return new
        amount = None if new.amount is None else float(new.amount)
        if (new.quantity, new.unit, amount, new.currency, new.status) == (
            old.quantity,
            old.unit,
            old.amount,
            old.currency,
            old.status,
        ):
            return None
        return new.model_copy(update={"revision": old.revision + 1})


def _used(sums: Mapping[tuple[Kind, Whose], Sum]) -> Mapping[Kind, Mapping[str, Decimal]]:
    found: dict[Kind, dict[str, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    for (kind, whose), summed in sums.items():
        found[kind][whose.asset] += summed.quantity
    return found


def _rounded(number: Decimal) -> Decimal:
    """To the digits that are kept, without zeros at the end: a whole of cents is split into cents."""
    kept = round(number, PLACES).normalize()
    return kept if kept.as_tuple().exponent <= 0 else kept.quantize(Decimal(1))  # type: ignore[operator]


def _cost(kind: Kind, whose: Whose, summed: Sum, cost_id: str) -> CostReported:
    return CostReported(
        asset=whose.asset,
        run=whose.run,
        cost_id=cost_id,
        resource=kind.resource,
        quantity=float(_rounded(summed.quantity)),
        unit=kind.unit,
        amount=None if summed.amount is None else f"{_rounded(summed.amount):f}",
        currency=None if summed.amount is None else kind.currency,
        method=whose.method,
        period=kind.day,
    )


def _nothing(old: Known) -> CostReported:
    return CostReported(
        asset=old.asset,
        run=old.run,
        cost_id=old.cost_id,
        resource=old.resource,
        quantity=0,
        unit=old.unit,
        amount=None if old.amount is None else "0",
        currency=None if old.amount is None else old.currency,
        period=old.period,
    )
