"""Grants that the fold doesn't take although nothing came between: without end, if nobody looked.

Planner and fold go by the same state, so that this is a bug in one of them, of one asset as a rule. It would fill the
journal as fast as it can be written; the asset is paused instead, where everybody sees it, and the others go on.
"""

import logging
from collections.abc import Sequence

from streams.events import Event, Pause, RunGranted

logger = logging.getLogger("everfresh.reactor")

TRIES = 3
"""how often the same attempt is proposed in a row"""


class Refusals:
    """What was proposed round after round, with nobody's entry between but what was proposed."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, int], int] = {}

    def checked(self, proposals: Sequence[Event]) -> list[Event]:
        """The proposals; in place of a grant that was proposed too often a command that pauses what it is of."""
        before, self._times = self._times, {}
        return [self._checked(one, before) if isinstance(one, RunGranted) else one for one in proposals]

    def _checked(self, grant: RunGranted, before: dict[tuple[str, int], int]) -> Event:
        attempt = grant.run, grant.attempt
        self._times[attempt] = before.get(attempt, 0) + 1
        if self._times[attempt] <= TRIES:
            return grant
        logger.error("attempt %d of run %s was granted %d times and never taken", grant.attempt, grant.run, TRIES)
        why = (
            f"run {grant.run} was granted {TRIES} times, and the fold never took it, which is a bug in everfresh: "
            "please report it with the journal; `everfresh resume` tries again"
        )
        return Pause(asset=grant.asset, partition=grant.partition, by="its reactor", reason=why)
