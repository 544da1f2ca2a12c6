"""`[webhooks.NAME]` in everfresh.toml: who is told of what by HTTP."""

from __future__ import annotations

import os
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from everfresh.destination_settings import Url
from sinks.choosing import types_of
from sinks.signing import key_of
from streams.errors import SettingError
from streams.events import Severity
from streams.units import Duration


class WebhookSettings(BaseModel):
    """One webhook. Its secret stands here or in a variable: several, to change it without a gap, sign each event."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: Url
    secret: tuple[SecretStr, ...] = ()  # whsec_ and base64; one, or a list
    secret_env: str = ""  # the variable that holds it, or several with spaces between
    types: tuple[str, ...] = ("alert.*",)
    least: Severity = "info"  # of what has a severity, nothing below
    allow_private: bool = False  # it may be on this machine or network
    timeout_ms: Duration = Field(default=15_000, ge=100, le=60_000)
    per_minute: float = Field(default=0, ge=0)  # calls, at most; 0 is as many as there are

    @field_validator("secret", "types", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("secret")
    @classmethod
    def _has_keys(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for one in value:
            key_of(one.get_secret_value())
        return value

    @field_validator("types")
    @classmethod
    def _names_events(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        types_of(value)
        return value

    def keys(self, name: str) -> tuple[bytes, ...]:
        """What signs events to the webhook `name`. Raises SettingError: only who delivers needs the variable."""
        said = [one.get_secret_value() for one in self.secret]
        if self.secret_env:
            said += os.environ.get(self.secret_env, "").split()
        if not said:
            where = f"{self.secret_env} in the environment" if self.secret_env else "`secret` or `secret_env`"
            raise SettingError(f"setting 'webhooks.{name}.secret' is missing; set {where}")
        try:
            return tuple(key_of(one) for one in said)
        except ValueError as error:
            raise SettingError(f"setting 'webhooks.{name}.secret_env' is wrong: {error}") from None
