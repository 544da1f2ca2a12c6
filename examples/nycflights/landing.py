"""How the landing files are read: they only grow, and a version says which file, and how far.

`r0:81234` is the file's revision 0 up to byte 81,234; a repair begins another revision. A run reads exactly the bytes
that its grant names, whatever was appended meanwhile.
"""

import os
from pathlib import Path

import polars as pl

import everfresh as ef

HOME = Path(os.environ.get("NYCFLIGHTS_HOME", "data/nycflights"))

FLIGHTS = {
    "time_hour": pl.String,
    "carrier": pl.String,
    "flight": pl.Int64,
    "tailnum": pl.String,
    "origin": pl.String,
    "dest": pl.String,
    "dep_time": pl.Float64,
    "dep_delay": pl.Float64,
    "arr_delay": pl.Float64,
    "distance": pl.Int64,
}
WEATHER = {
    "origin": pl.String,
    "time_hour": pl.String,
    "temp": pl.Float64,
    "wind_speed": pl.Float64,
    "precip": pl.Float64,
    "visib": pl.Float64,
}


def landed(name: str, version: ef.Input, columns: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    """Some columns of a landing file as it stood at a version."""
    revision, _, size = (version.version or "r0:0").partition(":")
    with (HOME / "landing" / f"{name}.{revision}.csv").open("rb") as file:
        content = file.read(int(size))
    return pl.read_csv(content, columns=list(columns), schema_overrides=columns, null_values=["", "NA"]).select(
        list(columns)
    )


def read_flights(version: ef.Input) -> pl.DataFrame:
    return landed("flights", version, FLIGHTS)


def read_weather(version: ef.Input) -> pl.DataFrame:
    return landed("weather", version, WEATHER)


def read_reference(version: ef.Input) -> pl.DataFrame:
    """A table that is published once, as a whole: planes, airlines or airports."""
    name = version.key.partition("/")[2]
    return pl.read_csv(HOME / "landing" / f"{name}.csv", infer_schema_length=None, null_values=["", "NA"])
