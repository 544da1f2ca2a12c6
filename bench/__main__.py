"""Run the benchmarks: all of them, or the named ones."""

import sys

from bench import anomaly, economy, fold, hop, idle, ingest, outage

PARTS = {
    "hop": hop.main,
    "ingest": ingest.main,
    "idle": idle.main,
    "economy": economy.main,
    "fold": fold.main,
    "outage": outage.main,
    "anomaly": anomaly.main,
}

for name in sys.argv[1:] or list(PARTS):
    if name not in PARTS:
        sys.exit(f"there is no benchmark {name!r}; there are {', '.join(PARTS)}")
    PARTS[name]()
