"""Budgets as data: so much of something in a calendar period, by some assets of a domain."""

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from streams.definition import Definition
from streams.units import milliseconds
from streams.wallclock import zone
from streams.windows import bounds, window_at

Period = Literal["hour", "day", "week", "month"]
OnBreach = Literal["notify", "throttle", "pause"]

MICRO = 1_000_000
"""limits and what is spent are counted in millionths, as integers"""

_SAID = re.compile(r"\s*([0-9][0-9_]*(?:\.[0-9]+)?)\s*([^/]*?)\s*/\s*(\w+)\s*")
_CURRENCY = re.compile(r"[A-Z]{3}")
_PERIODS: tuple[Period, ...] = ("hour", "day", "week", "month")
_TIMES = ("wall", "cpu")


class Budget(Definition):
    """What some assets may use in a period. `assets` and `owner` both empty: the whole domain.

    >>> budget = Budget.said("2h cpu/day")
    >>> budget.resource, budget.limit_micros, budget.period
    ('cpu', 7200000000, 'day')
    """

    name: str
    limit_micros: int = Field(gt=0)  # of the currency, or of the resource in its own unit
    currency: str | None = None  # what is counted: amounts in it; or else
    resource: str | None = None  # quantities of this
    period: Period = "day"
    tz: str = "UTC"
    assets: tuple[str, ...] = ()
    owner: str | None = None
    thresholds: tuple[int, ...] = (50, 80, 100)  # percent
    forecast: bool = True
    on_breach: OnBreach = "notify"
    stretch: int = Field(default=4, ge=2, le=1_000)  # throttled: promises are so many times as long

    @classmethod
    def said(cls, text: str, **fields: Any) -> "Budget":
        """A budget from a text like "20 USD/day", "100 snowflake.credits/month" or "2h cpu/day". Raises ValueError."""
        limit, what, period = _parts(text)
        said: dict[str, Any] = {"currency": what} if _CURRENCY.fullmatch(what) else {"resource": what}
        return cls(limit_micros=limit, period=period, **{"name": text.strip(), **said, **fields})

    @field_validator("thresholds")
    @classmethod
    def _rise(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or list(value) != sorted(set(value)) or value[0] < 1 or value[-1] > 1_000:
            raise ValueError("they are percents from 1 to 1000, each above the one before")
        return value

    @field_validator("tz")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        zone(value)
        return value

    @model_validator(mode="after")
    def _makes_sense(self) -> "Budget":
        if (self.currency is None) == (self.resource is None):
            raise ValueError("it counts a currency or a resource: one of them")
        if self.assets and self.owner is not None:
            raise ValueError("it is of assets or of an owner's, not of both")
        return self

    def window(self, at_ms: int) -> tuple[int, int]:
        """The period that an instant lies in: its first instant and the first after it, in ms."""
        return bounds(self.period, self.tz, window_at(self.period, self.tz, at_ms))


def _parts(text: str) -> tuple[int, str, Period]:
    """The limit in millionths, what is limited, and the period. Raises ValueError with an example of what is right."""
    amiss = f"{text!r} is no budget; write it like '20 USD/day', '2h cpu/day' or '100 snowflake.credits/month'"
    found, words = _SAID.fullmatch(text), text.partition("/")[0].split()
    period = next((one for one in _PERIODS if one == text.rpartition("/")[2].strip()), None)
    if period is None:
        raise ValueError(amiss)
    if len(words) == 2 and words[1] in _TIMES:
        try:
            return milliseconds(words[0]) * (MICRO // 1_000), words[1], period
        except ValueError:
            pass  # a bare number of seconds
    if found is None or not found[2]:
        raise ValueError(amiss)
    whole, _, rest = found[1].replace("_", "").partition(".")
    return int(whole) * MICRO + int(rest[:6].ljust(6, "0") or 0), found[2], period
