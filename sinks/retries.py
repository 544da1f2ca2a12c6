"""When a delivery is tried again, and when it is given up."""

from dataclasses import dataclass
from typing import NamedTuple


class Tried(NamedTuple):
    """What became of one event so far."""

    failures: int  # in all, at least 1
    blamed: int  # those that are the event's own: the destination took others meanwhile
    elapsed_ms: int  # since the first failure
    asked_ms: int = 0  # how long the destination asked to wait


@dataclass(frozen=True, slots=True)
class Retries:
    """Exponential back-off with jitter.

    An event is given up after `attempts` failures of its own, or `patience_ms` after its first failure. A failure is
    its own only if the destination took other events meanwhile: while a destination takes nothing it is down, events
    wait for it in the log, and none is given up before its patience ends.
    """

    attempts: int = 10
    patience_ms: int = 3_600_000
    first_ms: int = 200
    longest_ms: int = 30_000

    def wait_ms(self, tried: Tried, dice: float) -> int | None:
        """How long to wait before the next attempt; None to give up. `dice` is in [0, 1).

        >>> Retries().wait_ms(Tried(failures=1, blamed=0, elapsed_ms=0), dice=0.5)
        150
        >>> Retries().wait_ms(Tried(failures=10, blamed=10, elapsed_ms=80_000), dice=0.5) is None
        True
        """
        left = self.patience_ms - tried.elapsed_ms
        if tried.blamed >= self.attempts or left <= 0:
            return None
        step = min(self.longest_ms, self.first_ms << min(tried.failures - 1, 30))
        jittered = round(step * (1 + dice) / 2)
        return min(max(jittered, tried.asked_ms), left)  # whatever was asked, there is a last try when patience ends


PATIENT = Retries(patience_ms=86_400_000, longest_ms=60_000)
"""who is down for a night gets everything the next day"""


def gave_up(tried: Tried, why: str) -> str:
    """Why an event is in the dead letters.

    >>> gave_up(Tried(failures=3, blamed=3, elapsed_ms=1_500), "HTTP 500")
    'gave up after 3 tries in 1.5s: HTTP 500'
    """
    tries = "1 try" if tried.failures == 1 else f"{tried.failures} tries"
    return f"gave up after {tries} in {tried.elapsed_ms / 1_000:g}s: {why}"
