"""The assets: what is kept of each flight, delays by airport and hour, and what the weather does to them.

The two sources are files that only grow; a version is a length in bytes, so a run reads exactly what it was granted.
"""

import os
from pathlib import Path

import polars as pl

import everfresh as ef

HOME = Path(os.environ.get("NYCFLIGHTS_HOME", "data/nycflights"))

app = ef.App("airline-ops", store=ef.ParquetStore(str(HOME / "store")))


def landed(name: str, version: ef.Input) -> pl.DataFrame:
    """The rows of a landing file as they stood at a version."""
    with (HOME / "landing" / f"{name}.csv").open("rb") as file:
        return pl.read_csv(file.read(int(version.version or 0)), infer_schema_length=None, null_values=[""])


def read_flights(version: ef.Input) -> pl.DataFrame:
    return landed("flights", version)


def read_weather(version: ef.Input) -> pl.DataFrame:
    return landed("weather", version)


flights = app.source("flights", owner="operations", load=read_flights)
weather = app.source("weather", owner="meteorology", load=read_weather)


@app.asset(deps=[flights], owner="operations", takes="300ms")
def flights_clean(flights: pl.DataFrame) -> pl.DataFrame:
    """One row a scheduled flight: where, when, how late, and whether it left at all."""
    return flights.select(
        "time_hour",
        "origin",
        "dest",
        "carrier",
        pl.col("dep_delay").cast(pl.Float64),
        pl.col("arr_delay").cast(pl.Float64),
        cancelled=pl.col("dep_time").is_null(),
    )


@app.asset(deps=[flights_clean], freshness=ef.Within("3s"), owner="operations", takes="200ms")
def delays_by_airport(flights_clean: pl.DataFrame) -> pl.DataFrame:
    """Flights, cancellations and mean departure delay of each airport and hour."""
    return (
        flights_clean.group_by("origin", "time_hour")
        .agg(
            flights=pl.len(),
            cancelled=pl.col("cancelled").sum(),
            dep_delay_minutes=pl.col("dep_delay").mean(),
        )
        .sort("origin", "time_hour")
    )


@app.asset(deps=[delays_by_airport, weather], freshness=ef.Within("5s"), owner="analytics", takes="200ms")
def weather_impact(delays_by_airport: pl.DataFrame, weather: pl.DataFrame) -> pl.DataFrame:
    """Mean delay by airport and visibility: flights of the hours whose weather is known."""
    seen = weather.select("origin", "time_hour", visibility_miles=pl.col("visib").cast(pl.Float64).round(0))
    return (
        delays_by_airport.join(seen, on=["origin", "time_hour"])
        .group_by("origin", "visibility_miles")
        .agg(
            hours=pl.len(),
            flights=pl.col("flights").sum(),
            cancelled=pl.col("cancelled").sum(),
            dep_delay_minutes=pl.col("dep_delay_minutes").mean(),
        )
        .sort("origin", "visibility_miles")
    )


@app.check(delays_by_airport, severity="warn")
def every_hour_has_flights(delays_by_airport: pl.DataFrame) -> bool:
    return bool((delays_by_airport["flights"] > 0).all())
