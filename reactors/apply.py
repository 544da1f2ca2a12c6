"""The one entry of the fold: `apply(domain, offset, time, event) -> outputs`. Same journal, same outputs."""

from collections.abc import Callable, Mapping
from typing import Any

from reactors import backfills, bills, commands, commits, crossing, deploys, programs, runs, silences, stops, ticks
from reactors.alerts import count_alert
from reactors.causes import CLOCK_STEPPED, DEAD_LETTER, ERROR_MAX, GAP, Cause
from reactors.domain import Domain, Output
from reactors.freshness import tell
from reactors.results import publish_outputs
from reactors.state import WorkerSeen, at_work
from reactors.timers import rearm
from streams.cloudevents import Envelope, event_id, parse
from streams.errors import BadEvent
from streams.events import (
    Acknowledge,
    AssetChanged,
    Backfill,
    BackfillSteered,
    Cancel,
    CostReported,
    DeadLetter,
    DefinitionsDeclared,
    DefinitionsPart,
    DeliveryFailed,
    DomainDelivered,
    DomainSubscribed,
    JournalGap,
    LiftSilence,
    Materialize,
    Pause,
    ReactorStopped,
    Release,
    Resume,
    RunFailed,
    RunGranted,
    RunLost,
    RunRejected,
    RunReported,
    RunStarted,
    RunSucceeded,
    SilenceAlerts,
    TimerFired,
    WorkerHeartbeat,
)
from streams.units import readable

_CHANGED = AssetChanged.TYPE

STEP_MAX_MS = 1_000
"""how far an append time may lie before the one before: several brokers' clocks differ by some ms"""

_LETTER_MAX = 10_000
"""characters of an error that a dead letter tells: it may quote what it is about, and must fit into an event"""


def apply(domain: Domain, offset: int, time: int, event: Envelope) -> list[Output]:
    """Fold one journal entry, appended at `time` (ms). Entries come in the order of their offsets, each once.

    An event that can't count changes nothing and becomes a dead letter, on every replica the same.
    """
    state = domain.state
    if state.offset < 0:
        state.incarnation = event_id("journal", event["id"], event["source"], time)
    stepped, state.stamped = state.stamped - time, time
    state.offset = offset
    state.now = max(state.now, time)
    outputs: list[Output] = []
    domain.outputs = outputs
    if stepped > STEP_MAX_MS and domain.name:
        what = f"the clock that stamps the journal of {domain.name!r} stepped back"
        count_alert(domain, Cause(CLOCK_STEPPED), "warn", what, f"by {readable(stepped)}")
    try:
        if event["type"] == _CHANGED:
            commits.change(domain, event)
        else:
            _fold(domain, event)
    except BadEvent as error:
        domain.say(DeadLetter, event.get("subject") or event["type"], _letter(domain, event, str(error)))
        _count_letter(domain, "journal", str(error))
    if domain.touched:
        _come_to_rest(domain)
        touched, domain.touched = domain.touched, {}
        for key in touched:
            if key in state.nodes:
                tell(domain, state.nodes[key])
    if domain.leaving:
        crossing.hand_over(domain)
    return outputs


def _come_to_rest(domain: Domain) -> None:
    """What follows from the entry at once: outputs published, waves begun, the next partitions of a backfill."""
    _wake(domain)
    if domain.state.backfills and backfills.follow(domain):
        _wake(domain)


def _wake(domain: Domain) -> None:
    publish_outputs(domain)
    ticks.wake_due(domain)
    while domain.arriving:  # a wave that began had nothing to run
        publish_outputs(domain)
        ticks.wake_due(domain)


def refuse(domain: Domain, offset: int, time: int, error: str) -> list[Output]:
    """Fold an entry that can't be read, or that an operator said to skip: it changes nothing but the place and time."""
    state = domain.state
    state.offset, state.now = offset, max(state.now, time)
    domain.outputs = []
    letter = {"origin": f"journal/{domain.name}/{offset}", "error": error}
    domain.say(DeadLetter, f"journal/{domain.name}", letter)
    _count_letter(domain, "journal", error)
    return domain.outputs


