"""The demo as a picture: how far behind each asset was, against its promise, and how few runs that took."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from examples.nycflights.verifier.promises import lags
from examples.nycflights.verifier.story import Story, seconds

INK, LAG, PROMISE, QUARANTINE = "#1f2933", "#2f6fb2", "#c8513f", "#9a4fb0"


def draw(stories: list[Story], found: dict[str, Any], path: Path) -> None:
    """Write a PNG."""
    shown = [(story, asset) for story in stories for asset in story.derived if asset in found["promises"]]
    begun = min(times[0] for story in stories for times in story.commits.values())
    figure = Figure(figsize=(11, 1.1 + 0.62 * len(shown)), dpi=110, layout="constrained")
    grid = figure.add_gridspec(len(shown), 2, width_ratios=(4, 1.25), wspace=0.03)
    first: Axes | None = None
    for place, (story, asset) in enumerate(shown):
        axes = figure.add_subplot(grid[place, 0], sharex=first)
        first = first or axes
        _lag(axes, story, asset, begun)
        axes.tick_params(labelbottom=place == len(shown) - 1)
        if place == len(shown) - 1:
            axes.set_xlabel("seconds into the replay of 2013")
    _runs(figure.add_subplot(grid[:, 1]), found)
    missed = sum(one["longest_lag_seconds"] > one["promise_seconds"] for one in found["promises"].values())
    promises = f"{missed} promise{'s' * (missed > 1)} missed" if missed else "every asset as fresh as promised"
    title = f"{found['changes']:,} changes of a year, {found['runs']} runs, {promises}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=13, color=INK, fontweight="bold")
    figure.savefig(path)


def _lag(axes: Axes, story: Story, asset: str, begun: float) -> None:
    promise = story.promise(asset) or 0.0
    xs, ys, before = [0.0], [0.0], 0.0
    for at, behind in lags(story, asset):
        moment = at - begun
        if behind and moment > before:  # it grows by a second a second, from when it was 0
            xs.append(max(before, moment - behind))
            ys.append(max(0.0, behind - (moment - xs[-1])))
        xs.append(moment)
        ys.append(behind)
        before = moment
    axes.fill_between(xs, ys, color=LAG, alpha=0.25, linewidth=0)
    axes.plot(xs, ys, color=LAG, linewidth=1.1)
    axes.axhline(promise, color=PROMISE, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_ylim(0, promise * 1.75)
    axes.set_yticks([0, promise], ["0", f"{promise:.0f} s"], fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.text(0.004, 0.98, asset, transform=axes.transAxes, fontsize=9, color=INK, va="top", fontweight="bold")
    count = story.runs(asset)
    runs = f"{count} run{'' if count == 1 else 's'}"
    axes.text(0.996, 0.98, runs, transform=axes.transAxes, fontsize=8, color=INK, va="top", ha="right")
    for one in story.outputs["asset.quarantined"][:1]:
        at = seconds(one["finished_at"]) - begun
        axes.axvline(at, color=QUARANTINE, linewidth=1.2)
        if asset == min(key for key in story.derived if story.promise(key)):
            axes.text(at + 1, promise * 1.2, "a corrupted batch is held back", fontsize=7.5, color=QUARANTINE)


def _runs(axes: Axes, found: dict[str, Any]) -> None:
    bars = {
        "a run for each\nchange and asset": (found["runs_one_per_change"], "#b8c2cc"),
        "changes": (found["changes"], "#8aa4bf"),
        "runs by\neverfresh": (found["runs"], LAG),
    }
    most = found["runs_one_per_change"]
    for place, (name, (count, colour)) in enumerate(bars.items()):
        axes.bar(place, count, color=colour, width=0.66)
        axes.text(place, count + most * 0.01, f"{count:,}", ha="center", fontsize=9, color=INK, fontweight="bold")
        axes.text(place, -most * 0.02, name, ha="center", va="top", fontsize=8, color=INK)
    axes.set_ylim(0, most * 1.08)
    axes.set_xlim(-0.6, 2.6)
    axes.axis("off")
