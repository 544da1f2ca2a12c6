"""A world's journal and outputs, as one reads them from the topics."""

from collections.abc import Sequence
from typing import Any

import orjson

from reactors.domain import Output
from streams.cloudevents import Envelope, encode
from streams.events import CROSSING, FOR_WORKERS
from streams.topics import Topics


def exported(
    journal: Sequence[tuple[int, Envelope]], outputs: Sequence[Output], domain: str, incarnation: str
) -> list[dict[str, Any]]:
    """`{topic, partition, offset, timestamp, event}` of every entry, journal first.

    What another domain is handed stands in that one's journal, and isn't here.
    """
    topics = Topics()
    found = [_entry(topics.journal(domain).name, at, time, event) for at, (time, event) in enumerate(journal)]
    counts: dict[str, int] = {}
    for output in outputs:
        if output.model in CROSSING:
            continue
        topic = (topics.runs(domain) if output.model in FOR_WORKERS else topics.output(output.model.TYPE)).name
        counts[topic] = counts.get(topic, -1) + 1
        found.append(_entry(topic, counts[topic], output.at, output.envelope(domain, incarnation)))
    return found


def _entry(topic: str, offset: int, time: int, event: Envelope) -> dict[str, Any]:
    return {
        "topic": topic,
        "partition": 0,
        "offset": offset,
        "timestamp": time,
        "event": orjson.loads(encode(event)),
    }
