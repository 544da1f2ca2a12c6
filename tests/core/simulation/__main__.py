"""`python -m tests.core.simulation --seeds A:B [--jobs N]` plays seeds, prints what broke, and what they were like.

What was played is written down under data/simulation/, a file for each state of the code: the same command goes on
where it was ended. A seed that breaks something belongs into tests/core/test_stories.py.
"""

import argparse
import sys

from tests.core.simulation.campaign import FOLDER, campaign, digest, histograms


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.core.simulation")
    parser.add_argument("--seeds", default="0:300", help="from A to before B")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes")
    chosen = parser.parse_args()
    first, last = map(int, chosen.seeds.split(":"))
    path = FOLDER / f"{digest()}.jsonl"
    told = []
    for one in campaign(range(first, last), path, chosen.jobs):
        told.append(one)
        for text in one.broken:
            print(f"seed {one.seed}: {text}", flush=True)
    for line in histograms(told):
        print(line)
    bad = sum(bool(one.broken) for one in told)
    print(f"{len(told)} seeds, {bad} broken; written down in {path}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
