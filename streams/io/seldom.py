"""What is logged again and again is said seldom, and counted: an outage is no news the second time."""

import logging
import time

REPEAT_SECONDS = 30.0


class Seldom(logging.Filter):
    """Lets a message through once in 30 seconds, and says then how often it came meanwhile.

    Messages are alike if they are of one template, whatever they are filled with; with `whole`, if they read the same.
    """

    def __init__(self, whole: bool = False) -> None:
        super().__init__()
        self._whole = whole
        self._said: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage() if self._whole else str(record.msg)
        said_at, dropped = self._said.get(text, (-REPEAT_SECONDS, 0))
        now = time.monotonic()
        if now - said_at < REPEAT_SECONDS:
            self._said[text] = (said_at, dropped + 1)
            return False
        self._said = {one: said for one, said in self._said.items() if now - said[0] < 2 * REPEAT_SECONDS}
        self._said[text] = (now, 0)
        if dropped:
            record.msg = f"{record.msg} (and {dropped} times more since)"
        return True
