"""One round of grants: who has a free slot for what, and the fact that hands it over. Changes nothing in the state."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from reactors.crossing import agrees
from reactors.domain import Domain
from reactors.measured import learned
from reactors.news import news_of
from reactors.promises import may_begin
from reactors.requests import FAR, covers_of, cut_of, pins_now
from reactors.runs import next_attempt, run_id
from reactors.state import Node, Run, Wave
from streams.events import Covers, Cut, Pin, RunGranted

DISAGREE = "; its inputs from other domains didn't agree in time"


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms on which the reactor grants."""

    lease_ms: int = 30_000  # how long a worker may be silent
    claim_ms: int = 15_000  # how long a grant may be on its way


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to read, and by when."""

    cut: Cut
    cut_at: int
    pins: dict[str, Pin]
    deadline: int


def in_flight(domain: Domain) -> Iterator[tuple[Node, Run]]:
    """Every attempt in flight."""
    for key in domain.flights.values():
        node = domain.state.nodes[key]
        if node.run is not None:
            yield node, node.run


@dataclass(slots=True)
class Round:
    """The free slots of workers and pools, spent grant by grant."""

    domain: Domain
    clock: int
    terms: Terms
    workers: dict[str, int] = field(init=False)
    pools: dict[str, int] = field(init=False)
    _taken: dict[str, None] = field(default_factory=dict)  # nodes granted in this round

    def __post_init__(self) -> None:
        state = self.domain.state
        slots = {
            worker.name: worker.slots
            for worker in state.workers.values()
            if not worker.leaving and self.clock - worker.seen_at < self.terms.lease_ms
        }
        self.pools = dict(state.manifest.pools) if state.manifest is not None else {}
        for node, run in in_flight(self.domain):
            if run.worker in slots:
                slots[run.worker] -= 1
            pool = self.domain.definition(node).pool
            if pool in self.pools:
                self.pools[pool] -= 1
        self.workers = {name: free for name, free in slots.items() if free > 0}

    @property
    def is_over(self) -> bool:
        """No worker has a free slot."""
        return not self.workers

    def of_request(self, node: Node) -> RunGranted | None:
        """Grant a node's first request, if somebody can take it."""
        request = node.requests[0]
        waves = [self.domain.state.waves[name] for name in request.waves]
        wave = min(waves, key=lambda one: one.deadline) if waves else None
        return self._offered(node, wave, lambda: Plan(request.cut, request.at, request.pins, request.deadline))

    def of_floating(self, node: Node, wave: Wave) -> RunGranted | None:
        """Grant a node of a floating wave at the newest cut, if somebody can take it."""
        domain = self.domain
        at, target = domain.state.offset, domain.state.nodes[wave.targets[0]]
        by = wave.deadline - target.path + node.path
        return self._offered(node, wave, lambda: Plan(cut_of(domain, node, at), at, pins_now(domain, node), by))

    def _offered(self, node: Node, wave: Wave | None, plan: Callable[[], Plan]) -> RunGranted | None:
        worker = self._worker_for(node) if may_begin(self.domain, node, self.clock) else None
        if worker is None:
            return None
        self._spend(worker, node)
        return self._grant(node, wave, plan(), worker)

    def _worker_for(self, node: Node) -> str | None:
        """A worker with the node's code version and a free slot; the freest first."""
        definition = self.domain.definition(node)
        if node.key in self._taken or self.pools.get(definition.pool or "", 1) <= 0:
            return None
        seen = self.domain.state.workers
        fit = [
            (-slots, name)
            for name, slots in self.workers.items()
            if seen[name].code_versions.get(node.asset) == definition.code_version
        ]
        return min(fit)[1] if fit else None

    def _spend(self, worker: str, node: Node) -> None:
        self._taken[node.key] = None
        self.workers[worker] -= 1
        if not self.workers[worker]:
            del self.workers[worker]
        pool = self.domain.definition(node).pool
        if pool in self.pools:
            self.pools[pool] -= 1

    def _grant(self, node: Node, wave: Wave | None, plan: Plan, worker: str) -> RunGranted:
        domain, definition = self.domain, self.domain.definition(node)
        number, attempt = next_attempt(node)
        covers, consistent = covers_of(node, plan.cut), agrees(domain, node, plan.cut_at)
        return RunGranted(
            run=run_id(domain.state.incarnation, node.asset, node.partition, number),
            number=number,
            asset=node.asset,
            partition=node.partition,
            attempt=attempt,
            wave=wave.id if wave is not None else "",
            worker=worker,
            claim_by=self.clock + self.terms.claim_ms,
            basis=domain.state.offset,
            cut_at=plan.cut_at,
            inputs=plan.pins,
            cut=plan.cut,
            covers=covers,
            news=news_of(domain, node, plan.cut_at, plan.pins) if consistent else {},
            learned=learned(domain, node),
            deadline=self.clock if plan.deadline >= FAR else plan.deadline,
            lease_ms=self.terms.lease_ms,
            timeout_ms=definition.timeout_ms,
            code_version=definition.code_version,
            consistent=consistent,
            reason=_reason(node, wave, attempt, covers) + ("" if consistent else DISAGREE),
        )


def _reason(node: Node, wave: Wave | None, attempt: int, covers: Covers) -> str:
    said = f"attempt {attempt}: " if attempt > 1 else ""
    if wave is None:
        said += "its wave ended meanwhile"
    elif node.key in wave.targets:
        said += wave.reason
    else:
        said += f"needed by {wave.targets[0]!r}: {wave.reason}"
    spans = [f"{key} {first}" + (f"-{last}" if last > first else "") for key, (first, last) in covers.items()]
    return f"{said}; new: {', '.join(spans)}" if spans else said
