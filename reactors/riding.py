"""Which assets join a wave that isn't theirs: those for whom running now costs less than running later would.

An asset below what a wave runs may run with it, ahead of its own due time, and bring along what else it lacks. It loses
the part of its span between runs that it gives away; it may save the wave's runs above it, which its own would make
again. Those that somebody else needs again before it is due aren't saved: it can ride along then, later in its span.
docs/decisions/0019, 0026 and 0035 have the figures.
"""

from collections.abc import Iterable

from reactors.crossing import agrees
from reactors.domain import Domain
from reactors.promises import is_promised, may_begin
from reactors.requests import came_later, is_held, lacks
from reactors.state import Node
from reactors.timers import stale_from
from streams.definitions import CODE
from streams.policies import Eager, Within

ODDS = 2
"""what may be saved must be so many times what is lost: what comes next is a guess"""

LATELY = 4
"""commits of a root by which it is guessed when the next one comes"""

_PRECISE = 10**12


class Company:
    """What one wave runs, and by when others will need that again, as far as it is known who rides.

    Candidates are asked in the order of their due times: who would run before one of them has been decided then.
    """

    def __init__(self, domain: Domain, asked: Iterable[Node]) -> None:
        self._domain = domain
        self.runs = {one.key: one for one in asked}
        self._shared: dict[str, list[Node]] = {}  # as long as nobody brings more
        self._again: dict[str, int] = {}  # key of a run → the earliest instant at which somebody needs another

    def add(self, asked: Iterable[Node]) -> None:
        """A rider brought these."""
        self._shared.clear()
        self.runs.update((one.key, one) for one in asked)

    def shared(self, node: Node) -> list[Node]:
        """What the wave runs above the node."""
        if node.key not in self._shared:
            above = self._domain.made_before(node)
            self._shared[node.key] = [self.runs[key] for key in above if key in self.runs]
        return self._shared[node.key]

    def is_needed_by(self, run: Node, instant: int) -> bool:
        """Somebody has it run again until then, as it seems."""
        return self._again.get(run.key, instant + 1) <= instant

    def decided(self, node: Node, rides: bool) -> None:
        """The node runs now, or when it is due; so does what it needs."""
        if node.wave is not None and not rides:
            return  # at work in another wave
        due = _due_again(self._domain, node) if rides or node.wake_at is None else node.wake_at
        if due is not None:
            for one in self.shared(node):
                self._again[one.key] = min(due, self._again.get(one.key, due))


def by_due_time(candidates: Iterable[Node]) -> list[Node]:
    """The one that is due first comes first."""
    return sorted(candidates, key=lambda node: (node.wake_at is None, node.wake_at or 0))


def _due_again(domain: Domain, node: Node) -> int | None:
    """When the node will be due again, if it runs now and what it reads changes on as it did lately; ms."""
    policy, now = domain.definition(node).policy, domain.state.now
    if not isinstance(policy, Within | Eager):
        return None
    parts = 0
    for root in domain.roots_above(node):
        last = root.commits[-LATELY:]
        if len(last) > 1 and not root.key.startswith(CODE):
            parts += (len(last) - 1) * _PRECISE // max(1, now - last[0].time)
    if not parts:
        return None
    rest = max(0, policy.lag_ms - node.path) if isinstance(policy, Within) else policy.quiet_ms
    return now + _PRECISE // parts + rest


def may_ride(domain: Domain, node: Node, at: int, company: Company) -> bool:
    """It pays that the node joins a wave of the cut `at`. Only a Within has slack to give."""
    since, wake = stale_from(domain, node), node.wake_at
    if node.wave is not None or node.requests or not lacks(domain, node, at) or is_held(domain, node):
        return False
    if not isinstance(domain.definition(node).policy, Within) or since is None or wake is None:
        return False
    passed, slack = domain.state.now - since, wake - since
    if slack <= 0:
        return False
    if not may_begin(domain, node, domain.state.now) or not agrees(domain, node, at):
        return False  # the wave would wait for it
    more = _lacking(domain, node, at)
    if more is None or _is_anothers(domain, node, at):
        return False
    saved = sum(_cost(one) for one in company.shared(node) if not company.is_needed_by(one, wake))
    lost = (_cost(node) + sum(map(_cost, more))) * (slack - passed)
    return saved * passed >= ODDS * lost


def may_follow(domain: Domain, node: Node, at: int) -> bool:
    """An Eager asset goes along when a source above it is looked at: if that finds nothing, it needs no run."""
    if node.asset not in domain.graph.followers or not is_promised(domain, node):
        return False
    if node.wave is not None or node.requests:
        return False
    if not lacks(domain, node, at) or is_held(domain, node) or not agrees(domain, node, at):
        return False
    if not may_begin(domain, node, domain.state.now) or _lacking(domain, node, at) is None:
        return False
    return not _is_anothers(domain, node, at)


def _lacking(domain: Domain, node: Node, at: int) -> list[Node] | None:
    """What would have to run for it besides what the wave runs; None where some of that can't, or is on another way."""
    found: dict[str, Node] = {}
    stack = [node]
    while stack:
        for one in domain.derived_inputs(stack.pop()):
            if one.key not in found and lacks(domain, one, at):
                if one.requests or is_held(domain, one) or not may_begin(domain, one, domain.state.now):
                    return None
                found[one.key] = one
                stack.append(one)
    return list(found.values())


def _is_anothers(domain: Domain, node: Node, at: int) -> bool:
    """Something came after the cut `at`, to it or above it: what stands there for that cut is of another graph."""
    nodes = domain.state.nodes
    return any(came_later(domain, nodes[key], at) for key in (node.key, *domain.made_before(node)))


def _cost(node: Node) -> int:
    return max(1, node.takes)
