"""Writes exports by hand, as a right reactor would have: the tests spoil them afterwards.

It shares the checker's topics and types by contract only: a mistake in the checker's graph or counting isn't made here
a second time.
"""

from collections import defaultdict
from typing import Any

Json = dict[str, Any]
Cut = dict[str, int]

JOURNAL = "everfresh.journal.v1.d"
RUNS = "everfresh.runs.v1.d"
PUBLISHED = "everfresh.materializations.v1"
FRESHNESS = "everfresh.freshness.v1"


def source(key: str, *, exists: bool = False) -> Json:
    return {"key": key, "kind": "source", "exists": exists}


def asset(key: str, *deps: str, policy: str = "on_demand", code: str = "1") -> Json:
    listed = [{"asset": dep, "argument": dep} for dep in deps]
    return {"key": key, "kind": "derived", "deps": listed, "policy": {"kind": policy}, "code_version": code}


class Story:
    """The journal and the topics of domain `d`, one event after the other, a second apart."""

    def __init__(self, *assets: Json) -> None:
        self.records: list[Json] = []
        self.offset = -1
        self.now = 1_000
        self.assets: dict[str, Json] = {}
        self.seq: Cut = defaultdict(int)
        self.current: dict[str, Json] = {}
        self.cuts: dict[str, Cut] = {}
        self.consumed: dict[str, Json] = {}
        self.runs: Cut = defaultdict(int)
        self._deploys = self._outputs = 0
        if assets:
            self.declare(*assets)

    def fact(self, kind: str, data: Json, **attributes: str) -> int:
        """Append to the journal."""
        self.offset += 1
        self.now += 1_000
        event: Json = {"specversion": "1.0", "id": f"j{self.offset}", "source": "d", "type": f"everfresh.{kind}.v1"}
        event |= {"subject": data.get("asset", ""), **attributes, "data": data}
        self.records.append(self._record(JOURNAL, self.offset, event))
        return self.offset

    def output(self, kind: str, data: Json, topic: str = PUBLISHED) -> Json:
        """Publish what the journal's last event caused."""
        self._outputs += 1
        event: Json = {"specversion": "1.0", "id": f"o{self._outputs}", "source": "d", "type": f"everfresh.{kind}.v1"}
        event |= {"subject": data["asset"], "journaloffset": self.offset, "data": data}
        event["sequence"] = f"{self._outputs:012}"
        self.records.append(self._record(topic, self._outputs, event))
        return data

    def declare(self, *assets: Json) -> None:
        before, self.assets = self.assets, {one["key"]: one for one in assets}
        self._deploys += 1
        self.fact("definitions.declared", {"domain": "d", "deploy": self._deploys, "assets": list(assets)})
        for key, one in self.assets.items():
            looked_through = key in before and _counts(before[key]) and not _counts(one)
            if one["kind"] == "derived" and (key not in before or looked_through or _code(before[key]) != _code(one)):
                self.seq[f"code:{key}"] += 1

    def change(self, key: str, version: str, fingerprint: str | None = None, **attributes: str) -> int:
        data = {"version": version} | ({} if fingerprint is None else {"fingerprint": fingerprint})
        self.seq[key] += 1
        self.current[key] = data
        return self.fact("asset.changed", data, subject=key, **attributes)

    def above(self, key: str) -> set[str]:
        """The sources that a derived asset's cut names."""
        found = {f"code:{key}"}
        for dep in _deps(self.assets[key]):
            found |= self.seen_through(dep)
        return found

    def seen_through(self, name: str) -> set[str]:
        return {name} if _counts(self.assets.get(name, {"kind": "source"})) else self.above(name)

    def newest(self, key: str) -> Cut:
        return {name: self.seq[name] for name in sorted(self.above(key))}

    def pin(self, name: str, cut: Cut) -> Json:
        pinned = {one: cut[one] for one in sorted(self.seen_through(name))}
        if name.startswith("code:"):
            return {"version": str(cut[name]), "cut": pinned}
        return {**self.current.get(name, {}), "cut": pinned}

    def covers(self, key: str, cut: Cut) -> Json:
        before = self.cuts.get(key, {})
        return {one: [before.get(one, 0) + 1, seq] for one, seq in cut.items() if seq > before.get(one, 0)}

    def grant(self, key: str, **other: Any) -> Json:
        """The next run of an asset at the newest cut; `other` replaces what its fact says."""
        self.runs[key] += 1
        cut: Cut = other.get("cut") or self.newest(key)
        body = {"run": f"{key}#{self.runs[key]}", "number": self.runs[key], "asset": key, "attempt": 1, "wave": "w"}
        body |= {"worker": "w1", "basis": self.offset, "cut_at": self.offset, "cut": cut}
        body |= {"code_version": self.assets[key]["code_version"], "covers": self.covers(key, cut)}
        names = [*_deps(self.assets[key]), f"code:{key}"]
        return self.send({**body, "inputs": {name: self.pin(name, cut) for name in names}, **other})

    def send(self, body: Json) -> Json:
        self.fact("run.granted", body)
        return self.output("run.granted", body, RUNS)

    def again(self, body: Json, **other: Any) -> Json:
        """The next attempt of a run."""
        return self.send(body | {"attempt": body["attempt"] + 1, "basis": self.offset} | other)

    def report(self, outcome: str, grant: Json) -> None:
        self.fact(f"run.{outcome}", {name: grant[name] for name in ("run", "asset", "attempt", "worker")})

    def lose(self, grant: Json) -> None:
        self.report("lost", grant)
        named = {name: grant[name] for name in ("run", "asset", "attempt")}
        self.output("run.ended", {**named, "outcome": "lost", "reason": "the lease ran out"})

    def succeed(self, grant: Json, fingerprint: str | None = None, **other: Any) -> Json:
        """The report of a run and what it becomes: verified where the fingerprint is the current one."""
        self.report("succeeded", grant)
        key, before = grant["asset"], self.current.get(grant["asset"], {})
        same = fingerprint is not None and before.get("fingerprint") == fingerprint
        version = before["version"] if same else grant["run"]
        body = {"asset": key, "version": version} | ({} if fingerprint is None else {"fingerprint": fingerprint})
        body |= {name: grant[name] for name in ("run", "attempt", "inputs", "cut", "covers")} | other
        self.consumed[key] = grant["inputs"]
        return self._publish("verified" if same else "materialized", body)

    def run(self, key: str, fingerprint: str | None = None, **other: Any) -> Json:
        return self.succeed(self.grant(key, **other), fingerprint)

    def move(self, key: str, **other: Any) -> Json:
        """A verification without a run, caused by the journal's last event."""
        cut = self.newest(key)
        inputs = {name: self.pin(name, cut) for name in _deps(self.assets[key])}
        body = {"asset": key, **self.current[key], "inputs": inputs, "cut": cut, "covers": self.covers(key, cut)}
        return self._publish("verified", body | other)

    def settle(self, **fingerprints: str) -> None:
        """Bring every asset up to date, in the order of the manifest: run it, or move it where nothing is new."""
        for key, one in self.assets.items():
            if one["kind"] != "derived" or one["policy"]["kind"] == "manual" or self.cuts.get(key) == self.newest(key):
                continue
            if key in self.consumed and not self._is_stale(key):
                self.move(key)
            else:
                self.run(key, fingerprints.get(key))

    def _is_stale(self, key: str) -> bool:
        before, cut = self.consumed[key], self.newest(key)
        names = [*_deps(self.assets[key]), f"code:{key}"]
        return any(_is_new(before.get(name, {}), self.pin(name, cut)) for name in names)

    def _publish(self, kind: str, body: Json) -> Json:
        key = body["asset"]
        self.cuts[key] = body["cut"]
        if kind == "materialized":
            self.current[key] = {name: body[name] for name in ("version", "fingerprint") if name in body}
            self.seq[key] += 1
        return self.output(f"asset.{kind}", body)

    def _record(self, topic: str, offset: int, event: Json) -> Json:
        return {"topic": topic, "partition": 0, "offset": offset, "timestamp": self.now, "event": event}


def _deps(declared: Json) -> list[str]:
    return [dep["asset"] for dep in declared["deps"]]


def _code(declared: Json) -> tuple[str, set[str]]:
    return declared["code_version"], set(_deps(declared))


def _counts(declared: Json) -> bool:
    return bool(declared["kind"] == "source" or declared["policy"]["kind"] == "manual")


def _is_new(before: Json, now: Json) -> bool:
    name = "fingerprint" if "fingerprint" in before and "fingerprint" in now else "version"
    return bool(before.get(name) != now.get(name))
