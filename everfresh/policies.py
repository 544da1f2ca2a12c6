"""Freshness policies and retries as users write them: a bad value ends in one sentence, not in pydantic's report."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from pydantic import ValidationError

from streams import definitions, policies
from streams.cloudevents import plain
from streams.errors import DefinitionError
from streams.policies import Policy

Span = str | int | timedelta
"""a duration: text like "5m", a timedelta, or whole milliseconds"""

_SPOKEN = {"lag_ms": "lag", "policy": "freshness"}


def Within(lag: Span) -> policies.Within:  # noqa: N802  it reads as the policy it makes
    """At most `lag` behind its sources: run as late as that allows, so that one run covers many changes.

    >>> Within("5m").lag_ms
    300000

    Raises DefinitionError for what is no duration, or not above zero.
    """
    with in_one_sentence(f"Within({lag!r})"):
        return policies.Within(lag)


def Eager(quiet: Span = 0, max_wait: Span | None = None) -> policies.Eager:  # noqa: N802  the same
    """As soon as changes arrive, or go quiet for `quiet`; `max_wait` bounds a burst that never ends.

    >>> Eager(quiet="1s", max_wait="10s")
    Eager(kind='eager', quiet_ms=1000, max_wait_ms=10000)

    Raises DefinitionError for what is no duration, and where `max_wait` is shorter than `quiet`.
    """
    with in_one_sentence(f"Eager(quiet={quiet!r}, max_wait={max_wait!r})"):
        return policies.Eager(quiet, max_wait)


def Cron(expression: str, tz: str = "UTC", within: Span | None = None) -> policies.Cron:  # noqa: N802  the same
    """At each tick of a cron expression, in a time zone: up to date with all that was committed before the tick.

    It has to be done `within` that span after the tick, or else by the next one. Where nothing changed nothing runs. A
    minute that daylight saving skips ticks right after; a fixed one that comes twice ticks once.

    >>> Cron("0 6 * * *", tz="Europe/Berlin", within="30m").within_ms
    1800000

    Raises DefinitionError for what is no expression or zone, and where `within` is longer than the time between ticks.
    """
    with in_one_sentence(f"Cron({expression!r}, tz={tz!r}, within={within!r})"):
        return policies.Cron(expression=expression, tz=tz, within_ms=within)  # type: ignore[arg-type]


def Retry(times: int = 2, **how: Span) -> definitions.Retry:  # noqa: N802  the same
    """Try a failed attempt again, up to `times` times.

    `how`: `delay="1s"` before the first retry, times `backoff=2` for each one more, plus up to `jitter_percent=20` of
    it; after the last the asset is `failing` for `cool_down="30m"`, or until something changes.

    >>> Retry(3, delay="10s").delay_ms
    10000

    Raises DefinitionError for a value out of range and for an option that isn't there.
    """
    options = ("delay", "backoff", "jitter_percent", "cool_down")
    for name in how:
        if name not in options:
            raise DefinitionError(f"Retry has no option {name!r}; it has {', '.join(options)}")
    with in_one_sentence(f"Retry({times!r}{''.join(f', {name}={value!r}' for name, value in how.items())})"):
        return definitions.Retry(times, **how)


def inside(domain: str, policy: Policy) -> Policy:
    """The policy with each short name in it made a key of this domain.

    >>> inside("shop", Within("5m").ignore("orders", "desk/prices")).ignored
    ('shop/orders', 'desk/prices')
    """
    if not policy.ignored:
        return policy
    keys = tuple(name if "/" in name else f"{domain}/{name}" for name in policy.ignored)
    return policy.model_copy(update={"ignored": keys})


@contextmanager
def in_one_sentence(subject: str) -> Iterator[None]:
    """Turn a ValidationError into a DefinitionError: what was declared, and what is wrong with it."""
    try:
        yield
    except ValidationError as error:
        raise DefinitionError(f"{subject}: {spoken(error)}") from None


def spoken(error: ValidationError, name: Callable[[str], str] = lambda field: field) -> str:
    """A validation error in the words that the user wrote: `timeout`, not `timeout_ms`."""
    said = []
    for one in error.errors(include_url=False):
        where = [name(_as_written(part)) for part in one["loc"] if isinstance(part, str)]
        what = plain(one["msg"])
        what = what[:1].lower() + what[1:] if what[:1].isupper() and not what[1:2].isupper() else what
        told = isinstance(one["input"], dict) or (isinstance(one["input"], str) and repr(one["input"]) in what)
        given = "" if told else f", not {one['input']!r}"
        said.append(f"{'.'.join(where)}: {what}{given}" if where else f"{what}{given}")
    return "; ".join(said)


def _as_written(field: str) -> str:
    return _SPOKEN.get(field, field.removesuffix("_ms"))
