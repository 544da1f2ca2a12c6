"""The system's time, behind the port."""

import asyncio
import time

from reactors.ports import Clock


class SystemClock:
    """The machine's clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def precise_seconds(self) -> float:
        """For short spans, between two calls."""
        return time.perf_counter()

    async def sleep(self, duration_ms: int) -> None:
        await asyncio.sleep(duration_ms / 1_000)


class JournalClock:
    """The journal's time: that of the last entry seen, plus what has passed since on a clock that never steps."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen_ms, self._at = 0, clock.monotonic_ms()

    def see(self, timestamp: int) -> None:
        """An entry appended at `timestamp` was read, or acknowledged."""
        self._seen_ms, self._at = max(timestamp, self._seen_ms), self._clock.monotonic_ms()

    def now_ms(self) -> int:
        """The journal's time now; 0 before anything was seen."""
        return self._seen_ms + self.silent_ms() if self._seen_ms else 0

    def silent_ms(self) -> int:
        """How long nothing was seen."""
        return self._clock.monotonic_ms() - self._at

    def monotonic_ms(self) -> int:
        return self._clock.monotonic_ms()
