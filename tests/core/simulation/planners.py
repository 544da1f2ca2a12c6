"""Other versions of the logic: they plan otherwise, and must come to the same runs from the same journal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from reactors import durations, ticks, timers, waves
from reactors.apply import apply
from reactors.domain import Domain, Output
from reactors.state import Node
from streams.cloudevents import Envelope
from streams.events import Publication, RunCancelled, RunEnded, RunGranted

Journal = list[tuple[int, Envelope]]


def _at_once(domain: Domain, node: Node) -> int | None:
    return None if (at := timers_due(domain, node)) is None else min(at, domain.state.now)


def _never(domain: Domain, node: Node) -> int | None:
    return None


def _much_later(domain: Domain, node: Node) -> int | None:
    return None if (at := timers_due(domain, node)) is None else at + 7_777


timers_due = timers.due
PLANNERS: dict[str, list[tuple[Any, str, Callable[..., Any]]]] = {
    "starts every wave at once": [(timers, "due", _at_once)],
    "never starts a wave": [(timers, "due", _never)],
    "starts waves later": [(timers, "due", _much_later)],
    "lets nobody ride along": [(waves, "may_ride", lambda *_: False)],
    "expects runs to take a minute": [(durations, "expected", lambda *_: 60_000)],
    "waits twice for quiet": [(ticks, "later", lambda domain, node, policy: domain.state.now + 60_000)],
}


@contextmanager
def planner(name: str) -> Iterator[None]:
    """The fold's planner is another one inside."""
    patches = [mock.patch.object(module, function, other) for module, function, other in PLANNERS[name]]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


def folded(journal: Journal) -> tuple[Domain, list[Output]]:
    """A journal folded from its start."""
    domain = Domain()
    outputs: list[Output] = []
    for offset, (time, event) in enumerate(journal):
        outputs += apply(domain, offset, time, event)
    return domain, outputs


def runs_of(outputs: list[Output]) -> list[tuple[object, ...]]:
    """What binds: accepted grants, how attempts ended, what runs published; not the moves that need no run."""
    found: list[tuple[object, ...]] = []
    for output in outputs:
        if not issubclass(output.model, RunGranted | RunEnded | RunCancelled | Publication):
            continue
        event = output.event()
        if isinstance(event, RunGranted):
            found.append((output.offset, "granted", event.run, event.attempt, event.worker, event.cut, event.inputs))
        elif isinstance(event, RunEnded | RunCancelled):
            found.append((output.offset, event.TYPE, event.run, event.attempt))
        elif isinstance(event, Publication) and event.run is not None:
            found.append((output.offset, event.TYPE, event.run, event.version, event.cut, event.inputs))
    return found