def _fold(domain: Domain, event: Envelope) -> None:
    entry = _ENTRIES.get(event["type"])
    if entry is not None:
        entry(domain, parse(event))
    elif event["type"] in _REPORTS:  # from outside, as changes are: its envelope tells a repeat
        _REPORTS[event["type"]](domain, event, parse(event))


def _letter(domain: Domain, event: Envelope, error: str) -> dict[str, Any]:
    origin = f"journal/{domain.name}/{domain.state.offset}"
    return {"origin": origin, "error": error[:_LETTER_MAX], "key": event.get("subject")}


def undelivered(domain: Domain, said: DeliveryFailed) -> None:
    """A sink or the ingress gave an event up; it lies in the dead letters."""
    _count_letter(domain, said.sink, said.error)


def gap(domain: Domain, said: JournalGap) -> None:
    """Events were lost before anybody read them."""
    place = f"{said.topic}/{said.partition}"
    what = f"entries of {place} were lost before they were read"
    count_alert(domain, Cause(GAP, label=place), "error", what, f"{said.first} to {said.last}")


def _count_letter(domain: Domain, by: str, error: str) -> None:
    if domain.name:
        what = f"events of {domain.name!r} lie in the dead letters, by {by}"
        count_alert(domain, Cause(DEAD_LETTER, label=by), "warn", what, error[:ERROR_MAX])


def heard(domain: Domain, beat: WorkerHeartbeat) -> None:
    """A worker lives: its slots count, and the leases of what it holds start anew."""
    state = domain.state
    state.workers[beat.worker] = WorkerSeen(
        beat.worker, beat.slots, dict(beat.code_versions), state.now, leaving=beat.leaving
    )
    if beat.leaving and not beat.holds:
        del state.workers[beat.worker]
    _count_slots(domain)
    for held in beat.holds:
        node = state.nodes.get(domain.flights.get(held.run, ""))
        run = node.run if node is not None else None
        if run is not None and (run.attempt, run.worker) == (held.attempt, beat.worker):
            run.lease_until = state.now + run.lease_ms


def _count_slots(domain: Domain) -> None:
    """How many runs may be in flight at once: where that changes, so do the margins of promises."""
    state = domain.state
    slots = sum(one.slots for one in at_work(state))
    if slots != state.slots:
        state.slots = slots
        rearm(domain)


_ENTRIES: Mapping[str, Callable[[Domain, Any], None]] = {
    DefinitionsDeclared.TYPE: deploys.declared,
    DefinitionsPart.TYPE: deploys.piece,
    RunGranted.TYPE: runs.granted,
    RunStarted.TYPE: runs.started,
    RunSucceeded.TYPE: runs.succeeded,
    RunFailed.TYPE: runs.failed,
    RunLost.TYPE: runs.lost,
    RunRejected.TYPE: runs.rejected,
    TimerFired.TYPE: ticks.fired,
    DomainSubscribed.TYPE: crossing.subscribed,
    DomainDelivered.TYPE: commits.delivered,
    DeliveryFailed.TYPE: undelivered,
    JournalGap.TYPE: gap,
    ReactorStopped.TYPE: stops.passed,
    WorkerHeartbeat.TYPE: heard,
    Backfill.TYPE: backfills.commanded,
    BackfillSteered.TYPE: backfills.steered,
    Acknowledge.TYPE: silences.acknowledge,
    SilenceAlerts.TYPE: silences.silence,
    LiftSilence.TYPE: silences.lift,
    **{command.TYPE: commands.obey for command in (Pause, Resume, Materialize, Release, Cancel)},
}
"""type → what folds it; anything else in a journal is for others and changes nothing here"""

_REPORTS: Mapping[str, Callable[[Domain, Envelope, Any], None]] = {
    RunReported.TYPE: programs.reported,
    CostReported.TYPE: bills.reported,
}
"""the same for what is said from outside"""
