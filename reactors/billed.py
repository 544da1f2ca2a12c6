"""What was billed lately, so that a revision is known as one: bounded, the oldest goes first."""

from collections.abc import Mapping
from typing import Any

from reactors.domain import Domain
from reactors.state import Billed
from streams.costs import MEASURED

KEPT_MS = 100 * 86_400_000
"""how long a cost is remembered: invoices are closed within a quarter"""

KEPT_MAX = 50_000
"""costs that are remembered, whatever their age: some 8 MB of a snapshot"""


def name_of(asset: str, cost_id: str) -> str:
    """What a cost is remembered by."""
    return f"{asset} {cost_id}"


def remember(domain: Domain, asset: str, cost: Mapping[str, Any]) -> None:
    """Note a cost, given as its event's fields. What executors measure is final, and not kept."""
    if cost["resource"] in MEASURED:
        return
    bills, now = domain.state.bills, domain.state.now
    name = name_of(asset, cost["cost_id"])
    bills.pop(name, None)  # so that the newest stands last
    of = {field: cost[field] for field in ("resource", "quantity", "amount", "currency", "period")}
    bills[name] = Billed(now, cost.get("revision", 1), **of)
    while len(bills) > KEPT_MAX or bills[next(iter(bills))].at < now - KEPT_MS:
        del bills[next(iter(bills))]
