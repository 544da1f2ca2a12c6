"""Programs outside that make a source: what they used, and whether the last one failed."""

from reactors.alerts import close_alert, open_alert
from reactors.causes import FAILING, Cause, Trouble
from reactors.commits import not_a_source, was_taken_in
from reactors.domain import Domain
from reactors.reports import charge
from streams.cloudevents import Envelope
from streams.errors import BadEvent
from streams.events import RunReported


def reported(domain: Domain, event: Envelope, said: RunReported) -> None:
    """A program ended: its costs count, and its source fires until one ends well. A repeat changes nothing.

    Raises BadEvent for what is no source here. That its content changed is another event: a change.
    """
    state = domain.state
    root = state.roots.get(said.asset)
    if root is None or said.asset not in domain.graph.sources:
        raise BadEvent(not_a_source(domain, "report", said.asset))
    if said.partition:
        raise BadEvent(f"report of {said.asset!r}: 'partition' names a partition, but the asset has none")
    if was_taken_in(domain, event):
        return
    ended = max(0, min(said.finished_at, state.now))  # another machine's clock may be ahead
    charge(domain, said.asset, (said.run, 1), said.costs, ended)
    if ended < root.reported_at:
        return  # it waited somewhere, and what came after it was heard of first
    root.reported_at = ended
    cause = Cause(FAILING, said.asset)
    if said.outcome == "failed":
        open_alert(domain, cause, Trouble("error", _failure(said), state.now, None, _how(said)))
    else:
        close_alert(domain, cause, f"the program that makes {said.asset} ended well")


def failure(domain: Domain, source: str) -> str | None:
    """Why the last program that makes the source failed; None if it didn't."""
    alarm = domain.state.alerts.get(Cause(FAILING, source).key)
    return None if alarm is None or not alarm.holds else alarm.trouble.summary


def _failure(said: RunReported) -> str:
    return f"the program that makes {said.asset} failed: {said.error or _how(said) or 'it was not said why'}"


def _how(said: RunReported) -> str | None:
    return None if said.exit_code is None else f"exit code {said.exit_code}"
