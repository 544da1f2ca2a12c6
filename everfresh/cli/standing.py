"""Where assets and runs stand, as rows of a table, as JSON, and as sentences."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from everfresh.cli.command import UsedWrongly
from everfresh.cli.words import counted, moment, promised, seconds, span
from everfresh.options import meant
from reactors.domain import Domain
from reactors.explain import describe, describe_partitions
from reactors.explain import explain as explained
from reactors.history import Run
from reactors.io.clock import SystemClock
from reactors.programs import failure
from reactors.state import Root
from streams.definitions import AssetDef
from streams.keys import asset_of, partition_of
from streams.units import rfc3339

COLUMNS = ("asset", "verdict", "lag", "promise", "due", "version", "runs", "reason")
RUN_COLUMNS = ("run", "asset", "attempt", "outcome", "granted", "took", "why")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One asset, or one partition of it, as it is at `at`."""

    key: str
    asset: AssetDef
    at: int
    known: Json  # as `describe` gives it; of a source why the program that makes it failed, if it did
    root: Root | None  # a source's commits

    def cells(self) -> tuple[str, ...]:
        """The table's cells."""
        if self.root is not None:
            failed, heard = self.known["reason"], _heard(self.root, self.at)
            reason = f"{failed}; {heard}" if failed else heard
            return (self.key, "source", "", "", "", _newest(self.root) or "", "", reason)
        known, due = self.known, self.known["due_at"]
        when = "" if due is None else "now" if due <= self.at else f"in {span(due - self.at)}"
        lag = "" if known["verdict"] == "unknown" else span(known["lag"])
        promise = span(known["promise"])
        version, reason = known["version"] or "", known["reason"]
        return (self.key, known["verdict"], lag, promise, when, version, str(known["runs"]), reason)

    def news(self) -> Json:
        """What somebody who watches is told again when it differs: all but the time that passes."""
        return {name: value for name, value in self.json().items() if name != "lag_seconds"}

    def json(self) -> Json:
        """The same for machines: durations in seconds, instants as RFC 3339, in the contract's names."""
        if self.root is not None:
            last = self.root.commits[-1].time if self.root.commits else None
            newest = {"version": _newest(self.root), "uri": _lies_at(self.root)}
            changes = {**newest, "changes": self.root.seq, "changed_at": moment(last)}
            return {"asset": self.asset.key, "kind": "source", **changes, "reason": self.known["reason"]}
        known = self.known
        counted = {name: known[name] for name in ("partition", "partitions") if known.get(name)}
        return {
            "asset": self.asset.key,
            "kind": "derived",
            **counted,
            "verdict": known["verdict"],
            "lag_seconds": seconds(known["lag"]),
            "promise_seconds": seconds(known["promise"]),
            "stale_since": moment(known["stale_since"]),
            "due_at": moment(known["due_at"]),
            "version": known["version"],
            "uri": known["uri"],
            "cut": known["cut"],
            "runs": known["runs"],
            "reason": known["reason"],
        }


def rows(domain: Domain, keys: Iterable[str] | None = None) -> list[Row]:
    """Sources first, then what is derived, inputs before readers; or what is named, an asset by all its partitions."""
    at = _pass_time(domain)
    graph = domain.graph
    if keys is None:
        return [_row(domain, key, at) for key in (*sorted(graph.sources), *graph.order)]
    members = [one for key in keys for one in (domain.links.members(key) if key in graph.partitioned else ()) or (key,)]
    return [_row(domain, key, at) for key in members]


def row(domain: Domain, key: str) -> Row:
    """The one row of an asset, or of one partition."""
    return _row(domain, key, _pass_time(domain))


def _row(domain: Domain, key: str, at: int) -> Row:
    definition = domain.graph.assets[asset_of(key)]
    if key in domain.graph.sources:
        return Row(key, definition, at, {"reason": failure(domain, key)}, domain.state.roots[key])
    known = describe(domain, key, at) if key in domain.state.nodes else describe_partitions(domain, key, at)
    return Row(key, definition, at, known, None)


