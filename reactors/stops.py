"""A domain that stands still because an entry of its journal can't be folded: what is told of it, and when it is over.

The fold can't tell of its own end, so the reactor does it, in two places: an alert, and an entry behind the one that
fails. Whoever folds that entry has come past the trouble, whether the code was mended or the entry was passed over, and
resolves the alert. All of it is named after the offset: told again, it is the same.
"""

from typing import Any

from reactors.causes import ERROR_MAX, STOPPED, Cause
from reactors.domain import Domain, Output
from reactors.manners import manner_of
from streams.errors import EverfreshError
from streams.events import AlertOpened, AlertResolved, ReactorStopped

LAST = 999_999
"""no entry has so many outputs"""


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


def alert(domain: Domain, name: str, said: ReactorStopped) -> AlertOpened:
    """What is told; `domain` is as far as it came, and says how the app wants such alerts."""
    return AlertOpened(sequence=1, summary=sentence(name, said.at), actual=said.error, **_fields(domain, name, said))


def opened(domain: Domain, name: str, said: ReactorStopped) -> Output:
    """The alert as an output of the entry that fails, behind all that the fold may yet say of it."""
    return Output(AlertOpened, name, said.at, said.since, LAST, alert(domain, name, said))


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
