"""Many seeds: each played once for one state of the code, written down as it ends, and told as histograms."""

import hashlib
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import orjson

from tests.core.simulation.play import judged
from tests.core.simulation.scripts import script

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "data" / "simulation"
JUDGED = ("streams", "reactors", "everfresh", "tests/checker", "tests/core/simulation")
"""folders whose code a result speaks of; what was found with another one says nothing"""


class Told(NamedTuple):
    """What one seed's play was, and what it broke."""

    seed: int
    nodes: int
    commits: int
    runs: int
    faults: tuple[str, ...]
    broken: tuple[str, ...]
    partitions: int = 0
    """how many nodes are partitions in the end"""


def digest(root: Path = ROOT) -> str:
    """Names the code that plays and judges."""
    found = hashlib.blake2b(digest_size=8)
    for path in sorted(path for folder in JUDGED for path in (root / folder).rglob("*.py")):
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def play(seed: int) -> Told:
    """Play one seed."""
    chosen = script(seed)
    nodes = sum(one.kind == "derived" for one in chosen.manifest.assets)
    stage, found = judged(chosen)
    domain = None if stage is None else stage.domain
    faults = tuple(sorted(chosen.faults))
    if stage is None or domain is None:
        return Told(seed, nodes, 0, 0, faults, tuple(found))
    partitions = sum(bool(node.partition) for node in domain.state.nodes.values())
    return Told(seed, nodes, domain.state.commits, len(stage.history.runs), faults, tuple(found), partitions)


def known(path: Path) -> Iterator[Told]:
    """What was written down. The last line may have been cut off by whatever ended the campaign."""
    if path.exists():
        for line in path.read_bytes().splitlines():
            try:
                seed, nodes, commits, runs, faults, broken, partitions = orjson.loads(line)
            except orjson.JSONDecodeError:
                return
            yield Told(seed, nodes, commits, runs, tuple(faults), tuple(broken), partitions)


def campaign(seeds: Sequence[int], path: Path, jobs: int = 1) -> Iterator[Told]:
    """What each seed told, in no order: what `path` has of it, and the others played now and written there."""
    wanted = dict.fromkeys(seeds)
    before = list(known(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(orjson.dumps([*one]) + b"\n" for one in before))
    for one in before:
        if one.seed in wanted:
            del wanted[one.seed]
            yield one
    with path.open("ab", buffering=0) as out, get_context("spawn").Pool(jobs) as pool:
        for one in pool.imap_unordered(play, wanted, chunksize=8):
            out.write(orjson.dumps([*one]) + b"\n")
            yield one


def histograms(told: Sequence[Told]) -> Iterator[str]:
    """How large the plays were, and how much went wrong in them, as lines."""
    for name, sizes in (
        ("nodes", [one.nodes for one in told]),
        ("commits", [one.commits for one in told]),
        ("runs", [one.runs for one in told]),
        ("partitions, where there are any", [one.partitions for one in told if one.partitions]),
    ):
        if not sizes:
            continue
        yield f"{name}: median {statistics.median(sizes):g}, longest {max(sizes)}"
        yield from _bars(sizes)
    troubled = sum(bool(one.faults) for one in told)
    yield f"seeds with faults: {troubled / len(told):.0%}"
    for fault, count in sorted(Counter(fault for one in told for fault in one.faults).items()):
        yield f"  {fault:<10} {count:>7}"


def _bars(sizes: Iterable[int]) -> Iterator[str]:
    """One bar for each doubling."""
    counts = Counter(size.bit_length() for size in sizes)
    most = max(counts.values())
    for bits in range(min(counts), max(counts) + 1):
        first, last = (1 << bits) >> 1, (1 << bits) - 1
        count = counts.get(bits, 0)
        yield f"  {first:>6}-{last:<6} {count:>7}  {'#' * round(40 * count / most)}".rstrip()
