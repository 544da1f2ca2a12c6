"""`[bills.NAME]` in everfresh.toml: services whose bills are collected."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from everfresh.destination_settings import needed
from reactors.splitting import by_shares

BIGQUERY_URL = "https://bigquery.googleapis.com"


class BillSettings(BaseModel):
    """One service, and what becomes of what nobody's tag is on."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    service: Literal["snowflake", "bigquery", "databricks"]
    url: str = ""  # https://… of the account or the workspace; BigQuery has one for all
    token: SecretStr = SecretStr("")
    token_env: str = ""  # the variable that holds it
    warehouse: str = ""  # what answers: Snowflake's by name, Databricks' by id
    role: str = ""  # Snowflake's
    project: str = ""  # BigQuery's
    price: Decimal | None = Field(default=None, ge=0)  # of a credit or a TiB; Databricks tells its own
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    untagged: Literal["idle", "evenly", "proportionally"] = "idle"
    shares: dict[str, Decimal] = Field(default_factory=dict)  # asset → per cent of what is untagged
    bearer: str = ""  # the domain of what is nobody's; the only one if not said

    @field_validator("shares")
    @classmethod
    def _at_most_all(cls, value: dict[str, Decimal]) -> dict[str, Decimal]:
        by_shares(value)
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> BillSettings:
        if self.service != "bigquery" and not self.url.startswith(("https://", "http://")):
            raise ValueError(f"{self.service} needs its url: https://…")
        lacks = {"databricks": ("warehouse", self.warehouse), "bigquery": ("project", self.project)}.get(self.service)
        if lacks is not None and not lacks[1]:
            raise ValueError(f"{self.service} needs `{lacks[0]}`")
        if (self.price is None) != (self.currency is None):
            raise ValueError("price and currency are said together, or neither")
        return self

    @property
    def address(self) -> str:
        """Where the service is."""
        return self.url or BIGQUERY_URL

    def secret(self, name: str) -> str:
        """The token of `bills.NAME`. Raises SettingError: only who collects needs it."""
        return needed(self.token, self.token_env, f"bills.{name}.token")
