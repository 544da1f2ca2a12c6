"""Reports that fit: what is long is cut, and marked, before it can stop the journal."""

from collections.abc import Mapping
from typing import Any

import orjson

from streams.events import Event, RunFailed, RunSucceeded

METADATA_BYTES = 32 * 1_024
"""of a version's metadata: it travels on with every grant that reads the version"""

CHECKS_BYTES = 96 * 1_024
COSTS = 200
"""items of an attempt"""

TRUNCATED = "truncated"
"""the key that marks cut metadata"""


def fitted(event: Event) -> Event:
    """The same report, small enough to be appended: below 256 KiB whatever a function returned.

    What goes, in this order: metadata beyond 32 KiB (marked `"truncated": true`), what checks observed and expected
    beyond 96 KiB in all, costs beyond the first 200.
    """
    if isinstance(event, RunSucceeded):
        update = {"metadata": cut_metadata(event.metadata), "checks": _cut_checks(event), "costs": event.costs[:COSTS]}
        return event.model_copy(update=update)
    if isinstance(event, RunFailed):
        return event.model_copy(update={"costs": event.costs[:COSTS]})
    return event


def cut_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """As many entries as fit, the small ones first, in their own order; marked if any is missing.

    >>> cut_metadata({"rows": 3, "plan": "x" * 40_000})
    {'rows': 3, 'truncated': True}
    """
    sizes = {name: len(orjson.dumps({name: value})) for name, value in metadata.items()}
    if sum(sizes.values()) <= METADATA_BYTES:
        return dict(metadata)
    left, kept = METADATA_BYTES, set()
    for name in sorted(sizes, key=sizes.__getitem__):
        left -= sizes[name]
        if left < 0:
            break
        kept.add(name)
    return {name: value for name, value in metadata.items() if name in kept} | {TRUNCATED: True}


def _cut_checks(event: RunSucceeded) -> tuple[Any, ...]:
    said = sum(len((check.observed or "") + (check.expected or "")) for check in event.checks)
    if said * 4 <= CHECKS_BYTES:  # a character takes up to four bytes
        return event.checks
    each = CHECKS_BYTES // (8 * len(event.checks))
    return tuple(
        check.model_copy(update={name: _cut(getattr(check, name), each) for name in ("observed", "expected")})
        for check in event.checks
    )


def _cut(text: str | None, characters: int) -> str | None:
    return text if text is None or len(text) <= characters else f"{text[:characters]}…"
