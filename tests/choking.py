"""A fold with a bug in it, as far as this process goes."""

from collections.abc import Callable, Collection
from typing import Any

import pytest

from reactors.entries import fold
from streams.cloudevents import Envelope, decode

REACTOR, READER = "reactors.io.reactor.fold", "everfresh.reading.fold"
"""who folds"""


def version(asset: str, said: str) -> Callable[[Envelope], bool]:
    """One version of a change."""
    return lambda event: (event.get("subject"), event["data"].get("version")) == (asset, said)


class Choking:
    """A fold that raises on some events, `times` times; the state is half changed then."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        is_poison: Callable[[Envelope], bool],
        times: int = 1_000,
        where: str = REACTOR,
    ) -> None:
        self._is_poison, self._times = is_poison, times
        self.offsets: list[int] = []
        monkeypatch.setattr(where, self)

    def __call__(self, domain: Any, entry: Any, skips: Collection[int]) -> Any:
        counts = entry.offset not in skips and len(self.offsets) < self._times
        if counts and self._is_poison(decode(entry.value, entry.headers)):
            self.offsets.append(entry.offset)
            domain.state.roots.clear()
            raise ZeroDivisionError("a bug in the fold")
        return fold(domain, entry, skips)
