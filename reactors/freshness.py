"""Verdicts: what is shown of a node, with the reason. The first that holds, in the order of semantics.md."""

from reactors.domain import Domain
from reactors.heeding import owes_only_a_look
from reactors.promises import in_words, is_infeasible, limited, promise_ms, promised_by
from reactors.state import Node, Said
from reactors.worries import worry
from streams.events import FreshnessChanged, Verdict
from streams.units import readable


def blocker(domain: Domain, node: Node) -> str | None:
    """The paused, failing or quarantined node upstream through which this one is stale."""
    if node.owed_at is None:
        return None
    for one in domain.derived_inputs(node):
        if one.stale_at is not None and (one.paused is not None or one.hold is not None):
            return one.key
        if one.blocked_by is not None:
            return one.blocked_by
    return None


def reblock(domain: Domain, node: Node) -> None:
    """A node was paused, held, resumed or recovered: say so below it."""
    key = node.key
    if node.paused is not None or node.hold is not None:
        domain.troubled[key] = None
    else:
        domain.troubled.pop(key, None)
    domain.touched[key] = None
    for reader in domain.below(key):
        _block(domain, reader)
        if reader.blocked_by == key:
            domain.touched[reader.key] = None  # it rests as long as what blocks it


def block_below(domain: Domain, key: str) -> None:
    """What is below was marked anew: some of it may now be stale through a node in trouble."""
    if domain.troubled:
        for reader in domain.below(key):
            _block(domain, reader)


def _block(domain: Domain, node: Node) -> None:
    found = blocker(domain, node)
    if found != node.blocked_by:
        node.blocked_by = found
        domain.touched[node.key] = None


def is_late(domain: Domain, node: Node) -> bool:
    """The promise is broken: the node has been stale for longer than it allows."""
    by = promised_by(domain, node, node.stale_since) if node.stale_since is not None else None
    return by is not None and domain.state.now >= by


def judge(domain: Domain, node: Node) -> tuple[Verdict, str]:
    """The node's verdict now, and why."""
    if node.paused is not None:
        return "paused", node.paused
    if node.hold is not None and node.hold.kind != "cancelled":
        return ("quarantined" if node.hold.kind == "quarantined" else "failing"), node.hold.reason
    if node.blocked_by is not None:
        return "blocked", f"stale through {node.blocked_by!r}, which is {_trouble(domain, node.blocked_by)}"
    if node.stale_since is None and (node.version is None or node.owed_at is not None):
        return "unknown", "not each of its inputs has a version yet"
    if is_late(domain, node):
        return "overdue", f"stale for longer than its promise of {in_words(domain, node)}"
    if is_infeasible(domain, node):
        return "infeasible", (
            f"its promise of {in_words(domain, node)} is below its path of {readable(node.path)} "
            f"plus one run of {readable(node.longest)}"
        )
    is_stale = node.owed_at is not None and not owes_only_a_look(domain, node)
    return ("stale", _why_stale(domain, node)) if is_stale else ("fresh", _why_fresh(domain, node))


def _trouble(domain: Domain, key: str) -> str:
    node = domain.state.nodes[key]
    return "paused" if node.paused is not None else node.hold.kind if node.hold is not None else "held"


def _why_fresh(domain: Domain, node: Node) -> str:
    if node.stale_at is None:
        return "nothing changed since its cut"
    if node.owed_at is not None or node.asset in domain.graph.followers:
        return "nothing new was found when its source was last looked at"
    if node.asset in domain.graph.joint:
        return "not each of its inputs changed since its cut, and its policy requires all"
    return "nothing changed since its cut but what its policy ignores"


def _why_stale(domain: Domain, node: Node) -> str:
    if node.hold is not None:
        return node.hold.reason
    if node.run is not None and node.run.live:
        return f"run {node.run.id} is in flight"
    return limited(domain, node) or ("wanted by a wave" if node.requests else "an input changed")


def tell(domain: Domain, node: Node) -> None:
    """Emit the node's freshness, if it changed, and open or resolve its alerts."""
    verdict, reason = judge(domain, node)
    said = node.said
    if said is None or said.verdict != verdict or said.stale_since != node.stale_since or said.due_at != node.wake_at:
        promise = promise_ms(domain, node)
        lag = 0 if node.stale_since is None else domain.state.now - node.stale_since
        fields = {
            "asset": node.asset,
            "partition": node.partition,
            "verdict": verdict,
            "previous": said.verdict if said else None,
            "lag_seconds": lag / 1_000,
            "promise_seconds": None if promise is None else promise / 1_000,
            "stale_since": node.stale_since,
            "due_at": node.wake_at,
            "reason": reason,
        }
        domain.say(FreshnessChanged, node.key, fields)
        node.said = Said(verdict, node.stale_since, node.wake_at)
    worry(domain, node, is_late(domain, node), is_infeasible(domain, node))
