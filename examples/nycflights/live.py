"""What is going on, from the events that anybody may read: a table on a terminal, a line now and then elsewhere."""

import json
import subprocess
import sys
import threading
from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.live import Live
from rich.table import Table

COLOURS = {"fresh": "green", "stale": "yellow", "overdue": "red", "quarantined": "magenta", "blocked": "yellow"}
ENDED = ("everfresh.asset.materialized.v1", "everfresh.asset.verified.v1", "everfresh.asset.quarantined.v1")


@dataclass
class Row:
    """One asset, as its events tell it."""

    verdict: str = "unknown"
    promise_seconds: float | None = None
    stale_since: datetime | None = None
    runs: int = 0
    check: str = ""
    cpu_seconds: float = 0.0

    def lag_seconds(self) -> float:
        return (datetime.now(UTC) - self.stale_since).total_seconds() if self.stale_since else 0.0


@dataclass
class Board:
    """All assets; `take` each event."""

    rows: dict[str, Row] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    alerts: Counter[str] = field(default_factory=Counter)

    def take(self, event: dict[str, Any]) -> None:
        kind, said = event["type"], event["data"]
        if event["id"] in self.seen or not said.get("asset"):
            return
        self.seen.add(event["id"])
        if kind.startswith("everfresh.alert."):
            self.alerts[kind.split(".")[2]] += 1
            return
        row = self.rows.setdefault(said["asset"], Row())
        if kind == "everfresh.freshness.changed.v1":
            since = said.get("stale_since")
            row.verdict, row.promise_seconds = said["verdict"], said.get("promise_seconds")
            row.stale_since = datetime.fromisoformat(since) if since else None
        elif kind in ENDED and said.get("run"):
            row.runs += 1
        elif kind == "everfresh.check.evaluated.v1":
            row.check = f"{said['check']}: {said['outcome']}"
        elif kind == "everfresh.cost.incurred.v1" and said["resource"] == "cpu":
            row.cpu_seconds += said["quantity"]

    def table(self, title: str) -> Table:
        table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
        for name in ("asset", "verdict", "lag / promise", "runs", "CPU s", "last check"):
            table.add_column(name, justify="right" if name in ("runs", "CPU s", "lag / promise") else "left")
        for asset, row in sorted(self.rows.items()):
            promise = f"{row.promise_seconds:.0f} s" if row.promise_seconds else "-"
            lag = f"{row.lag_seconds():.1f} / {promise}"
            verdict = f"[{COLOURS.get(row.verdict, 'dim')}]{row.verdict}[/]"
            table.add_row(asset, verdict, lag, str(row.runs), f"{row.cpu_seconds:.1f}", row.check)
        return table

    def line(self, title: str) -> str:
        counts = Counter(row.verdict for row in self.rows.values())
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
        runs, cpu = sum(row.runs for row in self.rows.values()), sum(row.cpu_seconds for row in self.rows.values())
        alerts = f"{self.alerts['opened']} alerts opened, {self.alerts['resolved']} resolved"
        return f"{title}: {runs} runs, {cpu:.0f} s of CPU; {verdicts}; {alerts}"


class Watch:
    """Follows all output topics through the command that anybody may run, and shows the board."""

    def __init__(self, log: str) -> None:
        self.board = Board()
        self._lock = threading.Lock()
        command = [sys.executable, "-m", "everfresh", "events", "--follow", "--json", "--log", log]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._listen, daemon=True).start()
        self._live = Live(auto_refresh=False) if sys.stdout.isatty() else None

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            with self._lock:
                self.board.take(json.loads(line))

    def shown(self) -> AbstractContextManager[Any]:
        """The table stays in place while this lasts."""
        return self._live if self._live is not None else nullcontext()

    def show(self, title: str) -> None:
        with self._lock:
            if self._live is not None:
                self._live.update(self.board.table(title), refresh=True)
            else:
                print(self.board.line(title), flush=True)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
