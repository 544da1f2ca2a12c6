"""What the reactor may propose now: grants by the earliest deadline, losses, timers. Changes nothing in the state."""

from collections.abc import Generator
from contextlib import closing
from heapq import heappop, heappush

from reactors.domain import Domain
from reactors.granting import Round, Terms, in_flight
from reactors.hurry import haste
from reactors.requests import is_grantable
from reactors.state import Node, Wave
from reactors.timers import earliest
from reactors.waves import awaits_agreement, sleep, survey
from streams.events import Event, RunGranted, RunLost, TimerFired
from streams.units import readable


def propose(domain: Domain, clock: int, terms: Terms, may_lose: bool = True) -> list[Event]:
    """Everything that should be a fact at `clock`, in the order in which it should be appended.

    Ask only when the journal is folded to its end, and append before asking again. `may_lose=False` holds losses back
    while the reactor itself was out of touch: the heartbeats it missed may still come.
    """
    clock = max(clock, domain.state.now)
    lapsed = _lapsed(domain, clock) if may_lose else []
    first = _first(domain)
    if first is not None and first <= clock:
        # A timer may move cuts; grants based on what was before it would not fit. They come in the next round.
        return [*lapsed, TimerFired(at=clock)]
    return [*lapsed, *_grants(domain, clock, terms)]


def next_instant(domain: Domain) -> int | None:
    """When to ask again if nothing is appended meanwhile."""
    leases = [run.lease_until for _, run in in_flight(domain)]
    first = _first(domain)
    return min(leases, default=None) if first is None else min([*leases, first])


def _first(domain: Domain) -> int | None:
    """When something falls due: a timer, or a wave that has to begin ahead of its own."""
    timer, hurried = earliest(domain), haste(domain)
    if hurried is None:
        return timer
    return hurried.at if timer is None else min(timer, hurried.at)


def _lapsed(domain: Domain, clock: int) -> list[Event]:
    found: list[Event] = []
    for node, run in in_flight(domain):
        if run.lease_until <= clock:
            found.append(
                RunLost(
                    run=run.id,
                    asset=node.asset,
                    partition=node.partition,
                    attempt=run.attempt,
                    worker=run.worker,
                    basis=domain.state.offset,
                    reason=f"worker {run.worker!r} was silent for its lease of {readable(run.lease_ms)}",
                )
            )
    return found


def _grants(domain: Domain, clock: int, terms: Terms) -> list[Event]:
    if not domain.ready and not domain.floating:
        return []
    turn = Round(domain, clock, terms)
    found: list[RunGranted | None] = []
    settling: list[str] = []
    with closing(_queue(domain)) as queue:  # ended early or not, what it took from `ready` is back there
        for node, wave in queue:
            if turn.is_over:
                break
            if wave is None:
                found.append(turn.of_request(node))
                continue
            if awaits_agreement(domain, wave, domain.state.offset, clock):
                sleep(domain, wave)  # a delivery wakes it, or its patience's end
                continue
            seen = survey(domain, wave)
            if seen.hopeless or (seen.movable and not seen.grantable):
                settling.append(wave.id)
            elif not seen.grantable:  # whatever it needs is in flight: look again when that ends
                sleep(domain, wave)
            found += [turn.of_floating(one, wave) for one in seen.grantable]
    grants: list[Event] = [grant for grant in found if grant is not None]
    return [*grants, TimerFired(at=clock, settle=tuple(settling))] if settling else grants


def _queue(domain: Domain) -> Generator[tuple[Node, Wave | None], None, None]:
    """Ready requests and floating waves, earliest deadline first, then oldest."""
    nodes, waves = domain.state.nodes, domain.state.waves
    heap: list[tuple[int, int, str, str]] = []
    seen: dict[str, None] = {}
    kept: list[tuple[int, int, str]] = []
    for name in domain.floating:
        wave = waves[name]
        target = nodes[wave.targets[0]]
        heappush(heap, (wave.deadline - target.path + target.takes, wave.born, wave.targets[0], name))
    try:
        while domain.ready or heap:
            if domain.ready and (not heap or domain.ready[0][:2] <= heap[0][:2]):
                entry = heappop(domain.ready)
                node = nodes.get(entry[2])
                if node is None or entry[2] in seen or not is_grantable(domain, node):
                    continue
                if (node.requests[0].deadline, node.requests[0].asked) == entry[:2]:
                    seen[entry[2]] = None
                    kept.append(entry)
                    yield node, None
            else:
                _, _, target_key, name = heappop(heap)
                yield nodes[target_key], waves[name]
    finally:
        for entry in kept:  # still ready until the grant is a fact
            heappush(domain.ready, entry)
