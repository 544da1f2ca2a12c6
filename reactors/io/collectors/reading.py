"""What collectors have in common: days, prices, and rows that must be as they are documented."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from streams.errors import NotCollected


@dataclass(frozen=True, slots=True)
class Price:
    """What a unit costs, where the service doesn't say; without one a bill has quantities only."""

    each: Decimal | None = None
    currency: str | None = None

    def of(self, quantity: Decimal) -> Decimal | None:
        """The money for so much."""
        return None if self.each is None else self.each * quantity


NO_PRICE = Price()


def number(value: Any) -> Decimal:
    """A number that came as JSON text or number; none is 0. Raises NotCollected."""
    try:
        found = Decimal(str(value if value not in (None, "") else 0))
    except InvalidOperation:
        raise NotCollected(f"{value!r} is no number") from None
    if not found.is_finite():
        raise NotCollected(f"{value!r} is no number that can be billed")
    return found


def day_after(day: str) -> str:
    """The next day.

    >>> day_after("2026-01-31")
    '2026-02-01'
    """
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def days_from(first: str, last: str) -> list[str]:
    """All days of a range, both ends included.

    >>> days_from("2026-01-31", "2026-02-01")
    ['2026-01-31', '2026-02-01']
    """
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    return [(begin + timedelta(days=one)).isoformat() for one in range((end - begin).days + 1)]


def milliseconds_at(day: str) -> int:
    """The instant at which a day begins in UTC.

    >>> milliseconds_at("2026-01-01")
    1767225600000
    """
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1_000)


def day_of(milliseconds: Any) -> str:
    """The day (UTC) of an instant as services tell it, milliseconds as text.

    >>> day_of("1767225600000")
    '2026-01-01'
    """
    return datetime.fromtimestamp(int(milliseconds) / 1_000, UTC).date().isoformat()


def rows_by_name(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[Mapping[str, Any]]:
    """Rows as a result has them, by lower-case names of columns."""
    names = [one.lower() for one in columns]
    for row in rows:
        yield dict(zip(names, row, strict=True))


@contextmanager
def as_documented(service: str) -> Iterator[None]:
    """Whatever is missing in an answer, or isn't what it should be, is told so. Raises NotCollected."""
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise NotCollected(
            f"{service} answered otherwise than documented ({type(error).__name__}: {error}), so nothing was billed"
        ) from error
