"""What fires now, by the newest that was heard of each alert, be it a transition or the state that followed from it."""

from sinks.reading import event_of, time_ms
from sinks.repeats import Repeats
from streams.cloudevents import Envelope
from streams.errors import BadEvent
from streams.events import Alert, AlertResolved

RESOLVED_MS = 900_000
"""for so long an alert that is over is still named, for those who missed it"""


class Firing:
    """The newest transition of each alert, from alerts.v1 and alert-state.v1 in whatever order they are read.

    The state follows its transition a little later, and later still while a reactor is being replaced. So an alert that
    is over by its transition stays over, whatever the state still says.
    """

    def __init__(self) -> None:
        self._repeats = Repeats()
        self._newest: dict[str, Envelope] = {}

    def take(self, wrapped: Envelope) -> None:
        """Take in an alert's event; an older one than is known changes nothing. Raises BadEvent for what is none."""
        event = event_of(wrapped)
        if not isinstance(event, Alert):
            raise BadEvent(f"{wrapped['type']} is no alert")
        name = event.fingerprint
        if self._repeats.judge("alert", name, wrapped) != "older":
            self._newest.pop(name, None)  # the newest is the last
            self._newest[name] = wrapped

    def forget(self, fingerprint: str) -> None:
        """A tombstone in alert-state.v1: the alert is over."""
        if fingerprint in self._newest and not is_over(self._newest[fingerprint]):
            del self._newest[fingerprint]

    def newest(self, fingerprint: str) -> Envelope | None:
        """What was last heard of an alert; None if it is over, and has been for long."""
        return self._newest.get(fingerprint)

    def told(self, now_ms: int) -> list[Envelope]:
        """Whatever fires, and what is over since at most RESOLVED_MS; what is older is forgotten."""
        for name, wrapped in list(self._newest.items()):
            if is_over(wrapped) and time_ms(wrapped) < now_ms - RESOLVED_MS:
                del self._newest[name]
        return list(self._newest.values())


def is_over(wrapped: Envelope) -> bool:
    """The transition ends its alert."""
    return bool(wrapped["type"] == AlertResolved.TYPE)
