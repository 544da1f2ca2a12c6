"""Checks that stand alone: they publish nothing, so what is checked of versions leaves them out."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.checker.violation import Invariant, Violation

Record = Mapping[str, Any]

DECLARED = "everfresh.definitions.declared.v1"
PUBLISHED = "everfresh.asset."
ANSWERED = ("everfresh.check.evaluated.v1", "everfresh.run.ended.v1")


def standing(records: Iterable[Record]) -> set[str]:
    """The keys of all that were ever declared."""
    declared = [one["event"]["data"] for one in records if one["event"]["type"] == DECLARED]
    return {asset["key"] for manifest in declared for asset in manifest["assets"] if asset.get("asks")}


def without(records: Iterable[Record], keys: set[str]) -> Iterator[Record]:
    """The records but those of these assets, which the manifests don't declare any more."""
    for record in records:
        event = record["event"]
        if event["type"] == DECLARED:
            assets = [one for one in event["data"]["assets"] if one["key"] not in keys]
            yield {**record, "event": {**event, "data": {**event["data"], "assets": assets}}}
        elif _asset(event) not in keys:
            yield record


def checks_only_answer(records: Iterable[Record], keys: set[str]) -> Iterator[Violation]:
    """No version of a check that stands alone is published, and each of its runs is answered."""
    runs: dict[str, str | None] = {}
    told: set[str] = set()
    for record in records:
        event = record["event"]
        asset, run = _asset(event), str((event.get("data") or {}).get("run"))
        if asset in keys and event["type"].startswith(PUBLISHED):
            yield Violation(Invariant.NEED, asset, run, None, f"a check that stands alone has a {event['type']}")
        if asset in keys and event["type"] == "everfresh.run.succeeded.v1":
            runs[run] = asset
        if event["type"] in ANSWERED:
            told.add(run)
    for run in sorted(runs.keys() - told):
        yield Violation(Invariant.ACCOUNTING, runs[run], run, None, "it was asked, and nobody was told the answer")


def _asset(event: Mapping[str, Any]) -> str | None:
    data = event.get("data")
    return data.get("asset") if isinstance(data, Mapping) else None
