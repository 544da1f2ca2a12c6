"""Where the log is, by what was said and set. Light to import: a publisher needs no more."""

from everfresh.cli.command import Everywhere
from everfresh.config import Settings, settings
from streams.errors import LogUnavailable
from streams.io.urls import sqlite_path


def settings_of(said: Everywhere) -> Settings:
    """The settings, `--log` before all others."""
    return settings(log=said.log)


def check_there(found: Settings) -> Settings:
    """The settings, if the log they name may be there. Raises LogUnavailable with what makes one."""
    if not is_there(found):
        raise LogUnavailable(
            f"there is no log at {sqlite_path(found.log)}; `everfresh dev APP` or `everfresh deploy APP` makes one, "
            "--log names another"
        )
    return found


def is_there(found: Settings) -> bool:
    """Whether the embedded log's file exists; of any other log only opening it tells."""
    return not found.log.startswith("sqlite:") or sqlite_path(found.log).exists()
