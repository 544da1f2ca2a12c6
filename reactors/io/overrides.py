"""What operators overrule, read before a journal is folded: the same on every replica."""

from collections.abc import Sequence

from streams.cloudevents import decode, parse
from streams.errors import BadEvent
from streams.events import OverridesSet
from streams.ports import EventLog


async def skipped(log: EventLog, topic: str, domain: str) -> frozenset[int]:
    """The offsets of the domain's journal that are to be passed over. The newest word of an operator stands."""
    first, end = (await log.bounds(topic))[0]
    found: frozenset[int] = frozenset()
    while first < end:
        entries = await log.read(topic, 0, first, limit=500, wait_ms=1_000)
        if not entries:
            break
        for entry in entries:
            if entry.key == domain.encode():
                found = _offsets(entry.value, entry.headers)
        first = entries[-1].offset + 1
    return found


def _offsets(value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> frozenset[int]:
    if value is None:
        return frozenset()
    try:
        event = parse(decode(value, headers))
    except BadEvent:
        return frozenset()  # not ours to guess what was meant; `everfresh doctor` names it
    return frozenset(event.skip) if isinstance(event, OverridesSet) else frozenset()
