"""What the exported events tell: commits, publications, checks, costs, alerts. Each event counts once, by its id."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

Json = dict[str, Any]
CODE = "code:"
PUBLISHED = ("asset.materialized", "asset.verified", "asset.released")


def seconds(moment: str) -> float:
    """RFC 3339 text as seconds since 1970 UTC."""
    return datetime.fromisoformat(moment).timestamp()


@dataclass
class Publication:
    """A version, or the same one at a newer cut."""

    at: float
    kind: str
    said: Json

    @property
    def cut(self) -> dict[str, int]:
        return {root: seq for root, seq in self.said["cut"].items() if not root.startswith(CODE)}


@dataclass
class Story:
    """One domain."""

    domain: str
    assets: dict[str, Json] = field(default_factory=dict)
    commits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # root → times; the n-th is n+1
    news: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))  # did the commit bring a new version
    publications: dict[str, list[Publication]] = field(default_factory=lambda: defaultdict(list))
    outputs: dict[str, list[Json]] = field(default_factory=lambda: defaultdict(list))  # short type → data

    @property
    def derived(self) -> dict[str, Json]:
        return {key: one for key, one in self.assets.items() if one["kind"] == "derived"}

    def inputs(self, asset: str) -> list[str]:
        return [dep["asset"] for dep in self.assets[asset]["deps"]]

    def promise(self, asset: str) -> float | None:
        """How old its version may be, in seconds."""
        policy = self.assets[asset]["policy"]
        return policy["lag_ms"] / 1_000 if policy["kind"] == "within" else None

    def roots(self, asset: str) -> set[str]:
        """Sources, and other domains' assets, above an asset."""
        found: set[str] = set()
        for one in self.inputs(asset):
            found |= self.roots(one) if one in self.derived else {one}
        return found

    def duration(self, asset: str) -> float:
        """Mean seconds of its runs."""
        took = [
            seconds(one.said["finished_at"]) - seconds(one.said["started_at"])
            for one in self.publications[asset]
            if one.said.get("run") and one.said.get("started_at")
        ]
        return sum(took) / len(took) if took else 0.0

    def runs(self, asset: str) -> int:
        """Attempts that ended."""
        published = sum(1 for one in self.publications[asset] if one.said.get("run") and one.kind != "asset.released")
        others = [*self.outputs["asset.quarantined"], *self.outputs["run.ended"]]
        return published + sum(1 for one in others if one["asset"] == asset)


def read(path: Path) -> Story:
    """A domain's story, from its export."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    story = Story(path.stem)
    journal = sorted((one for one in records if ".journal.v1." in one["topic"]), key=lambda one: one["offset"])
    _read_journal(story, journal)
    outputs = {one["event"]["id"]: one["event"] for one in records if ".journal.v1." not in one["topic"]}
    for event in sorted(outputs.values(), key=lambda one: (one.get("sequence", ""), one["id"])):
        kind = event["type"].removeprefix("everfresh.").removesuffix(".v1")
        story.outputs[kind].append(event["data"])
        if kind in PUBLISHED:
            publication = Publication(seconds(event["time"]), kind, event["data"])
            story.publications[event["data"]["asset"]].append(publication)
    return story


def _read_journal(story: Story, journal: Iterable[Json]) -> None:
    """Commits as the contract has them: a repeat is none, nor is an equal version and fingerprint."""
    seen: set[tuple[str, str]] = set()
    last: dict[str, tuple[Any, Any]] = {}
    delivered: dict[str, int] = {}
    for record in journal:
        event, at = record["event"], record["timestamp"] / 1_000
        kind, said, key = event["type"].removeprefix("everfresh.").removesuffix(".v1"), event["data"], event["subject"]
        if kind == "definitions.declared":
            story.assets = {one["key"]: one for one in said["assets"]}
        elif kind == "asset.changed" and (event["source"], event["id"]) not in seen:
            seen.add((event["source"], event["id"]))
            version = (said.get("version") or event["id"], said.get("fingerprint"))
            if version != last.get(key):
                last[key] = version
                story.commits[key].append(at)
                story.news[key].append(True)
        elif kind == "domain.delivered" and said["offset"] > delivered.get(key, -1):
            delivered[key] = said["offset"]
            version = (said["version"], said.get("fingerprint"))
            story.commits[key].append(at)
            story.news[key].append(version != last.get(key))
            last[key] = version
