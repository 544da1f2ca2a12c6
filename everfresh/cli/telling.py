"""Sends what there is to say of a wrapped program, or keeps it for the next time."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from everfresh.cli.command import UsedWrongly
from everfresh.cli.finding import domains_of
from everfresh.cli.reporting import Report
from everfresh.cli.screen import note
from everfresh.cli.sending import Sender, in_time, reached
from everfresh.cli.sources import Sources
from everfresh.cli.words import counted
from everfresh.config import Settings
from everfresh.reading import now
from everfresh.spool import Spool
from streams.errors import EverfreshError
from streams.io.clock import wall_clock_ms


@dataclass(frozen=True, slots=True)
class Told:
    """What became of a report: the log has it, or it waits in a file, or neither."""

    report: Report
    published: bool
    file: Path | None

    def json(self) -> dict[str, Any]:
        """For machines."""
        report = self.report
        events = [{"id": event["id"], "type": event["type"]} for event in report.events]
        told = {"asset": report.asset, "run": report.run, "exit_code": report.exit_code, "events": events}
        return told | {"published": self.published, "spooled": None if self.file is None else str(self.file)}


async def tell(report: Report, settings: Settings, spool: Spool, *, check: bool) -> Told:
    """Send the events, after what waited; where the log can't be reached, they wait for the next time.

    With `check` it is then looked whether anybody declares the asset.
    """
    file: Path | None = None
    sent = False
    try:
        async with reached(settings, spool) as sender:
            await sender.empty_spool()
            if sender.sent:
                note(f"sent {counted(len(sender.sent), 'event')} that waited in {spool.folder}")
            await sender.send(report.events)
            sent = True
            if check:
                await _doubt(sender, report.asset)
    except EverfreshError as error:
        file = None if sent else _keep(report, spool, error)
    return Told(report, sent, file)


async def _doubt(sender: Sender, asset: str) -> None:
    """Say so where nobody takes in what was sent. To look for it before would only hold it up."""
    site, domain = sender.site, asset.partition("/")[0]
    try:
        await in_time(domains_of(site, [domain]), site.settings)
        state = await in_time(now(site.log, site.settings.topics, domain), site.settings)
        Sources([domain], state.graph.assets).key(asset)
    except UsedWrongly as error:
        note(f"what was published of {asset} becomes a dead letter: {error}")
    except EverfreshError:
        pass  # it couldn't be looked up; what was sent is sent


def _keep(report: Report, spool: Spool, why: EverfreshError) -> Path | None:
    try:
        file = spool.keep(report.events, report.run, wall_clock_ms())
    except OSError as error:
        both = f"{why}; and {spool.folder} can't be written ({error.strerror})"
        note(f"this run's events are lost: {both}; publish {report.asset} by hand once that is mended")
        return None
    note(f"this run's events wait in {file} for the next `everfresh run` or `everfresh publish --spooled`: {why}")
    return file
