"""`doctor`: is everything in place, and if not, what mends it."""

from dataclasses import dataclass

from typer import Typer

from everfresh.cli.command import FAILED, GOOD, Everywhere, command
from everfresh.cli.screen import document, table

group = Typer()


@dataclass(frozen=True, kw_only=True)
class Doctor(Everywhere):
    """What `doctor` takes."""


@command(group, "doctor", example="everfresh doctor --log kafka://broker:9092")
async def doctor(said: Doctor) -> int:
    """Look at what everfresh stands on: versions, the log, its topics, who is behind, snapshots against a refold.

    One line each with ok or problem, and what mends it; exit code 1 where there is a problem.
    """
    from everfresh.cli.examining import examine
    from everfresh.cli.place import settings_of

    found = [one async for one in examine(settings_of(said))]
    if said.json:
        document([{"subject": one.subject, "ok": one.ok, "text": one.text} for one in found])
    else:
        rows = [("ok" if one.ok else "problem", one.subject, one.text) for one in found]
        table(("", "subject", "found"), rows)
    return GOOD if all(one.ok for one in found) else FAILED
