"""What checks measured of the versions before: kept in the state, handed out with grants, compared with by workers.

The worker judges, so the answer stands in its report and no later version of the rules changes it.
"""

from collections.abc import Sequence

from reactors.domain import Domain
from reactors.state import Node
from streams.definitions import AssetDef, Learning
from streams.events import CheckResult
from streams.grids import parts_of, windows_of
from streams.measures import Learned, Point
from streams.partitions import Grid, Windows


def series_of(definition: AssetDef, partition: str) -> str:
    """Which versions are compared with each other: those of one partition, or the windows of one time line."""
    parts = definition.partitions
    if isinstance(parts, Windows):
        return ""
    if isinstance(parts, Grid):
        over = parts_of(parts, partition)
        return "|".join(over[one.name] for one in parts.dimensions if not isinstance(one.partitions, Windows))
    return partition


def remember(domain: Domain, node: Node, version: str, checks: Sequence[CheckResult], held: bool) -> None:
    """Keep what was measured of a version. What failed or was held back isn't usual."""
    definition = domain.definition(node)
    learning = {check.name: check.learning for check in definition.checks if check.learning is not None}
    for check in checks:
        rule = learning.get(check.check)
        if rule is None or check.measure is None:
            continue
        series = domain.state.measured.setdefault(node.asset, {}).setdefault(series_of(definition, node.partition), {})
        usual = not held and check.outcome != "fail"
        point = Point(version=version, partition=node.partition, usual=usual, held=held, measure=check.measure)
        series[check.check] = kept(rule, series.get(check.check, []), point, _is_timeline(definition))


def kept(rule: Learning, points: list[Point], point: Point, is_timeline: bool) -> list[Point]:
    """The points with this one among them: instead of the one of its window, or the newest."""
    if is_timeline:
        kept = [one for one in points if one.partition != point.partition]
        kept = sorted([*kept, point], key=lambda one: one.partition)
    else:
        kept = [*(one for one in points if one.version != point.version), point]
    newest = kept[-rule.relearn :]
    if len(newest) == rule.relearn and not any(one.usual or one.held for one in newest):
        kept = [one.model_copy(update={"usual": True}) for one in newest]
    usual = sum(one.usual for one in kept)
    while usual > rule.window:
        usual -= kept.pop(0).usual
    for old in [one for one in kept if not one.usual][: -rule.window]:  # held back for long: what was usual stays
        kept.remove(old)
    return kept


def allow(domain: Domain, node: Node, version: str) -> None:
    """An operator let a version through: it is usual."""
    series = domain.state.measured.get(node.asset, {}).get(series_of(domain.definition(node), node.partition), {})
    for check, points in series.items():
        series[check] = [
            one.model_copy(update={"usual": True, "held": False})
            if (one.version, one.partition) == (version, node.partition)
            else one
            for one in points
        ]


def learned(domain: Domain, node: Node) -> Learned:
    """What a run of the node is handed: of it, or of each asset that it makes."""
    found: Learned = {}
    if not domain.state.measured:
        return found
    for asset in (node.asset, *domain.definition(node).outputs):
        definition = domain.graph.assets[asset]
        series = domain.state.measured.get(asset, {}).get(series_of(definition, node.partition), {})
        before = node.partition if _is_timeline(definition) else None
        told = {check: _handed_out(points, before) for check, points in series.items()}
        if any(told.values()):
            found[asset] = {check: points for check, points in told.items() if points}
    return found


def _handed_out(points: Sequence[Point], before: str | None) -> tuple[Point, ...]:
    """Those of earlier windows, or all; without sketches, by which nothing is judged."""
    return tuple(_without_sketches(one) for one in points if before is None or one.partition < before)


def _is_timeline(definition: AssetDef) -> bool:
    """Its versions are windows of time, one after the other whenever each was computed."""
    return windows_of(definition.partitions) is not None


def _without_sketches(point: Point) -> Point:
    columns = point.measure.columns
    if not any(one.sketch for one in columns.values()):
        return point
    plain = {name: one.model_copy(update={"sketch": None}) for name, one in columns.items()}
    return point.model_copy(update={"measure": point.measure.model_copy(update={"columns": plain})})


def forget_undeclared(domain: Domain) -> None:
    """Keep only what checks that are declared compare with."""
    measured = domain.state.measured
    for asset in list(measured):
        definition = domain.graph.assets.get(asset)
        checks = definition.checks if definition is not None else ()
        kept = [check.name for check in checks if check.learning is not None]
        for series in measured[asset].values():
            for name in [one for one in series if one not in kept]:
                del series[name]
        if not kept:
            del measured[asset]
