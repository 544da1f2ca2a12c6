"""Instants and durations as integers, so that the fold never meets a float or a time zone.

An *instant* is milliseconds since 1970-01-01T00:00:00Z; a *duration* is milliseconds.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(value: Any) -> int:
    """Read a duration: `"1h30m"`, `"250ms"`, a timedelta, or whole milliseconds as an int.

    >>> milliseconds("1h30m"), milliseconds("250ms"), milliseconds(timedelta(seconds=2))
    (5400000, 250, 2000)

    Raises ValueError with what is wrong and an example of what is right.
    """
    if isinstance(value, timedelta):
        return round(value.total_seconds() * 1_000)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        parts = _PART.findall(value.replace(" ", ""))
        if parts and "".join(number + unit for number, unit in parts) == value.replace(" ", ""):
            return round(sum(float(number) * _UNITS_MS[unit] for number, unit in parts))
    raise ValueError(f"{value!r} is no duration; write it like '30s', '5m', '1h30m' or '250ms'")


def readable(duration_ms: int) -> str:
    """Say a duration the way one declares it.

    >>> readable(5_400_000), readable(250), readable(0)
    ('1h30m', '250ms', '0s')
    """
    rest, said = abs(duration_ms), ""
    for unit in ("d", "h", "m", "s", "ms"):
        count, rest = divmod(rest, _UNITS_MS[unit])
        said += f"{count}{unit}" if count else ""
    return ("-" if duration_ms < 0 else "") + (said or "0s")


def instant(value: Any) -> int:
    """Read a moment: RFC 3339 text with a zone, an aware datetime, or milliseconds since 1970 UTC as an int.

    >>> instant("1970-01-01T00:00:01.500Z")
    1500

    Raises ValueError when the text is no moment or names no zone.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is no moment; write it like '2026-01-31T06:00:00Z'") from None
    if isinstance(value, datetime) and value.tzinfo is not None:
        since = value - _EPOCH
        return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000
    raise ValueError(f"{value!r} is no moment with a time zone; write it like '2026-01-31T06:00:00Z'")


@lru_cache(maxsize=4096)  # a turn's events have few moments between them
def rfc3339(at_ms: int) -> str:
    """Write an instant as RFC 3339 text in UTC, to the millisecond.

    >>> rfc3339(1500)
    '1970-01-01T00:00:01.500Z'
    """
    return (_EPOCH + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds")[:-6] + "Z"


Duration = Annotated[
    int,
    BeforeValidator(milliseconds),
    WithJsonSchema({"type": "integer", "minimum": 0, "description": "milliseconds"}),
]
Instant = Annotated[
    int,
    BeforeValidator(instant),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
