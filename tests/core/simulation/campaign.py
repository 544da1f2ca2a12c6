"""Many seeds: each played once for one state of the code, written down as it ends, and told as histograms."""

import gc
import statistics
from argparse import ArgumentTypeError
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import orjson

from tests.core.simulation.play import judged
from tests.core.simulation.scripts import script
from tests.core.simulation.state import ROOT

FOLDER = ROOT / "data" / "simulation"
LEDGER = Path(__file__).with_name("played.jsonl")
"""what sessions played, by thousands: to be committed, so that they add up"""

THOUSAND = 1_000


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


def seeds_of(text: str) -> range:
    """`A:B` as the command line says it: from A to before B. Raises ArgumentTypeError for anything else."""
    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal() and int(first) < int(last)):
        raise ArgumentTypeError(f"{text!r} is no range of seeds; write it like 500000:502000")
    return range(int(first), int(last))


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
    with path.open("ab", buffering=0) as out, get_context("spawn").Pool(jobs, _ready) as pool:
        for one in pool.imap_unordered(play, wanted, chunksize=8):
            out.write(orjson.dumps([*one]) + b"\n")
            yield one


def _ready() -> None:
    """In a player's process: what is loaded isn't looked through for garbage again and again, an eighth of its time."""
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)


class Thousand(NamedTuple):
    """What a thousand seeds told, all of them played."""

    state: str
    first: int
    nodes: float
    """the median, as of the next two"""
    commits: float
    runs: float
    faulty: int
    """how many had faults"""
    broken: tuple[int, ...]


def thousands(told: Iterable[Told], state: str) -> list[Thousand]:
    """Those of which every seed was played."""
    groups: dict[int, list[Told]] = {}
    for one in told:
        groups.setdefault(one.seed // THOUSAND, []).append(one)
    return [_of(state, group) for _, group in sorted(groups.items()) if len(group) == THOUSAND]


def _of(state: str, group: Sequence[Told]) -> Thousand:
    nodes, commits, runs = (
        statistics.median(sizes) for sizes in zip(*((one.nodes, one.commits, one.runs) for one in group), strict=True)
    )
    broken = tuple(sorted(one.seed for one in group if one.broken))
    faulty = sum(bool(one.faults) for one in group)
    return Thousand(state, min(one.seed for one in group), nodes, commits, runs, faulty, broken)


def kept(ledger: Path = LEDGER) -> list[Thousand]:
    """What earlier sessions wrote down."""
    lines = ledger.read_bytes().splitlines() if ledger.exists() else []
    return [Thousand(*fields)._replace(broken=tuple(fields[-1])) for fields in map(orjson.loads, lines)]


def keep(found: Iterable[Thousand], ledger: Path = LEDGER) -> list[Thousand]:
    """Write down what isn't yet; returns all there is of any state."""
    known = {(one.state, one.first): one for one in kept(ledger)}
    known.update({(one.state, one.first): one for one in found})
    ledger.write_bytes(b"".join(orjson.dumps([*one]) + b"\n" for one in known.values()))
    return list(known.values())


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
