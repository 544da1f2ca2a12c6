"""A golden example of each type: the bytes of a whole CloudEvent as it is written, for readers in any language."""

from functools import lru_cache

from streams import story_journal, story_outputs
from streams.cloudevents import Envelope, encode
from streams.events import EVENTS


@lru_cache(maxsize=1)
def envelopes() -> dict[str, Envelope]:
    """Type → its example."""
    found = {str(one["type"]): one for one in (*story_journal.told(), *story_outputs.told())}
    return dict(sorted(found.items()))


def examples() -> dict[str, bytes]:
    """Type → its example as it stands in a topic."""
    return {kind: encode(one) for kind, one in envelopes().items()}


def without_example() -> list[str]:
    """The types of which the story doesn't tell yet."""
    return sorted(EVENTS.keys() - envelopes())
