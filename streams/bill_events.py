"""What bills say, as it stands in the topic of changes and in a journal."""

from datetime import date
from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from streams.costs import MEASURED, amount_of
from streams.event import Event
from streams.journal_events import OUTSIDE_TEXT

_FIRST_YEAR = 1970
"""instants begin there"""


class CostReported(Event):
    """What a bill says that an asset, or a run of it, cost; it may revise what was said before.

    The subject is the asset; what no asset used is billed to `domain/_idle`. A `cost_id` is one cost of its asset: a
    higher `revision` replaces the lower, the first being an attempt's own where the id is that of its cost.
    """

    TYPE: ClassVar[str] = "everfresh.cost.reported.v1"
    asset: str = Field(max_length=OUTSIDE_TEXT)
    run: str = Field(default="", max_length=OUTSIDE_TEXT)  # empty: of no run in particular
    cost_id: str = Field(min_length=1, max_length=OUTSIDE_TEXT)
    revision: int = Field(default=1, ge=1, le=1_000_000_000)
    resource: str = Field(min_length=1, max_length=OUTSIDE_TEXT)
    quantity: float = Field(allow_inf_nan=False, ge=-1e15, le=1e15)
    unit: str = Field(max_length=OUTSIDE_TEXT)
    amount: str | None = None  # money as decimal text
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")  # ISO 4217
    method: Literal["measured", "apportioned", "estimated"] = "measured"
    status: Literal["estimated", "reconciled"] = "reconciled"
    period: str = Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")  # the day that it is for, in UTC

    @field_validator("amount")
    @classmethod
    def _is_money(cls, amount: str | None) -> str | None:
        if amount is not None:
            amount_of(amount)
        return amount

    @field_validator("period")
    @classmethod
    def _is_a_day(cls, period: str) -> str:
        if date.fromisoformat(period).year < _FIRST_YEAR:
            raise ValueError("it is a day from 1970 on")
        return period

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.amount is None) != (self.currency is None):
            raise ValueError("amount and currency are said together, or neither")
        if self.resource in MEASURED:
            raise ValueError(f"{self.resource!r} is measured by everfresh itself; a bill's resource has another name")
        return self
