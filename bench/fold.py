"""A million changes over ten thousand assets through the fold, runs and all, twice: is it fast, and is it the same?

    python -m bench.fold [--changes N] [--assets N]

Two processes with different PYTHONHASHSEEDs fold it; the second one's state is dumped and restored half-way. Printed
are entries a second (of the fold alone, and with the encoding of what it says), the peak of memory, and whether all
outputs were the same byte for byte. Runs take no time in these, and a fifth of their results are unchanged.
"""

import argparse
import os
import random
import resource
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from hashlib import blake2b

import orjson

from everfresh.publisher import change_event
from everfresh.testing import World
from reactors.apply import apply
from reactors.snapshots import restore
from streams.cloudevents import Envelope, encode, envelope, event_id
from streams.definitions import AssetDef, Dep, Manifest
from streams.events import DefinitionsDeclared, Event
from streams.policies import Eager, OnDemand, Policy, Within

DOMAIN = "bench"
STEPS, STEP_MS = 1_000, 3_600
"""together an hour"""


def manifest(assets: int) -> Manifest:
    """A fifth are sources; the others read one to three of those shortly before, and half of them promise something."""
    dice = random.Random(assets)
    declared = [AssetDef(key=f"{DOMAIN}/s{number}", kind="source") for number in range(assets // 5)]
    for number in range(assets - len(declared)):
        near = declared[: assets // 5] if number < assets // 5 else declared[-assets // 2 :]
        deps = dice.sample(near, dice.choice((1, 1, 2, 3)))
        policies: list[Policy] = [Within("5m"), Within("20m"), Eager(quiet="30s", max_wait="5m"), OnDemand()]
        declared.append(
            AssetDef(
                key=f"{DOMAIN}/a{number}",
                kind="derived",
                deps=tuple(Dep(asset=one.key, argument=f"a{place}") for place, one in enumerate(deps)),
                policy=dice.choices(policies, (30, 15, 5, 50))[0],
            )
        )
    return Manifest(domain=DOMAIN, deploy=1, assets=tuple(declared))


class Stream(World):
    """A world that keeps neither its journal nor its outputs, only their hash, and notes how long the fold takes."""

    def __init__(self, declared: Manifest) -> None:
        self.said, self.folding, self.encoding, self.outcomes = blake2b(), 0.0, 0.0, 0
        self._coming = deque[tuple[int, Envelope]]()
        self.written = 0
        super().__init__(declared)

    def append(self, event: Event | DefinitionsDeclared, subject: str, name: str = "", source: str = "bench") -> None:
        """Append to a journal of which only what isn't folded yet is kept."""
        named = name or event_id("fold", self.written)
        wrapped = envelope(event, event_id=named, source=source, subject=subject, time_ms=self.clock)
        self._coming.append((self.clock, wrapped))
        self.written += 1

    def _fold(self) -> None:
        while self._coming:
            at, event = self._coming.popleft()
            begun = time.perf_counter()
            outputs = apply(self._up(), self._folded, at, event)
            folded = time.perf_counter()
            for output in outputs:
                self.said.update(encode(output.envelope(*self.identity())))
            self.folding += folded - begun
            self.encoding += time.perf_counter() - folded
            self._folded += 1
            self.outcomes += len(outputs)
            for output in outputs:
                self.worker.hear(output)

    def restored(self) -> None:
        """The reactor is another one, which read this one's snapshot."""
        self.settle()
        domain = restore(self._up().dump())
        assert domain is not None
        self.domain = domain


def stream(assets: int, changes: int, restored: bool) -> dict[str, float | int | str]:
    """Fold it all; what it took and the hash of what it said."""
    dice, declared = random.Random(7), manifest(assets)
    world = Stream(declared)
    sources = [one.key for one in declared.assets if one.kind == "source"]
    derived = [one.key for one in declared.assets if one.kind == "derived"]
    for step in range(STEPS):
        if restored and step == STEPS // 2:
            world.restored()
        world.worker.same = dict.fromkeys(dice.sample(derived, len(derived) // 5), 1)
        for number in range(changes // STEPS):
            fields = {"version": f"{step}.{number}"}
            key = dice.choice(sources)
            world.append(change_event(key, f"{step}-{number}", fields), key, f"{step}-{number}", "bench/publisher")
        world.settle()
        world.advance(STEP_MS)
    return {
        "entries": world.written,
        "outputs": world.outcomes,
        "folding": world.folding,
        "encoding": world.encoding,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024,
        "said": world.said.hexdigest(),
        "state": world.domain.digest() if world.domain else "",
    }


def main(arguments: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.fold")
    parser.add_argument("--changes", type=int, default=1_000_000)
    parser.add_argument("--assets", type=int, default=10_000)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--restored", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.one:
        print(orjson.dumps(stream(chosen.assets, chosen.changes, chosen.restored)).decode())
        return 0
    size = ["--one", "--changes", str(chosen.changes), "--assets", str(chosen.assets)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.fold", *size, *more],
            env=os.environ | {"PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
        )
        for seed, more in (("1", []), ("2", ["--restored"]))
    ]
    found = [orjson.loads(process.communicate()[0]) for process in processes]
    for name, one in zip(("through", "restored half-way"), found, strict=True):
        alone, both = one["entries"] / one["folding"], one["entries"] / (one["folding"] + one["encoding"])
        print(
            f"{name}: {one['entries']} entries, {one['outputs']} outputs; {alone:,.0f} entries a second folded, "
            f"{both:,.0f} with their outputs encoded; peak {one['peak_mib']} MiB"
        )
    same = found[0]["said"] == found[1]["said"], found[0]["state"] == found[1]["state"]
    print(
        f"outputs are {'the same byte for byte' if same[0] else 'NOT the same'}, state {'too' if same[1] else 'is NOT'}"
    )
    return 0 if all(same) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
