"""What is too large for an event: long metadata is cut and marked, the same on every replica."""

from typing import Any

import orjson

from streams.cloudevents import SIZE_MAX, Envelope, encode

CUT = "everfresh.cut"
"""the one entry of metadata that was cut: how many bytes it had"""

_MARK_BYTES = 64


def shortened(wrapped: Envelope, spare: int = 0) -> bytes:
    """Write structured JSON, without what is new of inputs, and without the longest metadata, until it fits.

    `spare` bytes are left for whoever writes more about the same.

    >>> long = {"specversion": "1.0", "type": "t", "data": {"metadata": {"text": "x" * 300_000}}}
    >>> orjson.loads(shortened(long))["data"]
    {'metadata': {'everfresh.cut': 300011}}

    Raises EventTooLarge where that isn't enough.
    """
    value = orjson.dumps(wrapped)
    if len(value) <= SIZE_MAX - spare:
        return value
    data = dict(wrapped["data"])
    pins = {name: dict(pin) for name, pin in data.get("inputs", {}).items()}
    data.pop("news", None)  # then the whole is read
    excess = len(orjson.dumps(wrapped | {"data": data})) - SIZE_MAX + spare
    for size, holder in sorted(_sized(data, pins), key=lambda one: -one[0]):
        if excess <= 0 or size <= _MARK_BYTES:
            break
        holder["metadata"] = {CUT: size}
        excess -= size - _MARK_BYTES
    if pins:
        data["inputs"] = pins
    return encode(wrapped | {"data": data}, spare)


def _sized(data: dict[str, Any], pins: dict[str, dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """(bytes, what holds it) of each metadata; in a stable order, for of two of one size the first is cut."""
    holders = [data, *(pins[name] for name in sorted(pins))]
    return [(len(orjson.dumps(one["metadata"])), one) for one in holders if one.get("metadata")]
