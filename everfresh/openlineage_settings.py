"""`[openlineage.NAME]` in everfresh.toml: servers that are told of lineage."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from everfresh.destination_settings import Url
from sinks.openlineage import PATH
from streams.units import Duration


class OpenLineageSettings(BaseModel):
    """One server, by the URL to which OpenLineage's own clients are pointed."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: Url
    path: str = PATH  # below the url
    namespace: str = Field(default="everfresh", min_length=1)  # of our jobs and datasets
    token: SecretStr = SecretStr("")  # shown as `Authorization: Bearer …`
    token_env: str = ""
    allow_private: bool = False  # it may be on this machine or network
    timeout_ms: Duration = Field(default=15_000, ge=100, le=60_000)

    @field_validator("path")
    @classmethod
    def _is_below(cls, value: str) -> str:
        return value.strip("/")
