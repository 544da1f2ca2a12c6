"""`python -m tests.core.simulation --seeds A:B [--jobs N]` plays seeds, prints what broke, and what they were like.

What was played is written down under data/simulation/, a file for each state of the code that plays: the same command
goes on where it was ended. Whole thousands come into played.jsonl, which is committed: what it has isn't played again
by the same code. A seed that breaks something belongs into tests/core/test_stories.py.
"""

import argparse
import signal
import sys

from tests.core.simulation.campaign import FOLDER, THOUSAND, campaign, histograms, keep, kept, seeds_of, thousands
from tests.core.simulation.state import digest


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.core.simulation")
    parser.add_argument("--seeds", type=seeds_of, default="0:300", help="from A to before B")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes")
    chosen = parser.parse_args()
    first, last = chosen.seeds.start, chosen.seeds.stop
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the processes that play end too
    state = digest()
    path = FOLDER / f"{state}.jsonl"
    before = [one for one in kept() if one.state == state and first <= one.first <= last - THOUSAND]
    over = {seed for one in before for seed in range(one.first, one.first + THOUSAND)}
    told = []
    try:
        for one in campaign([seed for seed in chosen.seeds if seed not in over], path, chosen.jobs):
            told.append(one)
            for text in one.broken:
                print(f"seed {one.seed}: {text}", flush=True)
            if len(told) % THOUSAND == 0:
                keep(thousands(told, state))
                bad = sum(bool(one.broken) for one in told)
                print(f"{len(told)} played, {bad} broken, the newest seed is {one.seed}", flush=True)
    finally:  # ended by a signal as well
        keep(thousands(told, state))
    for line in histograms(told) if told else ():
        print(line)
    broken = [seed for one in before for seed in one.broken] + [one.seed for one in told if one.broken]
    print(f"{len(over) + len(told)} seeds, {len(over)} of them before; {len(broken)} broken {broken}; state {state}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
