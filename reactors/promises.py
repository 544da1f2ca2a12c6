"""What a policy guarantees of a node, and when it may run: by the policy and the clock, not by how busy anyone is."""

from reactors.domain import Domain
from reactors.graph import has_promise
from reactors.spending import Limit
from reactors.state import Node
from streams.grids import window_in, windows_of
from streams.policies import Cron, Within
from streams.units import readable, rfc3339


def is_promised(domain: Domain, node: Node) -> bool:
    """Its policy speaks of it: of a partition that `lookback` leaves out it doesn't."""
    newest = domain.definition(node).policy.newest
    if newest is None:
        return True
    parts = domain.graph.partitioned[node.asset]
    windows = windows_of(parts)
    return windows is None or windows.is_among_newest(window_in(parts, node.partition), newest, domain.state.now)


def is_needed(domain: Domain, node: Node) -> bool:
    """Something is promised of it, or of what is below it; of other partitions that says nothing."""
    if node.asset not in domain.graph.needed or not domain.graph.partitioned:
        return node.asset in domain.graph.needed
    below = (node, *domain.below(node.key))
    return any(has_promise(domain.definition(one)) and is_promised(domain, one) for one in below)


def promised_until(domain: Domain, node: Node) -> int | None:
    """When `lookback` leaves the partition out, as newer ones have begun; None where it is out, or never will be."""
    newest = domain.definition(node).policy.newest
    if newest is None or not is_promised(domain, node):
        return None
    parts = domain.graph.partitioned[node.asset]
    windows = windows_of(parts)
    return windows.ends_among_newest(window_in(parts, node.partition), newest) if windows is not None else None


def promise_ms(domain: Domain, node: Node) -> int | None:
    """The age that the node's policy guarantees; None where it guarantees none."""
    policy = domain.definition(node).policy
    if not isinstance(policy, Within) or not is_promised(domain, node):
        return None
    return policy.lag_ms * stretch(domain, node)


def stretch(domain: Domain, node: Node) -> int:
    """How many times as long its promise is, as a budget throttles it."""
    limit = _limit(domain, node)
    return 1 if limit is None or limit.pauses else limit.stretch


def _limit(domain: Domain, node: Node) -> Limit | None:
    """What a budget that is used up asks of it now."""
    limit = domain.limits.get(node.asset) if domain.limits else None
    return limit if limit is not None and domain.state.now < limit.until else None


def promised_by(domain: Domain, node: Node, since: int) -> int | None:
    """When what was committed at `since` has to be taken in; None where nothing is promised.

    Where a Within's time is up outside its hours, it counts on from when they next begin.
    """
    policy = domain.definition(node).policy
    if not is_promised(domain, node):
        return None
    if isinstance(policy, Cron):
        return policy.by(policy.tick(since))
    if not isinstance(policy, Within):
        return None
    lag = policy.lag_ms * stretch(domain, node)
    end = since + lag
    opens = policy.hours.opens(end) if policy.hours is not None else end
    return end if opens == end else opens + lag


def limited(domain: Domain, node: Node) -> str | None:
    """Which budget holds it back, and until when, as a clause."""
    limit = _limit(domain, node)
    if limit is None:
        return None
    how = "pauses" if limit.pauses else "throttles"
    return f"the budget {limit.by!r} is used up, which {how} it until {rfc3339(limit.until)}"


def allows_ms(domain: Domain, node: Node) -> int | None:
    """The time that the promise leaves between a commit, or a tick, and its being taken in; None without a promise."""
    policy = domain.definition(node).policy
    return policy.allows_ms if isinstance(policy, Cron) and is_promised(domain, node) else promise_ms(domain, node)


def is_infeasible(domain: Domain, node: Node) -> bool:
    """The promise is below what its path, and one run in flight, take by what is known of durations."""
    allowed = allows_ms(domain, node)
    return allowed is not None and allowed < node.path + node.longest


def holder(domain: Domain, node: Node) -> Node:
    """The node whose hold, if it has one, the node waits for: what blocks it, or itself."""
    return domain.state.nodes[node.blocked_by] if node.blocked_by is not None else node


def risk_at(domain: Domain, node: Node, by: int) -> int | None:
    """From when on a promise to be up to date `by` then will hardly be kept: a run would end half its time too late.

    None where one is in flight that began earlier, or where a run takes no time; and where it is held, or blocked by
    what is held: that is told already.
    """
    if node.takes < 2 or holder(domain, node).hold is not None or is_infeasible(domain, node):
        return None
    at = by - node.takes // 2
    is_on_its_way = node.run is not None and node.run.live and node.run.granted_at <= at
    return None if is_on_its_way else at


def held_until(domain: Domain, node: Node, at: int) -> int:
    """The earliest instant from `at` on at which the node may be granted: by its hours, the run before, and budgets."""
    policy, run = domain.definition(node).policy, node.run
    every = policy.every_ms or 0
    limit = domain.limits.get(node.asset) if domain.limits else None
    if limit is not None and at < limit.until:
        if limit.pauses:
            at = limit.until
        elif policy.kind in ("eager", "cron"):
            every = max(every, limit.every_ms)
    if every and run is not None and not run.live and run.retry_at is None:
        at = max(at, run.granted_at + every)
    return at if policy.hours is None else policy.hours.opens(at)


def may_begin(domain: Domain, node: Node, at: int) -> bool:
    """Neither its hours nor the run before hold the node at `at`."""
    return held_until(domain, node, at) <= at


def turns_at(domain: Domain, node: Node, at: int) -> int | None:
    """When what may be granted at `at` may not, or the other way round; None where nothing of the kind is declared."""
    held, hours = held_until(domain, node, at), domain.definition(node).policy.hours
    if held > at:
        return held
    return None if hours is None else hours.closes(at)


def in_words(domain: Domain, node: Node) -> str:
    """The promise as what it allows: '5m', or '30m from tick to done'."""
    policy, allowed = domain.definition(node).policy, readable(allows_ms(domain, node) or 0)
    return f"{allowed} from tick to {'done' if policy.within_ms else 'tick'}" if isinstance(policy, Cron) else allowed


def broken(domain: Domain, node: Node, since: int) -> tuple[str, str]:
    """That the promise counting from `since` is broken, as a sentence's end, and what was expected instead."""
    policy = domain.definition(node).policy
    if isinstance(policy, Cron):
        tick = policy.tick(since)
        by = rfc3339(policy.by(tick))
        return f"was not up to date by {by} with what came before its tick at {rfc3339(tick)}", by
    promise = readable(promise_ms(domain, node) or 0)
    return f"is more than {promise} behind its sources", promise
