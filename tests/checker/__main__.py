"""Check an export: `python -m tests.checker FILE.jsonl [--quiet] [--acked FILE]`.

Exit 0: nothing wrong; 1: a violation; 2: nothing was there to check, or used wrongly.
"""

import argparse
import sys
from pathlib import Path

import orjson

from tests.checker.check import Report, check, read
from tests.checker.export import load


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.checker", description="Check an export of the topics.")
    parser.add_argument("file", type=Path, help="records as JSONL: topic, partition, offset, timestamp, event")
    parser.add_argument("--quiet", action="store_true", help="nothing is due any more: all promises must be kept")
    parser.add_argument("--acked", type=Path, help="acked changes as JSONL: source, id, asset")
    chosen = parser.parse_args(arguments)
    try:
        acked = [] if chosen.acked is None else list(load(chosen.acked))
        report = check(read(load(chosen.file)), quiet=chosen.quiet, acked=acked)
    except (OSError, ValueError) as problem:
        print(f"{chosen.file} can't be checked: {problem}", file=sys.stderr)
        return 2
    return said(report)


def said(report: Report) -> int:
    """Print the report; its exit code."""
    for violation in report.violations:
        print(violation)
    print(f"{len(report.violations)} violations in {orjson.dumps(report.counts).decode()}")
    if report.violations:
        return 1
    if report.is_empty:
        print("nothing was there to check: no commit, or nothing that was made of one", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
