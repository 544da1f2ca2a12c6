"""`[apprise.NAME]` and `[mail.NAME]` in everfresh.toml: people who are told in a chat or by mail."""

from __future__ import annotations

import os
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from sinks.choosing import Choice, types_of
from sinks.mail import Security, Server
from streams.errors import SettingError
from streams.events import Severity
from streams.units import Duration

_PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "none": 25}


class MessageSettings(BaseModel):
    """What both may be told."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=True)

    types: tuple[str, ...] = ("alert.*",)
    least: Severity = "info"  # of what has a severity, nothing below
    per_minute: float = Field(default=0, ge=0)  # messages, at most; 0 is as many as there are
    timeout_ms: Duration = Field(default=30_000, ge=100, le=60_000)

    @field_validator("types", "urls", "to", mode="before", check_fields=False)
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("types")
    @classmethod
    def _names_events(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        types_of(value)
        return value

    @property
    def choice(self) -> Choice:
        """Which events it gets."""
        return Choice(types_of(self.types), self.least, for_people=True)


class AppriseSettings(MessageSettings):
    """Who is told, by apprise's URLs. They hold tokens: write them here, or name a variable that holds them."""

    urls: tuple[SecretStr, ...] = ()
    urls_env: str = ""  # the variable that holds them, with spaces between

    def addresses(self, name: str) -> tuple[str, ...]:
        """The URLs of `apprise.NAME`. Raises SettingError: only who delivers needs the variable."""
        found = [one.get_secret_value() for one in self.urls]
        if self.urls_env:
            found += os.environ.get(self.urls_env, "").split()
        if not found:
            where = f"{self.urls_env} in the environment" if self.urls_env else "`urls` or `urls_env`"
            raise SettingError(f"setting 'apprise.{name}.urls' is missing; set {where}")
        return tuple(dict.fromkeys(found))


class MailSettings(MessageSettings):
    """A mail server, who writes, and to whom."""

    server: str  # host, or host:port
    security: Security = "starttls"  # or tls from the first byte, or none: then only on this machine's own network
    user: str = ""
    password: SecretStr = SecretStr("")
    password_env: str = ""
    sender: str = Field(alias="from")
    to: tuple[str, ...] = Field(min_length=1)

    @field_validator("server")
    @classmethod
    def _is_a_host(cls, value: str) -> str:
        parts = urlsplit(f"//{value}")  # it and `port` raise a ValueError of their own
        if parts.hostname is None or parts.port == 0 or "@" in value or parts.path:
            raise ValueError("it is a host, or host:port; user and password stand apart")
        return value

    @field_validator("sender")
    @classmethod
    def _has_an_address(cls, value: str) -> str:
        return _mailbox(value)

    @field_validator("to")
    @classmethod
    def _have_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(map(_mailbox, value)))

    def host(self, password: str) -> Server:
        """The server to hand mail in at."""
        parts = urlsplit(f"//{self.server}")
        port = parts.port or _PORTS[self.security]
        return Server(str(parts.hostname), port, self.security, self.user, password, self.timeout_ms)

    @property
    def domain(self) -> str:
        """What message ids end with: the sender's."""
        return parseaddr(self.sender)[1].rpartition("@")[2]


def _mailbox(value: str) -> str:
    address = parseaddr(value)[1]
    name, _, domain = address.rpartition("@")
    if not (name and domain and address.isascii() and value.isprintable()) or " " in address:
        raise ValueError("it is a mail address like 'oncall@example.org' or 'Everfresh <everfresh@example.org>'")
    return value
