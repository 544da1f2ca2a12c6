"""Notices a reader that gets nothing although there is something (aiokafka #1154: no error, no record, for ever)."""

import time
from collections.abc import Callable

LOOKS = 4
"""how often the lag is looked at while nothing comes, before the reader is called starving"""


class Watchdog:
    """Told of what a reader gets, it says when to look at the lag and when to start the reader anew.

    `clock` gives seconds and never goes back.
    """

    def __init__(self, patience_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience_seconds
        self._clock = clock
        self._fed_at = self._looked_at = clock()

    def fed(self) -> None:
        """Something came, or there was nothing to come."""
        self._fed_at = self._looked_at = self._clock()

    def wants_a_look(self) -> bool:
        """Whether it is time to compare the reader's position with the log's end; asking resets this."""
        if self._clock() - self._looked_at < self._patience / LOOKS:
            return False
        self._looked_at = self._clock()
        return True

    def starving(self, lag: int | None) -> bool:
        """Whether to start the reader anew. `lag` is what waits for it; None if it holds nothing yet it should."""
        if lag == 0:
            self.fed()
        return self._clock() - self._fed_at >= self._patience
