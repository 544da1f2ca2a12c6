"""Bills from outside: what something cost after all. A later revision replaces the one before, in every total."""

from reactors.billed import name_of, remember
from reactors.budgets import spend
from reactors.commits import was_taken_in
from reactors.domain import Domain
from reactors.state import Billed
from streams.cloudevents import Envelope
from streams.costs import idle_of
from streams.errors import BadEvent
from streams.events import CostIncurred, CostItem, CostReported
from streams.units import instant

DAY_MS = 86_400_000


def reported(domain: Domain, event: Envelope, said: CostReported) -> None:
    """A bill came. A repeat and a lower revision change nothing.

    Raises BadEvent for an asset that isn't declared here, and for the known revision with other figures: told so, for
    whoever sent it means it to count.
    """
    _check(domain, event, said)
    if was_taken_in(domain, event):
        return
    amount = None if said.amount is None else float(said.amount)
    told = (said.revision, said.resource, said.quantity, amount, said.currency, said.period)
    new = Billed(domain.state.now, *told)
    before = domain.state.bills.get(name_of(said.asset, said.cost_id))
    if before is not None and new.revision <= before.revision:
        if new.revision == before.revision and new[1:] != before[1:]:
            raise BadEvent(
                f"bill of {said.asset!r}: revision {said.revision} of {said.cost_id!r} was told before, with other "
                f"figures; send it with revision {said.revision + 1}"
            )
        return
    fields = said.model_dump() | {"amount": new.amount}
    domain.say(CostIncurred, said.asset, fields)
    if before is not None:
        _count(domain, said.asset, before, -1)
    _count(domain, said.asset, new, 1)
    remember(domain, said.asset, fields)


def _check(domain: Domain, event: Envelope, said: CostReported) -> None:
    if event.get("subject") != said.asset:
        raise BadEvent(f"bill of {said.asset!r}: its subject is {event.get('subject')!r}; both name the asset")
    is_ours = said.asset in domain.graph.assets or said.asset == idle_of(domain.name)
    if not is_ours or said.asset in domain.graph.foreign:
        raise BadEvent(
            f"bill of {said.asset!r}: domain {domain.name!r} declares no such asset; correct the name, or bill it to "
            f"{idle_of(domain.name)!r}"
        )


def _count(domain: Domain, asset: str, billed: Billed, sign: int) -> None:
    """Budgets count the day that a bill is for, as far as it is over."""
    at = min(domain.state.now, instant(f"{billed.period}T00:00:00Z") + DAY_MS - 1)
    amount = None if billed.amount is None else sign * billed.amount
    cost = CostItem(
        resource=billed.resource, quantity=sign * billed.quantity, unit="", amount=amount, currency=billed.currency
    )
    spend(domain, asset, cost, at)
