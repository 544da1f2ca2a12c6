"""Writes exports of assets with partitions by hand: who reads which partition is said by the story, not worked out.

A node is named `asset[partition]`. A mistake in the checker's windows or mappings isn't made here a second time.
"""

from typing import Any

from tests.checker.story import Cut, Json, Story, asset, source

DAYS: Json = {"kind": "windows", "unit": "day", "first": "2026-01-01", "tz": "UTC"}
MONTHS: Json = {"kind": "windows", "unit": "month", "first": "2026-01", "tz": "UTC"}
SHOPS: Json = {"kind": "static", "names": ["eu", "us"]}


def parted_source(key: str, parts: Json, *, exists: bool = False) -> Json:
    return source(key, exists=exists) | {"partitions": parts}


def parted(key: str, parts: Json | None, *deps: tuple[str, Json | None], **more: Any) -> Json:
    """A derived asset; a dep is an asset and a mapping, where one is said."""
    declared = asset(key, **more)
    declared["deps"] = [{"asset": dep, "argument": dep, "mapping": mapping} for dep, mapping in deps]
    return declared if parts is None else declared | {"partitions": parts}


class PartedStory(Story):
    """A story of nodes. `reads` has what each reads as it is told; it may be changed as more comes to be."""

    def __init__(self, reads: dict[str, tuple[str, ...]], *assets: Json) -> None:
        self.reads = reads
        self.touched: Cut = {}
        """source, or one of its partitions → the number of the newest commit that touched it"""
        super().__init__(*assets)

    def publish(self, key: str, version: str, fingerprint: str | None = None, **attributes: str) -> int:
        """A change of a source's partition, named like a node."""
        name, partition = split(key)
        self.seq[name] += 1
        self.touched[name] = self.touched[key] = self.seq[name]
        said = {"version": version} | ({} if fingerprint is None else {"fingerprint": fingerprint})
        self.current[key] = said
        if partition:
            self.current[name] = {"version": version, "fingerprint": f"#{self.seq[name]}"}
            said = said | {"partition": partition}
        return self.fact("asset.changed", said, subject=name, **attributes)

    def above(self, key: str) -> set[str]:
        """The roots above a node: sources, or their partitions, and code."""
        found = {f"code:{split(key)[0]}"}
        for read in self.reads[key]:
            found |= self.above(read) if read in self.reads else {read}
        return found

    def newest(self, key: str) -> Cut:
        found: Cut = {}
        for root in sorted(self.above(key)):
            name = split(root)[0]
            seq = self.seq[name] if root.startswith("code:") else self.touched.get(root, 0)
            found[name] = max(seq, found.get(name, 0))
        return found

    def pin(self, name: str, cut: Cut) -> Json:
        if name.startswith("code:"):
            return {"version": str(cut[name]), "cut": {name: cut[name]}}
        pinned = self.newest(name) if name in self.reads else {split(name)[0]: self.touched.get(name, 0)}
        return {**self.current.get(name, {}), "cut": pinned}

    def grant(self, key: str, **other: Any) -> Json:
        """The next run of a node at the newest cut."""
        self.runs[key] += 1
        (name, partition), cut = split(key), other.get("cut") or self.newest(key)
        body = {"run": f"{key}#{self.runs[key]}", "number": self.runs[key], "asset": name, "partition": partition}
        body |= {"attempt": 1, "wave": "w", "worker": "w1", "basis": self.offset, "cut_at": self.offset, "cut": cut}
        body |= {"code_version": self.assets[name]["code_version"], "covers": self.covers(key, cut)}
        names = [*self.reads[key], f"code:{name}"]
        return self.send({**body, "inputs": {one: self.pin(one, cut) for one in names}, **other})

    def succeed(self, grant: Json, fingerprint: str | None = None, **other: Any) -> Json:
        key = f"{grant['asset']}[{grant['partition']}]" if grant["partition"] else grant["asset"]
        named = ("run", "asset", "partition", "attempt", "worker")
        self.fact("run.succeeded", {name: grant[name] for name in named})
        before = self.current.get(key, {})
        same = fingerprint is not None and before.get("fingerprint") == fingerprint
        body = {"asset": grant["asset"], "partition": grant["partition"]}
        body |= {"version": before["version"] if same else grant["run"]}
        body |= {} if fingerprint is None else {"fingerprint": fingerprint}
        body |= {name: grant[name] for name in ("run", "attempt", "inputs", "cut", "covers")} | other
        return self._tell(key, "verified" if same else "materialized", body)

    def move(self, key: str, **other: Any) -> Json:
        (name, partition), cut = split(key), other.get("cut") or self.newest(key)
        inputs = {one: self.pin(one, cut) for one in self.reads[key]}
        body = {"asset": name, "partition": partition, **self.current[key], "inputs": inputs}
        return self._tell(key, "verified", body | {"cut": cut, "covers": self.covers(key, cut)} | other)

    def _tell(self, key: str, kind: str, body: Json) -> Json:
        self.cuts[key] = body["cut"]
        if kind == "materialized":
            self.current[key] = {name: body[name] for name in ("version", "fingerprint") if name in body}
        return self.output(f"asset.{kind}", body)


def split(key: str) -> tuple[str, str]:
    name, _, rest = key.partition("[")
    return name, rest[:-1]
