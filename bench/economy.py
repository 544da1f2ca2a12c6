"""How much more is run than the least that could keep all promises, on random graphs, beside other ways of planning.

    python -m bench.economy [--graphs N] [--picture FILE]

Each row is 200 graphs; `economy` is cost of runs ÷ lower bound (bench/lower_bound.py). `late`: of all times that a
promise had to be kept, how often it wasn't.
"""

import argparse
import random
import statistics
from dataclasses import dataclass

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
from bench.flights_trace import flights_trace

GRAPHS = 200

ROWS = (
    Row("durations 0", (0, 0), (1, 10)),
    Row("promises 10-40 x floor", (1, 8), (10, 40)),
    Row("promises 4-10 x floor", (1, 8), (4, 10)),
    Row("promises 2.5-4 x floor", (1, 8), (2.5, 4)),
    Row("1 slot, slot formula", (1, 8), (1, 4), slots=1),
    Row("2 slots, slot formula", (1, 8), (1, 4), slots=2),
    Row("3 slots, slot formula", (1, 8), (1, 4), slots=3),
    Row("flights, 10-40 x floor", (1, 8), (10, 40), flights=True),
    Row("flights, 4-10 x floor", (1, 8), (4, 10), flights=True),
)


def summed(name: str, results: list[Result]) -> str:
    economies = [one.economy for one in results]
    late, due = sum(one.late for one in results), sum(one.due for one in results)
    lag = max(one.longest_lag for one in results)
    return (
        f"{name:<24} mean {statistics.mean(economies):7.3f}  worst {max(economies):6.2f}  "
        f"late {late} of {due} ({late / max(1, due):.2%})  longest lag {lag:.2f} x its promise"
    )


@dataclass
class Measured:
    """A row's results: ours, everything eager (a quarter of the graphs), and the economies of the periodic plans."""

    ours: list[Result]
    eager: list[Result]
    periods: list[float]
    aligned: list[float]


def measured(row: Row, graphs: int) -> Measured:
    """Every plan on the same graphs and traces."""
    found = Measured([], [], [], [])
    for seed in range(graphs):
        dice = random.Random(f"{row.name} {seed}")
        promised = graph(dice, row)
        changes = flights_trace(dice, promised) if row.flights else trace(dice, promised)
        found.ours.append(played(promised, changes, as_promised(promised), row.slots))
        if seed % 4 == 0:
            found.eager.append(played(promised, changes, eagerly(promised), row.slots))
        found.periods.append(periodically(promised, changes, aligned=False))
        found.aligned.append(periodically(promised, changes, aligned=True))
    return found


def told(row: Row, found: Measured) -> None:
    print(summed(row.name, found.ours))
    print(f"{summed('  everything eager', found.eager)} (a quarter of the graphs)")
    for name, economies in (("  periods", found.periods), ("  aligned periods", found.aligned)):
        print(f"{name:<24} mean {statistics.mean(economies):7.3f}  worst {max(economies):6.2f}", flush=True)


def main(graphs: int = GRAPHS, picture: str | None = None) -> None:
    rows = {}
    for row in ROWS:
        rows[row.name] = found = measured(row, graphs)
        told(row, found)
    if picture is not None:
        from bench.economy_picture import draw

        draw(
            {
                name: (
                    [one.economy for one in found.ours],
                    [one.economy for one in found.eager],
                    found.periods,
                    found.aligned,
                )
                for name, found in rows.items()
            },
            picture,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.economy")
    parser.add_argument("--graphs", type=int, default=GRAPHS, help="how many a row")
    parser.add_argument("--picture", help="where to draw the figures, as PNG")
    main(**vars(parser.parse_args()))
