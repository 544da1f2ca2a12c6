"""Carries a turn's outputs to their topics: events at once; where a topic keeps the newest only, the newest."""

from collections.abc import Sequence

from reactors.domain import Output
from streams.cloudevents import HEADERS
from streams.errors import EventTooLarge
from streams.events import (
    CROSSING,
    FOR_WORKERS,
    AlertOpened,
    AlertResolved,
    AlertUpdated,
    DeadLetter,
)
from streams.ports import FencedWriter, Record
from streams.sizes import shortened
from streams.topics import Topics

_ALERTS = (AlertOpened, AlertUpdated, AlertResolved)


class Emitter:
    """One domain's outputs. Tests call its methods; the reactor's loop only repeats them."""

    def __init__(self, topics: Topics, domain: str, incarnation: str) -> None:
        self._topics, self._domain, self._incarnation = topics, domain, incarnation
        self._runs, self._freshness = topics.runs(domain).name, topics.freshness.name
        self._newest: dict[tuple[str, str], Output] = {}  # encoded when it is flushed, as few of them are

    @property
    def named(self) -> bool:
        """The journal's incarnation is known: ids can be made."""
        return bool(self._incarnation)

    def renamed(self, incarnation: str) -> "Emitter":
        """The same, once the journal's first entry gave it its incarnation."""
        return Emitter(self._topics, self._domain, incarnation)

    def records(self, outputs: Sequence[Output]) -> list[Record]:
        """What is to be appended at once; what describes a state is kept, the newest of each."""
        records = []
        for output in outputs:
            topic = self._topic(output)
            if topic == self._freshness:
                self._keep(topic, output)
                continue
            records.append(self._record(topic, output))
            if output.model in _ALERTS:
                self._keep(self._topics.alert_state.name, output)
        return records

    def _record(self, topic: str, output: Output) -> Record:
        """As much of it as fits; what doesn't fit at all becomes a dead letter, the same on every replica."""
        wrapped = output.envelope(self._domain, self._incarnation)
        try:
            value = shortened(wrapped)
        except EventTooLarge as error:
            place = f"journal/{self._domain}/{output.offset}"
            letter = output._replace(model=DeadLetter, fields={"origin": place, "error": str(error)})
            return self._record(self._topic(letter), letter)
        if output.model in CROSSING:
            return Record(topic, value, None, HEADERS, partition=0)
        return Record(topic, value, self._key(output).encode(), HEADERS)

    def _topic(self, output: Output) -> str:
        if output.model in FOR_WORKERS:
            return self._runs
        if output.model in CROSSING:
            return self._topics.journal(output.event().to).name  # type: ignore[attr-defined]
        return self._topics.output(output.model.TYPE).name

    @staticmethod
    def _key(output: Output) -> str:
        event = output.event() if output.model in _ALERTS else None
        return event.fingerprint if event is not None else output.subject  # type: ignore[attr-defined]

    def _keep(self, topic: str, output: Output) -> None:
        self._newest[topic, self._key(output)] = output

    def states(self) -> list[Record]:
        """The newest states; they are the caller's to append now."""
        newest, self._newest = self._newest, {}
        return [self._state(topic, key, output) for (topic, key), output in newest.items()]

    def _state(self, topic: str, key: str, output: Output) -> Record:
        if output.model is AlertResolved:
            return Record(topic, None, key.encode())
        return Record(topic, shortened(output.envelope(self._domain, self._incarnation)), key.encode(), HEADERS)

    @property
    def waiting(self) -> int:
        """How many states wait for `flush`."""
        return len(self._newest)

    async def flush(self, writer: FencedWriter) -> None:
        """Write the newest states by the domain's one writer. Raises Fenced once another has taken over."""
        if self._newest:
            newest, self._newest = self._newest, {}
            try:
                await writer.append([self._state(topic, key, output) for (topic, key), output in newest.items()])
            except BaseException:
                self._newest = newest | self._newest  # newer ones stand
                raise
