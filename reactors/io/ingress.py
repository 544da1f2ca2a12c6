"""The ingress: what outside services publish, checked and moved into the journal of the domain it concerns."""

import base64
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from streams.cloudevents import HEADERS, Envelope, decode, encode, envelope, event_id
from streams.errors import BadEvent, EventTooLarge
from streams.events import FROM_OUTSIDE, DeadLetter, DeliveryFailed, JournalGap
from streams.io.clock import wall_clock_ms
from streams.io.gaps import Missed
from streams.ports import Entry, EventLog, Record
from streams.topics import Topics
from streams.units import rfc3339

logger = logging.getLogger("everfresh.ingress")

ROLE = "ingress"
"""its consumer group, behind the prefix"""

SOURCE = "everfresh/ingress"
_TEXT_MAX = 1_024
_LETTER_MAX = 96 * 1024
"""bytes of a bad event that its dead letter carries; base64 makes a third more of them"""


class Ingress:
    """Moves batches; `turn` is one, and repeating it after a crash changes nothing: the journal knows each origin.

    `domains` tells which are deployed. It is asked again when a change names another: that one may be new.
    """

    def __init__(self, log: EventLog, topics: Topics, domains: Callable[[], Awaitable[Sequence[str]]]) -> None:
        self._log, self._topics, self._domains = log, topics, domains
        self._journals: dict[str, str] = {}
        self._asked = False  # in this turn
        self.moved = 0
        self.refused = 0

    async def turn(self, batches: Mapping[tuple[str, int], Sequence[Entry]]) -> dict[tuple[str, int], int]:
        """Append one fetch to the journals, in order; returns the positions to commit once it is there."""
        self._asked = False
        records: list[Record] = []
        positions = {}
        for place, entries in batches.items():
            for entry in entries:
                records += await self._translated(entry)
            positions[place] = entries[-1].offset + 1
        if records:
            await self._log.append(records)
        return positions

    async def announce(self, gap: Missed) -> None:
        """Changes were trimmed away unread: say so in every journal, for nobody knows whose they were."""
        said = JournalGap(topic=gap.topic, partition=gap.partition, first=gap.first, last=gap.last)
        name, at_ms = event_id(JournalGap.TYPE, *gap), wall_clock_ms()
        logger.error("%d changes of %s/%d were trimmed away unread", gap.last - gap.first + 1, gap.topic, gap.partition)
        told = [(domain, envelope(said, name, SOURCE, domain, at_ms)) for domain in await self._domains()]
        await self._log.append([self._in_journal(domain, event) for domain, event in told])

    async def _journal_of(self, domain: str) -> str | None:
        if domain not in self._journals and not self._asked:
            self._asked = True
            self._journals = {one: self._topics.journal(one).name for one in await self._domains()}
        return self._journals.get(domain)

    def _in_journal(self, domain: str, event: Envelope) -> Record:
        return Record(self._topics.journal(domain).name, encode(event), None, HEADERS, partition=0)

    async def _translated(self, entry: Entry) -> list[Record]:
        origin = f"{entry.topic}/{entry.partition}/{entry.offset}"
        try:
            record = await self._for_journal(decode(entry.value, entry.headers), origin)
        except (BadEvent, EventTooLarge) as error:
            self.refused += 1
            logger.warning("refused %s: %s", origin, error)
            return [dead_letter(self._topics, entry, str(error)), *await self._told(entry, str(error))]
        self.moved += 1
        return [record]

    async def _told(self, entry: Entry, why: str) -> list[Record]:
        """What the journal is told of a refusal, so that its reactor raises an alert: if the key names a domain."""
        domain = (entry.key or b"").decode("utf-8", "replace").partition("/")[0]
        if await self._journal_of(domain) is None:
            return []
        origin = f"{entry.topic}/{entry.partition}/{entry.offset}"
        failed = DeliveryFailed(sink=ROLE, event=origin, error=why[:_TEXT_MAX])
        told = envelope(failed, event_id(failed.TYPE, ROLE, origin), SOURCE, domain, entry.timestamp)
        return [self._in_journal(domain, told)]

    async def _for_journal(self, event: Envelope, origin: str) -> Record:
        if event["type"] not in FROM_OUTSIDE:
            allowed = " and ".join(map(repr, sorted(FROM_OUTSIDE)))
            raise BadEvent(f"only {allowed} may be published here, not {event['type']!r}")
        domain = str(event.get("subject", "")).partition("/")[0]
        journal = await self._journal_of(domain)
        if journal is None:
            known = ", ".join(map(repr, self._journals))
            raise BadEvent(
                f"the subject {event.get('subject')!r} names no domain that is deployed here; there are {known}; "
                "a subject is 'domain/name'"
            )
        event["origin"] = origin
        return Record(journal, encode(event), None, HEADERS, partition=0)


def dead_letter(topics: Topics, entry: Entry, error: str) -> Record:
    """What couldn't be taken in, with where it came from, why, and its bytes."""
    value = entry.value or b""
    origin = f"{entry.topic}/{entry.partition}/{entry.offset}"
    key = entry.key.decode("utf-8", "replace") if entry.key is not None else None
    letter = DeadLetter(
        origin=origin,
        error=error,
        key=key,
        value_base64=base64.b64encode(value[:_LETTER_MAX]).decode(),
        truncated=len(value) > _LETTER_MAX,
    )
    wrapped = envelope(letter, event_id("dead-letter", origin), SOURCE, key or origin, entry.timestamp)
    wrapped["time"] = rfc3339(entry.timestamp)
    return Record(topics.dead_letters.name, encode(wrapped), entry.key, HEADERS)
