"""Every event, and the registry of them by CloudEvents type."""

from pydantic import BaseModel

from streams.bill_events import CostReported
from streams.domain_events import CROSSING, DomainDelivered, DomainSubscribed
from streams.event import BackfillStatus, Covers, Cut, Event, Pin, Severity, Verdict
from streams.journal_events import (
    Acknowledge,
    AssetChanged,
    Attempt,
    Backfill,
    BackfillSteered,
    Cancel,
    CheckResult,
    Command,
    CostItem,
    Covered,
    DefinitionsDeclared,
    DefinitionsPart,
    DeliveryFailed,
    Held,
    InputNews,
    JournalGap,
    LiftSilence,
    MadeOutput,
    Materialize,
    OverridesSet,
    Pause,
    ReactorStopped,
    Release,
    Resume,
    RunCancelled,
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
from streams.output_events import (
    Alert,
    AlertOpened,
    AlertResolved,
    AlertUpdated,
    AssetMaterialized,
    AssetQuarantined,
    AssetReleased,
    AssetVerified,
    BackfillChanged,
    CheckEvaluated,
    CostIncurred,
    DeadLetter,
    FreshnessChanged,
    Publication,
    RunEnded,
)

__all__ = [
    "CROSSING",
    "EVENTS",
    "Acknowledge",
    "Alert",
    "AlertOpened",
    "AlertResolved",
    "AlertUpdated",
    "AssetChanged",
    "AssetMaterialized",
    "AssetQuarantined",
    "AssetReleased",
    "AssetVerified",
    "Attempt",
    "Backfill",
    "BackfillChanged",
    "BackfillStatus",
    "BackfillSteered",
    "Cancel",
    "CheckEvaluated",
    "CheckResult",
    "Command",
    "CostIncurred",
    "CostItem",
    "CostReported",
    "Covered",
    "Covers",
    "Cut",
    "DeadLetter",
    "DefinitionsDeclared",
    "DefinitionsPart",
    "DeliveryFailed",
    "DomainDelivered",
    "DomainSubscribed",
    "Event",
    "FreshnessChanged",
    "Held",
    "InputNews",
    "JournalGap",
    "LiftSilence",
    "MadeOutput",
    "Materialize",
    "OverridesSet",
    "Pause",
    "Pin",
    "Publication",
    "ReactorStopped",
    "Release",
    "Resume",
    "RunCancelled",
    "RunEnded",
    "RunFailed",
    "RunGranted",
    "RunLost",
    "RunRejected",
    "RunReported",
    "RunStarted",
    "RunSucceeded",
    "Severity",
    "SilenceAlerts",
    "TimerFired",
    "Verdict",
    "WorkerHeartbeat",
]


def _concrete(base: type[Event]) -> list[type[Event]]:
    found = [base] if "TYPE" in vars(base) else []
    return found + [leaf for child in base.__subclasses__() for leaf in _concrete(child)]


EVENTS: dict[str, type[BaseModel]] = {event.TYPE: event for event in _concrete(Event)}
"""type → model of its data"""
EVENTS[DefinitionsDeclared.TYPE] = DefinitionsDeclared

FROM_OUTSIDE = frozenset((AssetChanged.TYPE, RunReported.TYPE, CostReported.TYPE))
"""types that may stand in the changes topic: what publishers say"""
