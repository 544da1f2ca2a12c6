"""How much more is run than the least that could keep all promises, on random graphs, beside other ways of planning.

    python -m bench economy

Each row is 200 graphs; `economy` is cost of runs ÷ lower bound (bench/lower_bound.py). `late`: of all times that a
promise had to be kept, how often it wasn't.
"""

import random
import statistics
import sys

from bench.economy_plans import (
    Result,
    Row,
    as_promised,
    eagerly,
    graph,
    periodically,
    played,
    trace,
)

GRAPHS = 200

ROWS = (
    Row("durations 0", (0, 0), (1, 10)),
    Row("promises 10-40 x floor", (1, 8), (10, 40)),
    Row("promises 4-10 x floor", (1, 8), (4, 10)),
    Row("promises 2.5-4 x floor", (1, 8), (2.5, 4)),
    Row("1 slot, slot formula", (1, 8), (1, 4), slots=1),
    Row("2 slots, slot formula", (1, 8), (1, 4), slots=2),
    Row("3 slots, slot formula", (1, 8), (1, 4), slots=3),
)


def summed(name: str, results: list[Result]) -> str:
    economies = [one.economy for one in results]
    late, due = sum(one.late for one in results), sum(one.due for one in results)
    lag = max(one.longest_lag for one in results)
    return (
        f"{name:<24} mean {statistics.mean(economies):6.2f}  worst {max(economies):6.2f}  "
        f"late {late} of {due} ({late / max(1, due):.2%})  longest lag {lag:.2f} x its promise"
    )


def main(graphs: int = GRAPHS) -> None:
    for row in ROWS:
        ours, eager, cron, aligned = [], [], [], []
        for seed in range(graphs):
            dice = random.Random(f"{row.name} {seed}")
            promised = graph(dice, row)
            changes = trace(dice, promised)
            ours.append(played(promised, changes, as_promised(promised), row.slots))
            if seed % 4 == 0:
                eager.append(played(promised, changes, eagerly(promised), row.slots))
            cron.append(periodically(promised, changes, aligned=False))
            aligned.append(periodically(promised, changes, aligned=True))
        print(summed(row.name, ours))
        print(f"{summed('  everything eager', eager)} (a quarter of the graphs)")
        for name, found in (("  periods", cron), ("  aligned periods", aligned)):
            print(f"{name:<24} mean {statistics.mean(found):6.2f}  worst {max(found):6.2f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else GRAPHS)
