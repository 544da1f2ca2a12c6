"""The economies of each way of planning, drawn: a row of dots a plan, one a graph, its mean as a bar."""

import statistics
from collections.abc import Mapping, Sequence

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

PLANS = (
    ("everfresh", "#1b7f5c"),
    ("everything eager", "#b5442b"),
    ("fixed periods", "#8a8f98"),
    ("aligned", "#4b6fa5"),
)
"""plan and colour, in the order of a row's economies"""


def draw(rows: Mapping[str, Sequence[Sequence[float]]], path: str) -> None:
    """Draw `row → economies of each plan` into a PNG file."""
    figure, axes = plt.subplots(figsize=(9, 5.6), layout="constrained")
    height = 0.8 / len(PLANS)
    for place, economies in enumerate(rows.values()):
        for number, ((plan, colour), found) in enumerate(zip(PLANS, economies, strict=True)):
            at = place + (number - (len(PLANS) - 1) / 2) * height
            axes.scatter(found, [at] * len(found), s=7, color=colour, alpha=0.25, linewidths=0)
            axes.plot([statistics.mean(found)] * 2, [at - height / 2, at + height / 2], color=colour, linewidth=2.5)
            if place == 0:
                axes.plot([], [], color=colour, linewidth=2.5, label=plan)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    ticks = (1, 1.5, 2, 3, 5, 10, 20, 50)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set_yticks(range(len(rows)), list(rows))
    axes.invert_yaxis()
    axes.set_xlabel("cost of the runs ÷ the least that could keep all promises (a dot a graph, bars: means)")
    axes.legend(loc="lower right", frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, dpi=120)
