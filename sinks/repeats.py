"""Topics bring an event at least once: this tells a repeat from news."""

from typing import Literal, NamedTuple

from sinks.reading import time_ms
from streams.cloudevents import Envelope
from streams.errors import BadEvent

KEPT_MAX = 200_000
"""keys that are remembered; the one that was quiet for longest is forgotten first"""


class Mark(NamedTuple):
    """How far a key has come."""

    sequence: tuple[int, str]  # its length first: a number that outgrows its zeros is still higher
    at_ms: int


class Repeats:
    """What was seen last, per stream, source and key. A *stream* is one topic: nothing is ordered across topics.

    An event is news if its `sequence` is higher than the last one seen. Its time counts too: a journal that was made
    anew counts from 0 again, later. An event without a sequence is known by its id.
    """

    def __init__(self, kept_max: int = KEPT_MAX) -> None:
        self._kept_max = kept_max
        self._seen: dict[tuple[str, ...], Mark] = {}

    def judge(self, stream: str, key: str, wrapped: Envelope) -> Literal["new", "same", "older"]:
        """Say what the event is, and remember it. Raises BadEvent if its time is none."""
        sequence = wrapped.get("sequence")
        if not isinstance(sequence, str):
            return self._by_id((stream, wrapped["source"], "", wrapped["id"]))
        place = (stream, wrapped["source"], key)
        mark = Mark((len(sequence), sequence), _time_ms(wrapped))
        last = self._seen.pop(place, None)
        if last is None or mark.sequence > last.sequence or mark.at_ms > last.at_ms:
            self._keep(place, mark)
            return "new"
        self._keep(place, last)
        return "same" if mark == last else "older"

    def _by_id(self, place: tuple[str, ...]) -> Literal["new", "same"]:
        known = self._seen.pop(place, None) is not None
        self._keep(place, Mark((0, ""), 0))
        return "same" if known else "new"

    def _keep(self, place: tuple[str, ...], mark: Mark) -> None:
        self._seen[place] = mark
        if len(self._seen) > self._kept_max:
            del self._seen[next(iter(self._seen))]


def _time_ms(wrapped: Envelope) -> int:
    try:
        return time_ms(wrapped)
    except ValueError as error:
        raise BadEvent(f"the event's 'time': {error}") from None
