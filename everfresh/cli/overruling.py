"""Has an entry passed over at which a domain stopped: the word of an operator, in the overrides topic."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from everfresh.cli.command import UsedWrongly
from everfresh.cli.finding import domains_of
from everfresh.cli.ordering import user
from everfresh.reading import bounds, entries
from everfresh.site import Site
from reactors.io.clock import SystemClock
from reactors.io.overrides import skipped
from streams.cloudevents import HEADERS, decode, encode, envelope, parse
from streams.errors import BadEvent
from streams.events import OverridesSet, ReactorStopped
from streams.ports import Entry, Record


@dataclass(frozen=True, slots=True)
class Overruled:
    """An entry that is passed over: what it is, and everything that is in this domain."""

    domain: str
    offset: int
    what: str
    skip: tuple[int, ...]
    is_news: bool

    def json(self) -> dict[str, Any]:
        """For machines."""
        return {"domain": self.domain, "offset": self.offset, "entry": self.what, "skip": list(self.skip)}

    def sentence(self) -> str:
        """For people."""
        how = "is passed over" if self.is_news else "was passed over already"
        return f"offset {self.offset} of {self.domain}'s journal {how}: {self.what}"


async def overrule(site: Site, domain: str, offset: int, reason: str) -> Overruled:
    """Have an entry passed over. Raises UsedWrongly where no reactor ever stopped there: replicas would differ."""
    await domains_of(site, [domain])
    what, stops = await _seen(site, domain, offset)
    if offset not in stops:
        where = f"it stopped at {', '.join(map(str, sorted(stops)))}" if stops else "it never stopped"
        raise UsedWrongly(f"domain {domain!r} didn't stop at offset {offset} of its journal; {where}")
    topics = site.settings.topics
    before = await skipped(site.log.log, topics.overrides.name, domain)
    skip = tuple(sorted(before | {offset}))
    if offset not in before:
        word = OverridesSet(skip=skip, by=user(), reason=reason)
        wrapped = envelope(word, uuid4().hex, "everfresh/cli", domain, SystemClock().now_ms())
        await site.log.log.append([Record(topics.overrides.name, encode(wrapped), domain.encode(), HEADERS)])
    return Overruled(domain, offset, what, skip, is_news=offset not in before)


async def _seen(site: Site, domain: str, offset: int) -> tuple[str, set[int]]:
    """What stands at the offset, and where reactors said that they stopped."""
    what, stops = "", set[int]()
    first, end = await bounds(site.log, site.settings.topics, domain)
    async for entry in entries(site.log, site.settings.topics.journal(domain).name, 0, first, end):
        if entry.offset == offset:
            what = _what(entry)
        if (at := _stop(entry)) is not None:
            stops.add(at)
    return what, stops


def _what(entry: Entry) -> str:
    try:
        event = decode(entry.value, entry.headers)
    except BadEvent as error:
        return str(error)
    return f"{event['type']} of {event.get('subject') or 'nothing'}, {event['id']}"


def _stop(entry: Entry) -> int | None:
    if ReactorStopped.TYPE.encode() not in (entry.value or b""):
        return None
    try:
        event = parse(decode(entry.value, entry.headers))
    except BadEvent:
        return None
    return event.at if isinstance(event, ReactorStopped) else None
