"""Recompute, compare, judge, and write what was found. Exit code 1 where a result is wrong.

`python -m examples.nycflights.verifier --events FILE… --months N [--json FILE] [--picture FILE] [--seconds S]`
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from examples.nycflights.verifier.picture import draw
from examples.nycflights.verifier.promises import economy, goes_back, longest_lag, one_run_per_change
from examples.nycflights.verifier.story import Story, read
from examples.nycflights.verifier.tables import wrong_results

BLOCKED = "airline-ops/flights_clean"

Json = dict[str, Any]


def costs(stories: list[Story]) -> dict[str, Json]:
    """asset → what its attempts used: sums, but for the peak of memory."""
    found: dict[str, Json] = defaultdict(lambda: {"attempts": 0, "wall_seconds": 0.0, "cpu_seconds": 0.0})
    for story in stories:
        newest = {
            one["cost_id"]: one for one in sorted(story.outputs["cost.incurred"], key=lambda one: one["revision"])
        }
        for one in newest.values():
            cost, quantity = found[one["asset"]], one["quantity"]
            if one["resource"] == "wall":
                cost["attempts"] += 1
                cost["wall_seconds"] = round(cost["wall_seconds"] + quantity, 3)
            elif one["resource"] == "cpu":
                cost["cpu_seconds"] = round(cost["cpu_seconds"] + quantity, 3)
            elif one["resource"] == "memory.peak":
                cost["peak_bytes"] = max(cost.get("peak_bytes", 0), int(quantity))
            else:
                cost[one["resource"]] = cost.get(one["resource"], 0) + quantity
    return dict(sorted(found.items()))


def quarantines(stories: list[Story]) -> list[str]:
    """What is wrong about the corrupted batch; nothing where it was held back, told, and told to be over."""
    story = next(one for one in stories if BLOCKED in one.assets)
    held = {one["version"] for one in story.outputs["asset.quarantined"] if one["asset"] == BLOCKED}
    if not held:
        return ["the corrupted batch was not quarantined"]
    wrong = []
    for other in stories:
        for asset, published in other.publications.items():
            seen = {pin.get("version") for one in published for pin in one.said["inputs"].values()}
            if seen & held:
                wrong.append(f"{asset} was computed from a version in quarantine")
    fired = {
        kind: Counter(
            one["fingerprint"] for one in story.outputs[f"alert.{kind}"] if one["rule"] == "asset.quarantined"
        )
        for kind in ("opened", "resolved")
    }
    if not fired["opened"] or fired["opened"] != fired["resolved"]:
        wrong.append("the alert of the quarantine was not opened and resolved")
    return wrong


def judged(stories: list[Story], months: int) -> Json:
    """All that was found; `wrong` is what makes it not verified."""
    published = {asset: ones[-1].said for story in stories for asset, ones in story.publications.items() if ones}
    wrong = wrong_results(published, months)
    promises = {}
    for story in stories:
        for asset in story.derived:
            lag, promise = longest_lag(story, asset), story.promise(asset)
            if lag == float("inf"):
                wrong.setdefault(asset, "is behind its sources in the end")
            if goes_back(story, asset):
                wrong.setdefault(asset, "went back to an older cut")
            if promise is not None:
                promises[asset] = {"promise_seconds": promise, "longest_lag_seconds": round(lag, 3)}
    if troubles := quarantines(stories):
        wrong["quarantine"] = "; ".join(troubles)
    return {
        "verified": not wrong,
        "changes": sum(
            len(times) for story in stories for root, times in story.commits.items() if root in story.assets
        ),
        "runs": sum(story.runs(asset) for story in stories for asset in story.derived),
        "runs_one_per_change": one_run_per_change(stories),
        "economy": round(economy(stories), 3),
        "promises": promises,
        "checks": dict(Counter(one["outcome"] for story in stories for one in story.outputs["check.evaluated"])),
        "quarantined": sum(len(story.outputs["asset.quarantined"]) for story in stories),
        "alerts": {
            kind: sum(len(story.outputs[f"alert.{kind}"]) for story in stories) for kind in ("opened", "resolved")
        },
        "cost": costs(stories),
        "wrong": wrong,
    }


def tell(found: Json) -> None:
    for asset, one in found["promises"].items():
        kept = "kept" if one["longest_lag_seconds"] <= one["promise_seconds"] else "MISSED"
        wrong = found["wrong"].get(asset, "equal to the recomputation")
        promise, lag = one["promise_seconds"], one["longest_lag_seconds"]
        print(f"{asset:32} at most {lag:6.2f} s behind, promised {promise:4.0f} s: {kept}; {wrong}")
    for asset, wrong in found["wrong"].items():
        if asset not in found["promises"] and wrong:
            print(f"{asset}: {wrong}")
    saved = found["changes"] / max(1, found["runs"])
    print(
        f"{found['changes']:,} changes, {found['runs']} runs: {saved:.0f} changes a run; one for each change and asset "
        f"would be {found['runs_one_per_change']:,} runs; economy {found['economy']:.2f} (1 is the fewest possible)"
    )
    print(
        f"checks: {found['checks']}; {found['quarantined']} versions quarantined; "
        f"alerts: {found['alerts']['opened']} opened, {found['alerts']['resolved']} resolved"
    )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=Path, nargs="+", required=True)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path)
    said = parser.parse_args()

    stories = [read(path) for path in said.events]
    found = judged(stories, said.months) | {"seconds": said.seconds}
    tell(found)
    if said.picture:
        draw(stories, found, said.picture)
        print(f"a picture of it: {said.picture}")
    if said.json:
        said.json.write_text(json.dumps(found, indent=2))
    return 0 if found["verified"] else 1


if __name__ == "__main__":
    sys.exit(main())
