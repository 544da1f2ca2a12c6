"""How the alerts of a rule behave: what the app says of them, and what stands where it says nothing."""

from fnmatch import fnmatchcase
from typing import NamedTuple

from reactors.causes import Cause
from reactors.domain import Domain
from reactors.state import Silence
from streams.events import Severity

FLAPS_MAX = 5
"""an alert that opens so often within the span below flaps: it then fires on until it was calm for a while"""

FLAP_SPAN_MS = 3_600_000

FLAP_CALM_MS = 900_000
"""how long that while is"""


class Manner(NamedTuple):
    """What holds for one alert; spans are ms."""

    severity: Severity | None  # instead of the trouble's own
    after_ms: int  # how long it has to last before it opens
    keep_ms: int  # how long it fires on once it is over
    damped: bool
    labels: dict[str, str]


def manner_of(domain: Domain, cause: Cause) -> Manner:
    """What the app's declarations say of such an alert together: of each thing, the last one that says it."""
    severity: Severity | None = None
    after, keep, damped = 0, 0, True
    labels: dict[str, str] = {}
    for said in domain.state.manifest.alerts if domain.state.manifest else ():
        if not fnmatchcase(cause.rule, said.rule) or (said.assets and cause.asset not in said.assets):
            continue
        severity = said.severity or severity
        after = said.after_ms if said.after_ms is not None else after
        keep = said.keep_ms if said.keep_ms is not None else keep
        damped = said.damped if said.damped is not None else damped
        labels |= said.labels
    return Manner(severity, after, keep, damped, labels)


def note_opening(domain: Domain, cause: Cause) -> None:
    """It opens: remembered for as long as that may make it one that flaps."""
    now, openings = domain.state.now, domain.state.openings
    known = [at for at in openings.pop(cause.key, ()) if at > now - FLAP_SPAN_MS]
    openings[cause.key] = [*known, now][-FLAPS_MAX:]
    for key in list(openings)[:2]:  # whatever opened longest ago stands first: two out for one in
        if openings[key][-1] <= now - FLAP_SPAN_MS:
            del openings[key]


def flaps(domain: Domain, cause: Cause) -> bool:
    """It opened too often within the last hour."""
    known = domain.state.openings.get(cause.key, ())
    return sum(at > domain.state.now - FLAP_SPAN_MS for at in known) >= FLAPS_MAX


def silenced_until(domain: Domain, cause: Cause) -> int | None:
    """The end of the longest silence about such an alert, in ms."""
    return max((one.until for one in domain.state.silences.values() if _is_about(one, cause)), default=None)


def _is_about(one: Silence, cause: Cause) -> bool:
    return fnmatchcase(cause.rule, one.rule) and (not one.asset or fnmatchcase(cause.asset, one.asset))
