"""What an HTTP status says about a delivery."""

from datetime import UTC
from email.utils import parsedate_to_datetime

from sinks.ports import Refused, Retry
from streams.errors import EverfreshError

AFTER_MAX_MS = 3_600_000
"""a destination that asks for a longer pause is asked again by then"""

_BUSY = {429, 503}
_PASSING = {408, 425}  # said about a call, not about the event
_THE_EVENTS = {400, 413, 422}  # whatever is mended, it will answer this event so again


class NotTaken(EverfreshError):
    """The destination answered that it failed; it may take the same event another time."""


def judge(status: int, retry_after: str | None, now_ms: int) -> None:
    """Return for 2xx. Raises Retry for 429 and 503, NotTaken for other failures of its own, Refused for the rest."""
    if 200 <= status < 300:
        return
    if status in _BUSY:
        raise Retry(f"HTTP {status}", after_ms(retry_after, now_ms))
    if status >= 500 or status in _PASSING:
        raise NotTaken(f"HTTP {status}")
    if 300 <= status < 400:
        raise Refused(f"HTTP {status}: redirects aren't followed; set the url to where this one leads")
    raise Refused(f"HTTP {status}: it wants no more events" if status == 410 else f"HTTP {status}")


def judge_call(status: int, retry_after: str | None, now_ms: int) -> None:
    """The same of a service's API, where only some answers are about the event itself.

    A wrong key or address is mended by whoever runs this, and until then nothing is given up for it: NotTaken.
    """
    if 400 <= status < 500 and status not in _BUSY and status not in _THE_EVENTS:
        raise NotTaken(f"HTTP {status}")
    judge(status, retry_after, now_ms)


def after_ms(said: str | None, now_ms: int) -> int:
    """How long `Retry-After` asks to wait, seconds or a date, at most an hour; 0 where it makes no sense.

    >>> after_ms("2", 0), after_ms("Thu, 01 Jan 1970 00:01:00 GMT", 50_000), after_ms("soon", 0)
    (2000, 10000, 0)
    """
    if said is None:
        return 0
    if said.strip().isdecimal():
        asked = int(said) * 1_000 if len(said) < 10 else AFTER_MAX_MS
    else:
        try:
            at = parsedate_to_datetime(said)
        except ValueError:
            return 0
        asked = round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000) - now_ms
    return max(0, min(asked, AFTER_MAX_MS))
