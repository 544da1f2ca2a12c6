"""What a check measured of one version: numbers of which two sets merge into those of both, so that they can be kept.

They travel in reports, the fold keeps the last ones, and grants hand those back to be compared with.
"""

from pydantic import BaseModel, ConfigDict, Field


class ColumnMeasure(BaseModel):
    """Of one column. NaN counts as null; the sums are of numbers only, as floats."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    nulls: int = 0
    count: int = 0  # values that aren't null
    sum: float | None = None  # None: no column of numbers, or none in it
    squares: float | None = None  # the sum of the values' squares
    least: float | None = None
    most: float | None = None
    distinct: int | None = None  # where it was asked for; after a merge the sketch's estimate
    sketch: str | None = None  # of the values, as hex: see reactors/sketches.py


class Measure(BaseModel):
    """Of one version's table."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    rows: int = 0
    columns: dict[str, ColumnMeasure] = Field(default_factory=dict)
    types: dict[str, str] | None = None  # column → type, where the schema was asked for


class Point(BaseModel):
    """A measure that is remembered: of which version, and whether it counts as usual."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: str
    partition: str = ""
    usual: bool = True  # False: it failed, so what comes isn't compared with it
    held: bool = False  # its version was held back, and nobody released it
    measure: Measure


Learned = dict[str, dict[str, tuple[Point, ...]]]
"""asset → check → what is remembered, oldest first"""
