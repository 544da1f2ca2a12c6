"""Alerts that somebody knows of: acknowledged ones, and those of which nobody wants to hear for a while.

Both change what an alert says, not whether it fires: who delivers it decides what to make of that.
"""

from reactors.alerts import tell_again
from reactors.domain import Domain
from reactors.manners import silenced_until
from reactors.state import SILENCE, Silence
from streams.errors import BadEvent
from streams.events import Acknowledge, LiftSilence, SilenceAlerts


def acknowledge(domain: Domain, said: Acknowledge) -> None:
    """Somebody looks after an alert. Raises BadEvent where no such alert fires."""
    firing = [one for one in domain.state.alerts.values() if one.is_told]
    found = [one for one in firing if one.cause.fingerprint(domain.name) == said.fingerprint]
    if not found:
        raise BadEvent(f"acknowledge {said.fingerprint!r}: no such alert fires in {domain.name!r}")
    by = said.by or "somebody"
    for alarm in found:
        if alarm.acknowledged_by != by:
            alarm.acknowledged_by = by
            tell_again(domain, alarm)


def silence(domain: Domain, said: SilenceAlerts) -> None:
    """Nobody wants to hear of such alerts until then. Raises BadEvent for an instant that has passed."""
    state = domain.state
    if said.until <= state.now:
        raise BadEvent(f"silence of {said.rule!r}: it ends before it begins; say a later `until`")
    name = f"s{state.offset}"
    state.silences[name] = Silence(name, said.rule, said.asset, said.until, said.by, said.reason)
    domain.arm_other(SILENCE + name, said.until)
    _tell_changed(domain)


def lift(domain: Domain, said: LiftSilence) -> None:
    """A silence ends before its time. Raises BadEvent where there is none by that name."""
    if domain.state.silences.pop(said.silence, None) is None:
        known = ", ".join(domain.state.silences) or "none"
        raise BadEvent(f"lift {said.silence!r}: no such silence in {domain.name!r}; there are {known}")
    _tell_changed(domain)


def end(domain: Domain, key: str) -> None:
    """Time passed: the silence may be over."""
    name = key.removeprefix(SILENCE)
    known = domain.state.silences.get(name)
    if known is not None and known.until <= domain.state.now:
        del domain.state.silences[name]
        _tell_changed(domain)


def _tell_changed(domain: Domain) -> None:
    for alarm in domain.state.alerts.values():
        if alarm.is_told and alarm.silenced_until != silenced_until(domain, alarm.cause):
            tell_again(domain, alarm)
