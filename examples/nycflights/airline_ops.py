"""The domain `airline-ops`: what left New York's airports, how late, in which weather."""

import polars as pl
from landing import HOME, read_flights, read_reference, read_weather

import everfresh as ef

app = ef.App("airline-ops", store=ef.ParquetStore(str(HOME / "store")))

flights = app.source("flights", owner="operations", load=read_flights, expect_every="3m")
weather = app.source("weather", owner="meteorology", load=read_weather, expect_every="3m")
planes = app.source("planes", owner="fleet", load=read_reference)
airlines = app.source("airlines", owner="operations", load=read_reference)
airports = app.source("airports", owner="operations", load=read_reference)


@app.asset(deps=[flights], freshness=ef.Eager(quiet="2s", max_wait="8s"), owner="operations", takes="1s")
def flights_clean(flights: pl.DataFrame) -> pl.DataFrame:
    """One row a scheduled flight: where, when, in which plane, how late, and whether it left at all.

    Eager, so that a corrupt batch is found, and can be repaired, before what is promised below falls due.
    """
    return flights.with_columns(cancelled=pl.col("dep_time").is_null())


@app.check(flights_clean, blocking=True)
def departures_are_possible(flights_clean: pl.DataFrame) -> ef.CheckOutcome:
    """Nobody leaves more than two hours early or two days late: such a batch is corrupt."""
    wrong = flights_clean.filter(~pl.col("dep_delay").is_between(-120, 2880)).height
    return ef.CheckOutcome(wrong == 0, f"{wrong} impossible departure delays", "all between -120 and 2880 minutes")


app.expect(flights_clean, ef.checks.not_null("time_hour", "carrier", "origin", "dest"), blocking=True)
app.expect(flights_clean, ef.checks.not_null("dep_time"), severity="info")  # what was cancelled has none


@app.asset(deps=[weather], owner="meteorology", takes="500ms")
def weather_hourly(weather: pl.DataFrame) -> pl.DataFrame:
    """One row an airport and hour."""
    return weather.with_columns(visibility_miles=pl.col("visib").round(0)).drop("visib")


@app.check(weather_hourly, severity="warn")
def no_hour_is_missing(weather_hourly: pl.DataFrame) -> ef.CheckOutcome:
    """Each airport has a row for every hour from its first to its last."""
    moments = weather_hourly.with_columns(at=pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ"))
    spans = moments.group_by("origin").agg(
        expected=(pl.col("at").max() - pl.col("at").min()).dt.total_hours() + 1, seen=pl.len()
    )
    missing = int((spans["expected"] - spans["seen"]).sum())
    return ef.CheckOutcome(missing == 0, f"{missing} hours of weather are missing")


@app.asset(deps=[flights_clean], freshness=ef.Within("20s"), owner="operations", takes="100ms")
def delays_by_airport(flights_clean: pl.DataFrame) -> pl.DataFrame:
    """Flights, cancellations and mean departure delay of each airport and hour."""
    return (
        flights_clean.group_by("origin", "time_hour")
        .agg(flights=pl.len(), cancelled=pl.col("cancelled").sum(), dep_delay_minutes=pl.col("dep_delay").mean())
        .sort("origin", "time_hour")
    )


@app.asset(deps=[flights_clean, weather_hourly], freshness=ef.Within("30s"), owner="meteorology", takes="300ms")
def flights_weather(flights_clean: pl.DataFrame, weather_hourly: pl.DataFrame) -> pl.DataFrame:
    """Each flight whose weather is known, with that weather."""
    kept = flights_clean.select("origin", "time_hour", "carrier", "dep_delay", "cancelled")
    return kept.join(weather_hourly, on=["origin", "time_hour"])


@app.asset(deps=[flights_weather, delays_by_airport], freshness=ef.Within("40s"), owner="meteorology", takes="100ms")
def weather_impact(flights_weather: pl.DataFrame, delays_by_airport: pl.DataFrame) -> pl.DataFrame:
    """Delay and cancellations by airport and visibility, and what share of the airport's flights that was."""
    whole = delays_by_airport.group_by("origin").agg(of=pl.col("flights").sum())
    return (
        flights_weather.group_by("origin", "visibility_miles")
        .agg(flights=pl.len(), cancelled=pl.col("cancelled").sum(), dep_delay_minutes=pl.col("dep_delay").mean())
        .join(whole, on="origin")
        .with_columns(share=pl.col("flights") / pl.col("of"))
        .drop("of")
        .sort("origin", "visibility_miles")
    )


@app.asset(deps=[flights_clean, airlines], freshness=ef.Within("30s"), owner="operations", takes="100ms")
def carrier_scorecard(flights_clean: pl.DataFrame, airlines: pl.DataFrame) -> pl.DataFrame:
    """How punctual each airline is."""
    return (
        flights_clean.group_by("carrier")
        .agg(
            flights=pl.len(),
            cancelled=pl.col("cancelled").sum(),
            on_time=(pl.col("arr_delay") <= 15).sum(),
            arr_delay_minutes=pl.col("arr_delay").mean(),
        )
        .join(airlines, on="carrier")
        .sort("carrier")
    )


@app.asset(deps=[flights_clean, airports], freshness=ef.Within("40s"), owner="network", takes="100ms")
def route_statistics(flights_clean: pl.DataFrame, airports: pl.DataFrame) -> pl.DataFrame:
    """Flights and delay of each route, with the destination's name where one is known."""
    return (
        flights_clean.group_by("origin", "dest", "distance")
        .agg(flights=pl.len(), arr_delay_minutes=pl.col("arr_delay").mean())
        .join(airports.select(dest="faa", airport="name"), on="dest", how="left")
        .sort("origin", "dest", "distance")
    )


@app.asset(deps=[flights_clean, planes], freshness=ef.Within("45s"), owner="fleet", takes="100ms")
def fleet_use(flights_clean: pl.DataFrame, planes: pl.DataFrame) -> pl.DataFrame:
    """Flights and miles of each plane model; one row without a name for the planes that nobody knows."""
    flown = flights_clean.filter(~pl.col("cancelled")).join(planes, on="tailnum", how="left")
    return (
        flown.group_by("manufacturer", "model")
        .agg(planes=pl.col("tailnum").drop_nulls().n_unique(), flights=pl.len(), miles=pl.col("distance").sum())
        .sort("manufacturer", "model")
    )


app.expect(fleet_use, ef.checks.not_null("manufacturer"), severity="warn")  # tail numbers that are no known plane's
app.expect(carrier_scorecard, ef.checks.unique("carrier"), ef.checks.row_count(least=1))
app.expect(route_statistics, ef.checks.relationship("dest", airports, at="faa"), severity="warn")
