"""`python -m tests.core.simulation --seeds A:B` plays these seeds and prints what broke."""

import argparse
import sys

from tests.core.simulation.play import broken


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.core.simulation")
    parser.add_argument("--seeds", default="0:300")
    chosen = parser.parse_args()
    first, last = map(int, chosen.seeds.split(":"))
    bad = 0
    for seed in range(first, last):
        found = broken(seed)
        if found:
            bad += 1
            print(f"seed {seed}:", flush=True)
            for one in found:
                print(f"  {one}", flush=True)
    print(f"{last - first} seeds, {bad} broken")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
