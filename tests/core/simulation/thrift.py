"""A plan without waste: no graph's runs cost more than so many times the least that could keep its promises.

What a rule saves shows in no single run, so it is judged by the sum: bench/economy.py's graphs and traces, against the
lower bound that imports nothing of ours. The limits are the ones that the planner was built to.
"""

import random

from bench.economy import ROWS
from bench.economy_plans import as_promised, graph, played, trace

MOST = {"durations 0": 1.5, "promises 10-40 x floor": 2.1, "promises 4-10 x floor": 2.0, "promises 2.5-4 x floor": 2.4}
"""row → economy (cost of runs ÷ lower bound) that no graph may exceed; of the rows without limits"""


def dear(seed: int) -> list[str]:
    """What a graph's plan wastes; empty where that is within the limit."""
    rows = [row for row in ROWS if row.name in MOST]
    row = rows[seed % len(rows)]
    dice = random.Random(f"{row.name} {seed // len(rows)}")
    promised = graph(dice, row)
    economy = played(promised, trace(dice, promised), as_promised(promised), row.slots).economy
    most = MOST[row.name]
    return [f"{row.name}: runs cost {economy:.2f} times the least, at most {most} would do"] if economy > most else []
