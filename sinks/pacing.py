"""How often a destination is called at most."""

MINUTE_MS = 60_000
_BURST_PARTS = 10
"""after a pause, a tenth of a minute's calls may come at once"""


class Pacing:
    """So many calls a minute, evenly, but for a few at once after a pause. Time is an argument.

    >>> pacing = Pacing(per_minute=60)
    >>> [pacing.wait_ms(0) for _ in range(8)]
    [0, 0, 0, 0, 0, 0, 1000, 2000]
    """

    def __init__(self, per_minute: float) -> None:
        self._step_ms = MINUTE_MS / per_minute if per_minute else 0.0
        self._ahead_ms = self._step_ms * (max(1, int(per_minute) // _BURST_PARTS) - 1)
        self._next_ms = float("-inf")

    def wait_ms(self, now_ms: float) -> float:
        """Take the next place, and say how long it is until then; the caller waits, or leaves the place unused."""
        if not self._step_ms:
            return 0.0
        at = max(self._next_ms, now_ms - self._ahead_ms)
        self._next_ms = at + self._step_ms
        return max(0.0, at - now_ms)
