"""`bill collect` and `bill import`: what assets cost after all, from the services that bill."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option, Typer

from everfresh.cli.command import Everywhere, UsedWrongly, command
from everfresh.cli.screen import document, note, table

if TYPE_CHECKING:
    from everfresh.billing import Days
    from everfresh.site import Site
    from reactors.collecting import Bill
    from reactors.ports import Collector

group = Typer(help="Take bills: what assets cost after all, by the tags of their queries.")

COLUMNS = ("asset", "day", "resource", "quantity", "amount", "method", "revision")


@dataclass(frozen=True, kw_only=True)
class Taken(Everywhere):
    """What both take."""

    first: Annotated[str | None, Option("--from", metavar="DAY", help="The first day, UTC: 2026-01-31.")] = None
    last: Annotated[str | None, Option("--to", metavar="DAY", help="The last day; yesterday if not said.")] = None
    dry_run: Annotated[bool, Option("--dry-run", help="Say what would be told, and tell nobody.")] = False


@dataclass(frozen=True, kw_only=True)
class Collected(Taken):
    """What `collect` takes."""

    name: Annotated[str, Argument(metavar="NAME", help="A bill of everfresh.toml: [bills.NAME].")]


@dataclass(frozen=True, kw_only=True)
class Imported(Taken):
    """What `import` takes."""

    file: Annotated[Path, Argument(metavar="FILE", help="A CSV with FOCUS columns.")]
    name: Annotated[str, Option("--name", metavar="NAME", help="Whose bill it is.")] = "focus"
    column: Annotated[str, Option("--column", metavar="NAME", help="BilledCost or EffectiveCost.")] = "BilledCost"
    bearer: Annotated[str, Option("--bearer", metavar="DOMAIN", help="Who bears what is nobody's.")] = ""


@command(group, "collect", example="everfresh bill collect warehouse --from 2026-01-01 --to 2026-01-31")
async def collect(said: Collected) -> None:
    """Read the bill of some days from Snowflake, BigQuery or Databricks, and tell what differs from what is known.

    Without --from these are the last three days: bills change for a while. To collect again is safe.
    """
    from everfresh.billing import bill_of, collector_of
    from everfresh.cli.finding import existing
    from everfresh.options import meant

    async with existing(said) as site:
        bills = site.settings.bills
        if said.name not in bills:
            raise UsedWrongly(f"no [bills.{said.name}] in everfresh.toml; {meant(said.name, bills)}")
        of = bills[said.name]
        bill = await bill_of(site, said.name, of)
        await _take(said, site, (bill, collector_of(said.name, of)), _days(said))


@command(group, "import", example="everfresh bill import invoice.csv --name aws")
async def imported(said: Imported) -> None:
    """Read a bill from a FOCUS file, and tell what differs from what is known.

    Without --from all days of the file are taken, from its first to its last. To import a file again changes nothing.
    """
    from everfresh.billing import Days, bill_of
    from everfresh.cli.finding import existing
    from reactors.io.collectors.focus import FocusFile

    file = FocusFile(said.file, said.column)
    found = sorted(line.day for line in file.all())
    if said.first is not None:
        days = _days(said)
    elif found:
        days = Days(found[0], found[-1])
    else:
        raise UsedWrongly(f"{said.file} has no lines")
    async with existing(said) as site:
        bill = await bill_of(site, said.name, bearer=said.bearer)
        await _take(said, site, (bill, file), days)


async def _take(said: Taken, site: "Site", taken: "tuple[Bill, Collector]", days: "Days") -> None:
    from everfresh.billing import costs_to_tell, tell

    costs = await costs_to_tell(site, *taken, days)
    if not said.dry_run:
        await tell(site, costs)
    if said.json:
        document([one.model_dump(mode="json") for one in costs])
    elif costs:
        rows = [
            (
                one.asset,
                one.period,
                one.resource,
                f"{one.quantity:g} {one.unit}".strip(),
                "" if one.amount is None else f"{one.amount} {one.currency}",
                one.method,
                f"{one.revision}",
            )
            for one in costs
        ]
        table(COLUMNS, rows)
    else:
        note(f"nothing is new from {days.first} to {days.last}")


def _days(said: Taken) -> "Days":
    from datetime import UTC, date, datetime, timedelta

    from everfresh.billing import Days
    from reactors.io.clock import SystemClock

    today = datetime.fromtimestamp(SystemClock().now_ms() / 1_000, UTC).date()
    try:
        last = date.fromisoformat(said.last) if said.last else today - timedelta(days=1)
        first = date.fromisoformat(said.first) if said.first else last - timedelta(days=2)
    except ValueError as error:
        raise UsedWrongly(f"--from and --to are days like 2026-01-31: {error}") from None
    if first > last:
        raise UsedWrongly(f"--from {first} lies behind --to {last}")
    return Days(first.isoformat(), last.isoformat())
