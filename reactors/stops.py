"""A domain that stands still because an entry of its journal can't be folded: what is told of it, and when it is over.

The fold can't tell of its own end, so the reactor does it, in two places: an alert, and an entry behind the one that
fails. Whoever folds that entry has come past the trouble, whether the code was mended or the entry was passed over, and
resolves the alert. All of it is named after the offset: told again, it is the same.
"""

from typing import Any

from reactors.causes import STOPPED, Cause
from reactors.domain import Domain
from reactors.manners import manner_of
from streams.cloudevents import Envelope, envelope, event_id
from streams.errors import EverfreshError
from streams.events import AlertOpened, AlertResolved, ReactorStopped

ERROR_MAX = 1_000
"""characters of what went wrong in the fold that are told"""


class FoldFailed(EverfreshError):
    """The fold fails on an entry; the text says on which, and how to go on."""

    def __init__(self, domain: str, offset: int, time: int, error: Exception) -> None:
        self.domain = domain
        self.said = ReactorStopped(at=offset, since=time, error=repr(error)[:ERROR_MAX])
        super().__init__(f"{sentence(domain, offset)} What went wrong: {self.said.error}")


def sentence(domain: str, offset: int) -> str:
    """What is the matter, and how to go on."""
    return (
        f"domain {domain!r} stops at offset {offset} of its journal: that entry can't be folded, and nothing is "
        f"decided any more. Mend the code, or have the entry passed over: `everfresh skip {domain} {offset}`."
    )


def opened(domain: Domain, name: str, said: ReactorStopped) -> Envelope:
    """The alert, as the reactor tells it; `domain` is as far as it came, and says how the app wants such alerts."""
    event = AlertOpened(sequence=1, summary=sentence(name, said.at), actual=said.error, **_fields(domain, name, said))
    # Not from the fold: its own outputs of that entry, if it is folded after all, have numbers of their own.
    source, where = f"everfresh/{name}/reactor", (domain.state.incarnation, said.at)
    return envelope(event, event_id(*where, event.TYPE, name, "stopped"), source, name, said.since) | {
        "partitionkey": name,
        "sequence": f"{said.at:012d}.000000",
        "journaloffset": str(said.at),
    }


def passed(domain: Domain, said: ReactorStopped) -> None:
    """What the domain stopped at lies behind it. Each reactor that tried says that it stopped: over is it once."""
    if said.at <= domain.state.stopped_at or said.at >= domain.state.offset:
        return
    domain.state.stopped_at = said.at
    summary = f"domain {domain.name!r} goes on past offset {said.at} of its journal"
    domain.say(AlertResolved, domain.name, {"sequence": 2, "summary": summary, **_fields(domain, domain.name, said)})


def _fields(domain: Domain, name: str, said: ReactorStopped) -> dict[str, Any]:
    cause = Cause(STOPPED)
    manner = manner_of(domain, cause)
    return {
        "fingerprint": cause.fingerprint(name),
        "episode": said.at + 1,
        "rule": cause.rule,
        "severity": manner.severity or "critical",
        "since": said.since,
        "labels": manner.labels,
    }
