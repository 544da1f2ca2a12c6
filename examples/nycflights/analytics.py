"""The domain `analytics`: a delay model, its predictions, and a daily report, over what `airline-ops` publishes."""

import io

import numpy as np
import polars as pl
from landing import HOME

import everfresh as ef

app = ef.App("analytics", store=ef.ParquetStore(str(HOME / "store")))
models = ef.JsonStore(str(HOME / "store"))
charts = ef.FileStore(str(HOME / "store"))

INPUTS = ("hour", "wind_speed", "precip", "visibility_miles")
"""what a delay is predicted from, beside a constant"""


@app.asset(deps={"flights": "airline-ops/flights_weather"}, owner="data-science", takes="500ms")
def delay_features(flights: pl.DataFrame) -> pl.DataFrame:
    """Departures with complete weather: the hour of the day (UTC), wind, rain, visibility, and the delay to learn."""
    return flights.select(
        "origin",
        pl.col("time_hour").str.slice(11, 2).cast(pl.Float64).alias("hour"),
        "wind_speed",
        "precip",
        "visibility_miles",
        "dep_delay",
    ).drop_nulls()


@app.asset(deps=[delay_features], freshness=ef.Within("40s"), owner="data-science", takes="300ms", store=models)
def delay_model(delay_features: pl.DataFrame, ctx: ef.Context) -> dict[str, object]:
    """Least squares of the delay on its inputs: the coefficients, and how much they explain."""
    rows = delay_features.height
    inputs = np.column_stack([np.ones(rows), delay_features.select(INPUTS).to_numpy()])
    delays = delay_features["dep_delay"].to_numpy()
    coefficients, *_ = np.linalg.lstsq(inputs, delays, rcond=None)
    rest = delays - inputs @ coefficients
    ctx.report_cost("training.rows", rows, amount=rows * 1e-6, currency="USD")
    return {
        "inputs": ["constant", *INPUTS],
        "coefficients": coefficients.tolist(),
        "rows": rows,
        "r2": 1 - float(rest.var() / delays.var()),
    }


@app.check(delay_model, severity="warn")
def the_model_explains_something(delay_model: dict[str, float]) -> ef.CheckOutcome:
    """Hour and weather alone explain little of a delay; less than a hundredth is next to nothing."""
    return ef.CheckOutcome(delay_model["r2"] >= 0.01, f"R² = {delay_model['r2']:.4f}", "R² ≥ 0.01")


@app.asset(deps=[delay_model, delay_features], freshness=ef.Within("45s"), owner="data-science", takes="200ms")
def delay_predictions(delay_model: dict[str, list[float]], delay_features: pl.DataFrame) -> pl.DataFrame:
    """For each airport and hour of the day: what the model expects on average, and what was."""
    constant, *weights = delay_model["coefficients"]
    expected = pl.lit(constant) + sum(pl.col(name) * weight for name, weight in zip(INPUTS, weights, strict=True))
    return (
        delay_features.with_columns(expected=expected)
        .group_by("origin", "hour")
        .agg(flights=pl.len(), expected_minutes=pl.col("expected").mean(), actual_minutes=pl.col("dep_delay").mean())
        .sort("origin", "hour")
    )


@app.asset(
    deps={"routes": "airline-ops/route_statistics"},
    freshness=ef.Eager(quiet="1s", max_wait="10s"),
    owner="network",
    takes="50ms",
)
def worst_routes(routes: pl.DataFrame) -> pl.DataFrame:
    """The twenty routes of at least a hundred flights that arrive latest."""
    often = routes.filter(pl.col("flights") >= 100)
    return often.sort(["arr_delay_minutes", "origin", "dest"], descending=[True, False, False]).head(20)


@app.asset(deps={"delays": "airline-ops/delays_by_airport"}, owner="operations", takes="50ms")
def daily_report(delays: pl.DataFrame) -> pl.DataFrame:
    """Each day of each airport: flights, cancellations, mean delay of those that left."""
    left = pl.col("flights") - pl.col("cancelled")
    minutes = (pl.col("dep_delay_minutes").fill_null(0) * left).sum()
    return (
        delays.group_by("origin", day=pl.col("time_hour").str.slice(0, 10))
        .agg(pl.col("flights").sum(), pl.col("cancelled").sum(), dep_delay_minutes=minutes / left.sum())
        .sort("origin", "day")
    )


@app.asset(deps=[daily_report], freshness=ef.Within("40s"), owner="operations", takes="500ms", store=charts)
def daily_chart(daily_report: pl.DataFrame) -> bytes:
    """The report as a picture: flights and delay of every day."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5), dpi=100, layout="constrained")
    delays, cancelled = figure.subplots(2, 1, sharex=True)
    for (origin,), days in daily_report.group_by("origin", maintain_order=True):
        moments = days["day"].str.to_date().to_list()
        delays.plot(moments, days["dep_delay_minutes"].to_list(), label=str(origin), linewidth=1)
        cancelled.plot(moments, days["cancelled"].to_list(), linewidth=1)
    delays.set_ylabel("mean delay, minutes")
    cancelled.set_ylabel("cancelled flights")
    delays.legend(frameon=False, ncols=3, loc="upper left")
    for axes in (delays, cancelled):
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return picture.getvalue()
