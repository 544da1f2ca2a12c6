"""A fold with a bug in it, as far as reactors of this process go."""

from collections.abc import Collection
from typing import Any

import pytest

from reactors.entries import fold
from streams.cloudevents import decode


class Choking:
    """A fold that raises on one version of a change, `times` times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, domain: str, version: str, times: int = 1_000) -> None:
        self._poison, self._times = (f"{domain}/orders", version), times
        self.offsets: list[int] = []
        monkeypatch.setattr("reactors.io.reactor.fold", self)

    def __call__(self, domain: Any, entry: Any, skips: Collection[int]) -> Any:
        if entry.offset not in skips and self._is_poison(entry) and len(self.offsets) < self._times:
            self.offsets.append(entry.offset)
            domain.state.roots.clear()  # half done
            raise ZeroDivisionError("a bug in the fold")
        return fold(domain, entry, skips)

    def _is_poison(self, entry: Any) -> bool:
        event = decode(entry.value, entry.headers)
        return (event.get("subject"), event["data"].get("version")) == self._poison
