"""A journal as bench/ingest folds it: changes in rounds, and, where asked for, runs between them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from reactors.runs import run_id
from streams.cloudevents import encode, envelope, event_id
from streams.definitions import AssetDef, Dep, Manifest
from streams.manifests import in_parts
from streams.policies import Within

DOMAIN = "bench"
CHANGES_PER_RUN = 2
"""of a source, where runs come between: the first meets a fresh asset, the second a stale one"""


def manifest(assets: int) -> Manifest:
    """So many sources, each read by one asset that may be an hour behind."""
    sources = [AssetDef(key=f"{DOMAIN}/s{n}", kind="source") for n in range(assets)]
    derived = [
        AssetDef(
            key=f"{DOMAIN}/a{n}",
            kind="derived",
            deps=(Dep(asset=f"{DOMAIN}/s{n}", argument="x"),),
            policy=Within("1h"),
        )
        for n in range(assets)
    ]
    return Manifest(domain=DOMAIN, deploy=1, assets=tuple(sources + derived))


@dataclass(frozen=True)
class Shape:
    """A journal: so many assets and changes; what the changes meet."""

    assets: int
    changes: int
    half_fresh: bool = True  # half of the assets are fresh when the changes begin; else none
    between: bool = False  # each asset is run again after every second change, so that every other one meets it fresh

    @property
    def stale(self) -> range:
        """The assets that have a change past their version when the changes begin."""
        return range(0, self.assets, 2 if self.half_fresh else 1)

    @property
    def prelude(self) -> int:
        """How many events come before the changes that are measured."""
        return len(in_parts(manifest(self.assets))) + 3 * self.assets + len(self.stale)


def values(shape: Shape, first_time_ms: int) -> Iterator[bytes]:
    """The encoded events, the deploy first. Their offsets are their places in this order.

    First each asset gets a version, and those that are to be stale a new change after it. Then come the changes, source
    by source.
    """
    assets = shape.assets
    parts = in_parts(manifest(assets))
    for number, part in enumerate(parts):
        yield encode(envelope(part, f"deploy-{number}", "bench", DOMAIN, first_time_ms))
    incarnation = event_id("journal", "deploy-0", "bench", first_time_ms)
    upstream = _Upstream(incarnation, _code_fingerprints(assets), len(parts))
    for asset in range(assets):
        yield upstream.change(asset)
        yield from upstream.run(asset)
    for asset in shape.stale:
        yield upstream.change(asset)
    for number in range(shape.changes // assets):
        for asset in range(assets):
            yield upstream.change(asset)
        if shape.between and number % CHANGES_PER_RUN == 1:
            for asset in range(assets):
                yield from upstream.run(asset)


class _Upstream:
    """Counts offsets, changes and runs, so that each event says what a reactor would have said."""

    def __init__(self, incarnation: str, code: list[str], offset: int) -> None:
        self.offset = offset
        self._incarnation, self._code = incarnation, code
        self._changes, self._covered, self._runs = ([0] * len(code) for _ in range(3))

    def change(self, asset: int) -> bytes:
        self._changes[asset] += 1
        self.offset += 1
        return _change(asset, self._changes[asset], self.offset)

    def run(self, asset: int) -> tuple[bytes, bytes]:
        self._runs[asset] += 1
        name = run_id(self._incarnation, f"{DOMAIN}/a{asset}", "", self._runs[asset])
        span = (self._covered[asset] + 1, self._changes[asset])
        granted = _granted(asset, (name, self._runs[asset], *span), self.offset - 1, self._code[asset])
        self._covered[asset] = self._changes[asset]
        self.offset += 2
        return granted, _succeeded(asset, name)


def _event(kind: str, subject: str, name: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": name,
        "source": "bench/upstream",
        "type": f"everfresh.{kind}.v1",
        "subject": subject,
        "time": "2026-01-01T00:00:00.000Z",
        "datacontenttype": "application/json",
        "data": data,
    }


def _change(asset: int, seq: int, offset: int) -> bytes:
    wrapped = _event("asset.changed", f"{DOMAIN}/s{asset}", f"s{asset}-{seq}", {"version": str(seq)})
    return encode(wrapped | {"origin": f"changes/0/{offset}"})


def _granted(asset: int, run: tuple[str, int, int, int], basis: int, code: str) -> bytes:
    name, number, first, seq = run
    key, source = f"{DOMAIN}/a{asset}", f"{DOMAIN}/s{asset}"
    cut = {f"code:{key}": 1, source: seq}
    data = {
        "run": name,
        "number": number,
        "asset": key,
        "partition": "",
        "attempt": 1,
        "wave": f"{key}@{basis}",
        "worker": "w",
        "claim_by": "2026-01-01T00:00:15.000Z",
        "basis": basis,
        "cut_at": basis,
        "inputs": {
            source: {"version": str(seq), "cut": {source: seq}},
            f"code:{key}": {"version": "1", "fingerprint": code, "cut": {f"code:{key}": 1}},
        },
        "cut": cut,
        "covers": {source: [first, seq]} | ({f"code:{key}": [1, 1]} if number == 1 else {}),
        "deadline": "2026-01-01T01:00:00.000Z",
        "lease_ms": 30_000,
        "timeout_ms": 3_600_000,
        "code_version": "1",
        "reason": "its promise of 1h is due",
    }
    return encode(_event("run.granted", key, f"{name}-granted", data))


def _succeeded(asset: int, run: str) -> bytes:
    key = f"{DOMAIN}/a{asset}"
    data = {
        "run": run,
        "asset": key,
        "partition": "",
        "attempt": 1,
        "worker": "w",
        "fingerprint": run,
        "metadata": {},
        "checks": [],
        "costs": [],
        "started_at": "2026-01-01T00:00:00.000Z",
        "finished_at": "2026-01-01T00:00:00.000Z",
        "duration_ms": 0,
    }
    return encode(_event("run.succeeded", key, f"{run}-done", data))


def _code_fingerprints(assets: int) -> list[str]:
    deps = [orjson.dumps([f"{DOMAIN}/s{n}"]).decode() for n in range(assets)]
    return [event_id("1", one) for one in deps]
