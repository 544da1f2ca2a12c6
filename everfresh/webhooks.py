"""What the receiver of a webhook needs: is this event from whom I gave the secret to?"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from sinks.signing import is_signed, key_of
from streams.cloudevents import decode
from streams.errors import EverfreshError, SettingError

TOLERANCE_SECONDS = 300
"""how far sender's and receiver's clocks may be apart, and how old a delivery may be"""


class NotGenuine(EverfreshError):
    """A delivery isn't from whom it should be, was changed on its way, or is too old: answer 401."""


def verify(headers: Mapping[str, str], body: bytes, secret: str | Sequence[str]) -> dict[str, Any]:
    """Check a delivery's signature and age; returns the event, a CloudEvent as a dict.

    - `headers`: the request's, in whatever case their names are
    - `body`: its bytes as they came, before anything parses them
    - `secret`: `whsec_…`, or several while one replaces another

    Raises NotGenuine, BadEvent where what was signed is no event, SettingError for a secret that isn't one. The same
    event may come twice: keep the ids (`event["id"]`) that you have dealt with, and do nothing for those.

    >>> verify({}, b"{}", "whsec_" + "QUJD" * 8)
    Traceback (most recent call last):
    ...
    everfresh.webhooks.NotGenuine: the header webhook-id is missing

    Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    try:
        keys = [key_of(one) for one in ([secret] if isinstance(secret, str) else secret)]
    except ValueError as error:
        raise SettingError(str(error)) from None
    given = {name.lower(): value for name, value in headers.items()}
    name, at, signature = (_header(given, f"webhook-{one}") for one in ("id", "timestamp", "signature"))
    at_s = int(at) if at.isdecimal() and len(at) < 12 else 0
    if abs(time.time() - at_s) > TOLERANCE_SECONDS:
        raise NotGenuine(f"it was sent at another time than now: webhook-timestamp is {at[:20]!r}")
    if not is_signed(keys, signature, name, at_s, body):
        raise NotGenuine("no signature in webhook-signature was made with this secret for this body")
    return decode(body)


def _header(given: Mapping[str, str], name: str) -> str:
    if not given.get(name):
        raise NotGenuine(f"the header {name} is missing")
    return given[name]