def check(domain: Domain, key: str) -> AssetDef:
    """The asset's definition. Raises UsedWrongly where nobody declares it."""
    name, partition = asset_of(key), partition_of(key)
    asset = domain.graph.assets.get(name)
    if asset is None:
        raise UsedWrongly(f"nobody declares {name!r}; {meant(name, domain.graph.assets)}")
    if partition and key not in domain.state.nodes:
        raise UsedWrongly(f"{name!r} {_lacks(asset, partition)}")
    return asset


def _lacks(asset: AssetDef, partition: str) -> str:
    """Why nothing is known of a partition."""
    if asset.kind == "source":
        return "is a source; its changes are listed by `everfresh events`, its partitions by their readers"
    if asset.partitions is None:
        return f"has no partitions; leave [{partition}] out"
    wrong = asset.partitions.wrong(partition)
    return f"has no such partition: {wrong}" if wrong else f"never heard of its partition {partition!r} yet"


def sentences(domain: Domain, asset: AssetDef, key: str) -> list[str]:
    """What is known of an asset, or of one partition of it, in words."""
    at = _pass_time(domain)
    if asset.kind == "derived" and key not in domain.state.nodes:
        known = describe_partitions(domain, key, at)
        named = f"`everfresh explain '{key}[PARTITION]'` says more of one."
        return [f"{key} has partitions: {known['reason']}.", f"Its policy: {promised(asset.policy)}, for each.", named]
    if asset.kind == "derived":
        verdict, *rest = explained(domain, key, at)
        return [verdict, f"Its policy: {promised(asset.policy)}.", *rest]
    readers = ", ".join(domain.graph.readers.get(asset.key, ()))
    failed = failure(domain, asset.key)
    root = domain.state.roots[asset.key]
    return [
        f"{asset.key} is a source: it is published, nobody here computes it.",
        f"It had {_heard(root, at)}.",
        *([f"Its version {_newest(root)} lies at {_lies_at(root)}."] if _lies_at(root) else []),
        *([f"{failed[0].upper()}{failed[1:]}; this is over once it ends well."] if failed else []),
        f"It is read by {readers}." if readers else "Nobody reads it.",
    ]


def run_json(run: Run) -> Json:
    """A run for machines."""
    return {
        "run": run.run,
        "asset": run.asset,
        "partition": run.partition,
        "attempt": run.attempt,
        "wave": run.wave,
        "worker": run.worker,
        "outcome": run.outcome,
        "made_by": run.made_by or None,
        "granted_at": moment(run.granted_at),
        "started_at": moment(run.started_at),
        "finished_at": moment(run.finished_at),
        "deadline": moment(run.deadline),
        "inputs": {key: pin.model_dump(mode="json", exclude_none=True) for key, pin in run.inputs.items()},
        "cut": run.cut,
        "covers": run.covers,
        "reason": run.reason,
    }


def run_cells(run: Run) -> tuple[str, ...]:
    """A run's row."""
    granted, outcome = rfc3339(run.granted_at), run.outcome or "in flight"
    return (run.run, run.key, str(run.attempt), outcome, granted, span(_took(run)), run.reason)


def run_sentence(run: Run) -> str:
    """A run in one line, with its reason."""
    took = f" in {span(_took(run))}" if run.finished_at is not None else ""
    what = f"run {run.run}, attempt {run.attempt}, {run.outcome or 'in flight'}{took}"
    return f"{rfc3339(run.granted_at)}  {what}: {run.reason}"


def _took(run: Run) -> int | None:
    if run.finished_at is None:
        return None
    return max(0, run.finished_at - (run.started_at if run.started_at is not None else run.granted_at))


def _pass_time(domain: Domain) -> int:
    """Let the domain's time be now: with no reactor up nothing is appended, and yet a promise breaks."""
    domain.state.now = max(domain.state.now, SystemClock().now_ms())
    return domain.state.now


def _newest(root: Root) -> str | None:
    return root.commits[-1].version if root.commits else None


def _lies_at(root: Root) -> str | None:
    return (root.commits[-1].extra or {}).get("uri") if root.commits else None


def _heard(root: Root, at: int) -> str:
    if not root.commits:
        return "no change yet, but it exists" if root.exists else "no change yet"
    ago = span(max(0, at - root.commits[-1].time))
    return f"{counted(root.seq, 'change')}, the last {ago} ago"
