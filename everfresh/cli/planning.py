"""What a deploy would change: the definitions compared, and the deploy folded into a copy of the state."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from everfresh.app import App
from everfresh.cli.words import counted, moment, seconds, span
from reactors.apply import apply
from reactors.domain import Domain
from reactors.graph import compile_graph
from reactors.io.clock import SystemClock
from reactors.promises import allows_ms
from reactors.state import Node
from reactors.succession import check_succession
from streams.cloudevents import envelope
from streams.definitions import AssetDef, Manifest
from streams.events import DefinitionsDeclared
from streams.units import readable

Json = dict[str, Any]

_WRITTEN = {"policy": "freshness"}
"""fields that are written otherwise in an app; durations lose their unit"""


@dataclass(frozen=True, slots=True)
class Recompute:
    """An asset that the deploy makes stale, and that a promise will have run."""

    asset: str
    due_at: int | None  # of its own promise; None where it runs for one downstream
    in_ms: int


@dataclass(frozen=True, slots=True)
class Feasibility:
    """A promise beside what it takes to keep it."""

    asset: str
    promise_ms: int
    path_ms: int  # the longest chain of expected durations
    longest_ms: int  # the longest run in it

    @property
    def is_infeasible(self) -> bool:
        return self.promise_ms < self.path_ms + self.longest_ms

    @property
    def is_tight(self) -> bool:
        return not self.is_infeasible and self.promise_ms < 3 * self.path_ms + self.longest_ms

    def sentence(self) -> str:
        """What is the matter, and what would do."""
        figures = f"its path takes {span(self.path_ms)}, one run in flight may take {span(self.longest_ms)} more"
        if self.is_infeasible:
            least = readable(self.path_ms + self.longest_ms)  # to the ms: what is promised next has to do
            return f"{self.asset} can't keep its promise of {span(self.promise_ms)}: {figures}; promise {least} or more"
        return f"{self.asset} promises {span(self.promise_ms)}, which is tight: {figures}; with few slots it is missed"


@dataclass(frozen=True, slots=True)
class Plan:
    """The difference to what is in force, and what comes of it."""

    domain: str
    deploy: int
    added: list[str]
    removed: list[str]
    changed: dict[str, list[str]]  # asset → what of it
    assets: int
    recompute: list[Recompute]
    promises: list[Feasibility]

    def counted(self) -> str:
        """How much changes, in a few words."""
        parts = {"added": len(self.added), "changed": len(self.changed), "removed": len(self.removed)}
        said = ", ".join(f"{count} {word}" for word, count in parts.items() if count)
        return (
            f"{counted(self.assets, 'asset')} ({said})" if said else f"{counted(self.assets, 'asset')}, nothing changed"
        )

    def lines(self) -> list[str]:
        """What would change and recompute, one line each."""
        return [
            f"deploy {self.deploy} of {self.domain!r} would be: {self.counted()}",
            *(f"+ {key}" for key in self.added),
            *(f"~ {key}: {', '.join(fields)}" for key, fields in self.changed.items()),
            *(f"- {key}" for key in self.removed),
            *(f"will recompute {one.asset}, {_when(one)}" for one in self.recompute),
        ]

    def warnings(self) -> list[str]:
        """Promises that can't be kept, or hardly."""
        return [one.sentence() for one in self.promises if one.is_infeasible or one.is_tight]

    def json(self) -> Json:
        """The same for machines."""
        return {
            "domain": self.domain,
            "deploy": self.deploy,
            "assets": self.assets,
            "added": self.added,
            "removed": self.removed,
            "changed": self.changed,
            "recompute": [{"asset": one.asset, "due_at": moment(one.due_at)} for one in self.recompute],
            "infeasible": [_figures(one) for one in self.promises if one.is_infeasible],
            "tight": [_figures(one) for one in self.promises if one.is_tight],
        }


def plan(domain: Domain, app: App) -> Plan:
    """Compare, and fold the deploy into `domain`, which is used up. Raises DefinitionError for what makes no sense."""
    before = domain.state.manifest
    number = before.deploy + 1 if before is not None else 1
    manifest = app.manifest(number)
    graph = compile_graph(manifest)
    old, new = _by_key(before), _by_key(manifest)
    stale = {key for key, node in domain.state.nodes.items() if node.owed_at is not None}
    at = max(domain.state.now, SystemClock().now_ms())
    if before is None or before.hash != manifest.hash:
        check_succession(domain, graph)
        declared = DefinitionsDeclared(**manifest.model_dump())
        apply(domain, domain.state.offset + 1, at, envelope(declared, "plan", "everfresh/cli", app.domain, at))
    nodes = [domain.state.nodes[key] for asset in domain.graph.order for key in domain.links.members(asset)]
    return Plan(
        domain=app.domain,
        deploy=number,
        added=sorted(new.keys() - old.keys()),
        removed=sorted(old.keys() - new.keys()),
        changed={key: fields for key in sorted(old.keys() & new.keys()) if (fields := _differing(old[key], new[key]))},
        assets=len(new),
        recompute=[_recompute(node, at) for node in nodes if node.key not in stale and _will_run(domain, node)],
        promises=list({one.asset: one for node in nodes if (one := _feasibility(domain, node)) is not None}.values()),
    )


def _by_key(manifest: Manifest | None) -> Mapping[str, AssetDef]:
    return {asset.key: asset for asset in manifest.assets} if manifest is not None else {}


def _differing(old: AssetDef, new: AssetDef) -> list[str]:
    fields = [name for name in AssetDef.model_fields if getattr(old, name) != getattr(new, name)]
    return [_WRITTEN.get(name, name.removesuffix("_ms")) for name in fields]


def _will_run(domain: Domain, node: Node) -> bool:
    return node.owed_at is not None and node.asset in domain.graph.needed and node.paused is None


def _recompute(node: Node, at: int) -> Recompute:
    due = at if node.wave is not None else node.wake_at
    return Recompute(node.key, due, max(0, (due or at) - at))


def _when(one: Recompute) -> str:
    if one.due_at is None:
        return "when an asset downstream needs it"
    return f"due in {span(one.in_ms)}" if one.in_ms else "at once"


def _feasibility(domain: Domain, node: Node) -> Feasibility | None:
    promise = allows_ms(domain, node)
    return Feasibility(node.asset, promise, node.path, node.longest) if promise is not None else None


def _figures(one: Feasibility) -> Json:
    least = seconds(one.path_ms + one.longest_ms)
    return {"asset": one.asset, "promise_seconds": seconds(one.promise_ms), "needs_seconds": least}
