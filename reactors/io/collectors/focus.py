"""A FOCUS file (1.0 to 1.2): the bill as clouds export it.

Source: https://focus.finops.org/focus-specification/
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from reactors.collecting import Line
from reactors.io.collectors.reading import number
from streams.costs import Tagged, tagged
from streams.errors import NotCollected

NEEDED = ("BilledCost", "BillingCurrency", "ChargePeriodStart")
"""columns that no line can do without"""


@dataclass(frozen=True, slots=True)
class FocusFile:
    """One CSV, UTF-8. `Tags`, or else `ResourceId`, say whose a line is; its day is where its period starts."""

    path: Path
    column: str = "BilledCost"  # or EffectiveCost, which spreads what was paid ahead

    async def lines(self, first: str, last: str) -> Sequence[Line]:
        """See Collector. Reads a file, so it holds up the loop: it is for the command line."""
        return [line for line in self.all() if first <= line.day <= last]

    def all(self) -> list[Line]:
        """All its lines. Raises NotCollected with the line that can't be read."""
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                return list(self._read(csv.DictReader(file)))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise NotCollected(f"{self.path} can't be read: {error}") from None

    def _read(self, rows: "csv.DictReader[str]") -> Iterator[Line]:
        missing = [name for name in (*NEEDED, self.column) if name not in (rows.fieldnames or ())]
        if missing:
            raise NotCollected(f"{self.path} has no column {missing[0]!r}; a FOCUS file has {', '.join(NEEDED)}")
        for row in rows:
            try:
                yield self._line(row)
            except (ValueError, TypeError, AttributeError, NotCollected) as error:
                raise NotCollected(
                    f"{self.path}, line {rows.line_num}: {error}; nothing of the file was billed"
                ) from None

    def _line(self, row: Mapping[str, str]) -> Line:
        resource = row.get("ServiceName") or row.get("ServiceCategory") or "cloud"
        unit = row.get("ConsumedUnit") or row.get("PricingUnit") or ""
        quantity = row.get("ConsumedQuantity") or row.get("PricingQuantity")
        if len(row["BillingCurrency"]) != len("USD"):
            raise ValueError(f"{row['BillingCurrency']!r} is no currency like 'USD'")
        return Line(
            day=_day(row["ChargePeriodStart"]),
            resource=resource,
            quantity=number(quantity),
            unit=unit,
            amount=number(row[self.column]),
            currency=row["BillingCurrency"],
            tag=_tag(row),
        )


def _tag(row: Mapping[str, str]) -> Tagged | None:
    """A tag's value names the run, or `everfresh` is its key and the value the asset alone."""
    tags = orjson.loads(row.get("Tags") or "{}")
    for key, value in tags.items():
        if (found := tagged(str(value))) is not None:
            return found
        if key == "everfresh" and value:
            return Tagged(str(value), "")
    return tagged(row.get("ResourceId"))


def _day(text: str) -> str:
    """The day (UTC) of a FOCUS date and time.

    >>> _day("2026-01-31T23:30:00Z"), _day("2026-01-31 00:00:00")
    ('2026-01-31', '2026-01-31')
    """
    when = datetime.fromisoformat(text)
    return (when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)).date().isoformat()
