"""What checks answered and what attempts cost, added up from the events: pure, for whoever reads them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from everfresh.cli.words import money, span
from streams.cloudevents import Envelope
from streams.units import instant

CHECK_COLUMNS = ("asset", "check", "outcome", "severity", "observed", "expected", "version", "when")
COST_COLUMNS = ("attempts", "wall", "cpu", "peak memory", "written", "reported")

Json = dict[str, Any]


def newest_answers(events: Iterable[Envelope]) -> list[Envelope]:
    """The last answer of each check, by asset and check. Events come in any order; repeats change nothing."""
    found: dict[tuple[str, str], Envelope] = {}
    for event in events:
        key = event["data"]["asset"], event["data"]["check"]
        if key not in found or str(event["sequence"]) >= str(found[key]["sequence"]):
            found[key] = event
    return [found[key] for key in sorted(found)]


def answer_cells(event: Envelope, now_ms: int) -> tuple[str, ...]:
    """An answer's row."""
    said = event["data"]
    outcome = f"{said['outcome']}, blocks" if said.get("blocking") and said["outcome"] == "fail" else said["outcome"]
    when = f"{span(max(0, now_ms - instant(event['time'])))} ago"
    told = [str(said.get(name) or "") for name in ("observed", "expected")]
    return said["asset"], said["check"], outcome, said["severity"], *told, said["version"], when


@dataclass(slots=True)
class Total:
    """What a group of attempts used: sums, but for the peak of memory."""

    attempts: int = 0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    written_bytes: int = 0
    reported: dict[str, float] = field(default_factory=dict)  # resource and unit → quantity
    amounts: dict[str, Decimal] = field(default_factory=dict)  # currency → money

    def take(self, cost: Mapping[str, Any]) -> None:
        """Add one cost."""
        resource, quantity = cost["resource"], cost["quantity"]
        if resource == "wall":
            self.attempts, self.wall_seconds = self.attempts + 1, self.wall_seconds + quantity
        elif resource == "cpu":
            self.cpu_seconds += quantity
        elif resource == "memory.peak":
            self.peak_bytes = max(self.peak_bytes, int(quantity))
        elif resource == "written":
            self.written_bytes += int(quantity)
        else:
            name = f"{resource} ({cost['unit']})"
            self.reported[name] = self.reported.get(name, 0.0) + quantity
        if cost.get("amount") is not None:
            currency = cost.get("currency") or "?"
            money_ = Decimal(str(cost["amount"]))  # as it was written: sums are right to the cent
            self.amounts[currency] = self.amounts.get(currency, Decimal(0)) + money_

    def cells(self) -> tuple[str, ...]:
        """Its part of a row."""
        reported = [f"{quantity:g} {name}" for name, quantity in sorted(self.reported.items())]
        reported += [money(self.amounts)] if self.amounts else []
        seconds = [span(round(one * 1_000)) for one in (self.wall_seconds, self.cpu_seconds)]
        sizes = [_bytes(one) for one in (self.peak_bytes, self.written_bytes)]
        return str(self.attempts), *seconds, *sizes, ", ".join(reported)

    def json(self) -> Json:
        """The same for machines."""
        amounts = {currency: float(amount) for currency, amount in self.amounts.items()}
        return {name: getattr(self, name) for name in self.__slots__} | {"amounts": amounts}


def newest_revisions(costs: Iterable[Envelope]) -> list[Envelope]:
    """Each cost once, as its last bill has it."""
    found: dict[str, Envelope] = {}
    for event in costs:
        said = event["data"]
        name = f"{said['asset']} {said['cost_id']}"
        if name not in found or said.get("revision", 1) > found[name]["data"].get("revision", 1):
            found[name] = event
    return list(found.values())


def totals(costs: Iterable[Json], group: Callable[[Json], tuple[str, ...]]) -> dict[tuple[str, ...], Total]:
    """group → what it used, the one that took longest first, period by period where the group begins with one."""
    found: dict[tuple[str, ...], Total] = {}
    for cost in costs:
        found.setdefault(group(cost), Total()).take(cost)
    return dict(sorted(found.items(), key=lambda one: (*one[0][:-1], -one[1].wall_seconds, one[0])))


def _bytes(size: int) -> str:
    """A size as one reads it.

    >>> _bytes(0), _bytes(2_048), _bytes(150_000_000)
    ('', '2 KiB', '143 MiB')
    """
    if not size:
        return ""
    for unit in ("B", "KiB", "MiB"):
        if size < 1_024:
            return f"{size} {unit}"
        size //= 1_024
    return f"{size} GiB"
