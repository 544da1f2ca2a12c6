"""The base of all that a manifest is made of."""

from pydantic import BaseModel, ConfigDict


class Definition(BaseModel):
    """A frozen piece of a manifest; unknown fields of a newer version are kept out, never an error."""

    model_config = ConfigDict(frozen=True, extra="ignore")
