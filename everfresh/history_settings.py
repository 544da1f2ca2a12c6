"""`[history.NAME]` in everfresh.toml: databases in which everything is kept as rows."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from everfresh.destination_settings import needed
from streams.errors import SettingError
from streams.io.urls import sqlite_path

_POSTGRES = ("postgresql://", "postgres://")


class HistorySettings(BaseModel):
    """One database. Its url stands here or in a variable: it may hold a password."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: SecretStr = Field(default=SecretStr(""))
    url_env: str = ""  # the variable that holds the url

    @field_validator("url")
    @classmethod
    def _is_known(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            _check(value.get_secret_value())
        return value

    def address(self, name: str) -> str:
        """The url of the history `name`. Raises SettingError: only who writes it needs the variable."""
        said = needed(self.url, self.url_env, f"history.{name}.url")
        try:
            _check(said)
        except ValueError as error:
            raise SettingError(f"setting 'history.{name}.url_env' is wrong: {error}") from None
        return said


def _check(url: str) -> None:
    if url.startswith("sqlite:"):
        try:
            sqlite_path(url)
        except SettingError:
            raise ValueError("it names no file: sqlite:///absolute/path.db or sqlite:relative/path.db") from None
    elif not url.startswith(_POSTGRES):
        raise ValueError("it begins with sqlite: or postgresql://")


def is_postgres(url: str) -> bool:
    """Whether a history's url names a PostgreSQL."""
    return url.startswith(_POSTGRES)
