"""What the tables of destinations in everfresh.toml have in common: a URL, and secrets that are never shown."""

from __future__ import annotations

import os
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from sinks import pagerduty, slack
from sinks.choosing import Choice
from sinks.routing import ALERTS
from streams.errors import SettingError
from streams.events import Severity
from streams.units import Duration


def callable_url(value: str) -> str:
    """An http or https URL without a user in it. Raises ValueError."""
    parts = urlsplit(value)  # it and `port` raise a ValueError of their own
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError("it begins with https:// or http:// and a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("it holds a user or password; a receiver knows us by the signature")
    return value


Url = Annotated[str, AfterValidator(callable_url), Field(repr=False)]  # a path may be as good as a password


class AlertSettings(BaseModel):
    """What every destination of alerts may be told."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    least: Severity = "info"  # nothing below; where a route names the destination, the routes decide
    allow_private: bool = False  # it may be on this machine or network
    timeout_ms: Duration = Field(default=15_000, ge=100, le=60_000)  # of one call
    per_minute: float = Field(default=0, ge=0)  # calls, at most; 0 is as many as there are

    @property
    def choice(self) -> Choice:
        """Which events it gets where no route names it."""
        return Choice(ALERTS, self.least, for_people=True)


class AlertmanagerSettings(AlertSettings):
    """`[alertmanager.NAME]`: one Alertmanager, by the URL that its own pages have."""

    url: Url
    token: SecretStr = SecretStr("")  # shown as `Authorization: Bearer …`, where a proxy wants one
    token_env: str = ""
    resend_ms: Duration = Field(default=60_000, ge=100)  # how often it is told what fires


class PagerDutySettings(AlertSettings):
    """`[pagerduty.NAME]`: one integration of a service, of the kind Events API v2."""

    routing_key: SecretStr = SecretStr("")  # its Integration Key
    routing_key_env: str = ""  # or the variable that holds it
    url: Url = pagerduty.URL  # https://events.eu.pagerduty.com/v2/enqueue in Europe


class SlackSettings(AlertSettings):
    """`[slack.NAME]`: one channel. The app behind the token needs the scope chat:write, and to be in the channel."""

    token: SecretStr = SecretStr("")  # xoxb-…
    token_env: str = ""  # or the variable that holds it
    channel: str = Field(min_length=1)  # its id or its name
    url: Url = slack.URL
    per_minute: float = Field(default=60, ge=0)  # Slack takes about one a second of a channel


def secret_of(said: SecretStr, variable: str, setting: str) -> str:
    """A secret, from the setting itself or the variable that it names; "" where neither is said.

    Raises SettingError where the variable isn't there: only who delivers needs it.
    """
    if not variable:
        return said.get_secret_value()
    if not (found := os.environ.get(variable, "").strip()):
        raise SettingError(f"setting {setting!r} is missing; set {variable} in the environment")
    return found


def needed(said: SecretStr, variable: str, setting: str) -> str:
    """A secret without which nothing goes. Raises SettingError with what to set."""
    if not (found := secret_of(said, variable, setting)):
        name = setting.rpartition(".")[2]
        raise SettingError(f"setting {setting!r} is missing; set `{name}` or `{name}_env`")
    return found
