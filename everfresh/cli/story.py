"""What a journal decided, told from its fold: what binds, and what was published."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from everfresh.cli.words import COMMANDS, about, counted, short, told
from everfresh.reading import Folded, Reading
from reactors.domain import Domain
from streams.events import (
    AssetMaterialized,
    AssetQuarantined,
    AssetReleased,
    AssetVerified,
    RunEnded,
    RunGranted,
)
from streams.units import rfc3339

ENDS = frozenset(one.TYPE for one in (RunEnded, AssetMaterialized, AssetVerified, AssetQuarantined, AssetReleased))
"""outputs whose telling begins with what was decided"""


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing that was decided at one entry. `assets`: those it concerns; none: all of them."""

    offset: int
    at: int
    kind: str
    assets: tuple[str, ...]
    text: str

    def concerns(self, asset: str) -> bool:
        """Whether it is about this asset."""
        return not self.assets or asset in self.assets

    def json(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            "offset": self.offset,
            "time": rfc3339(self.at),
            "kind": self.kind,
            "assets": list(self.assets),
            "text": self.text,
        }


def sentence(decision: Decision) -> str:
    """One line."""
    where = f"{decision.offset:>7}  {rfc3339(decision.at)}  {decision.kind:12}"
    return f"{where}  {', '.join(decision.assets)}  {decision.text}".rstrip()


async def decisions(reading: Reading, until: int | None) -> AsyncIterator[Decision]:
    """Every decision up to the offset `until`, in order."""
    before = Before(-1, frozenset())
    async for folded in reading.to_end(None if until is None else until + 1):
        for decision in _of(reading.domain, folded, before):
            yield decision
        before = Before(_deploy(reading.domain), frozenset(reading.domain.state.waves))


class Before(NamedTuple):
    """What stood before an entry was folded."""

    deploy: int
    waves: frozenset[str]


def _deploy(domain: Domain) -> int:
    return domain.state.manifest.deploy if domain.state.manifest is not None else -1


def _of(domain: Domain, folded: Folded, before: Before) -> Iterator[Decision]:
    offset, at, event = folded.entry.offset, domain.state.now, folded.event
    manifest = domain.state.manifest
    if manifest is not None and manifest.deploy != before.deploy:
        text = f"deploy {manifest.deploy}: {counted(len(manifest.assets), 'asset')}"
        yield Decision(offset, at, "deploy", (), text)
    word = short(event["type"]).removeprefix("command.") if event is not None else ""
    if event is not None and word in COMMANDS:
        yield Decision(offset, at, word, (about(event),), told(event))
    granted = False
    for output in folded.outputs:
        if output.model is RunGranted or output.model.TYPE in ENDS:
            told_of = output.envelope(domain.name, domain.state.incarnation)
            text = told(told_of)
            granted = granted or output.model is RunGranted
            word, text = ("granted", text) if output.model is RunGranted else text.split(" ", 1)
            yield Decision(offset, at, word, (about(told_of),), text)
    if event is not None and event["type"] == RunGranted.TYPE and not granted:
        yield Decision(
            offset, at, "refused", (about(event),), f"something came between, so it binds nobody: {told(event)}"
        )
    for name in sorted(domain.state.waves.keys() - before.waves):
        wave = domain.state.waves[name]
        yield Decision(offset, at, "wave", tuple(wave.targets), f"begins: {wave.reason}")
