"""What a sink delivers to, in the domain's words."""

from typing import Protocol, runtime_checkable

from streams.cloudevents import Envelope
from streams.errors import EverfreshError


class Retry(EverfreshError):
    """The destination can't take anything now, and may say when it will: its fault, not the event's.

    `after_ms` is at least how long everything to this destination waits; 0 where it didn't say.
    """

    def __init__(self, why: str, after_ms: int = 0) -> None:
        super().__init__(why)
        self.after_ms = after_ms


class Refused(EverfreshError):
    """The destination will never take this event: it goes to the dead letters at once."""


class Destination(Protocol):
    """Where events are delivered. tests/conformance/test_sinks_delivery.py drives one."""

    async def deliver(self, envelope: Envelope) -> None:
        """Return once the destination has it; an event that isn't for it is let pass.

        It may come twice, with the same `id`. Raises Retry, Refused, or anything else, which is tried again.
        """

    async def close(self) -> None:
        """Let go; idempotent."""


@runtime_checkable
class Choosing(Protocol):
    """A destination that many events aren't for: those don't wait for their turn, nor say whether it is up."""

    async def lets_pass(self, envelope: Envelope) -> bool:
        """Whether nothing is to be done about the event. Raises what `deliver` does."""
