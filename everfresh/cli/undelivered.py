"""Reads dead letters, and publishes a change again that became one."""

from base64 import b64decode
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from everfresh.cli.command import UsedWrongly
from everfresh.cli.streaming import Selection, stream
from everfresh.options import meant
from everfresh.site import Site
from streams.cloudevents import HEADERS, Envelope, decode, parse
from streams.errors import BadEvent, Gap
from streams.events import FROM_OUTSIDE, DeadLetter
from streams.ports import Record

IN_JOURNAL = "journal/"
"""how the origin of a letter begins that a reactor wrote: domain and offset follow"""

KEY_MAX = 60
"""characters of a key on the screen"""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter and when it was written, as RFC 3339."""

    at: str
    said: DeadLetter

    def cells(self) -> tuple[str, ...]:
        """The table's cells."""
        size = f"{'over ' if self.said.truncated else ''}{len(b64decode(self.said.value_base64))}"
        return (self.said.origin, self.at, (self.said.key or "")[:KEY_MAX], size, self.said.error)

    def json(self) -> dict[str, Any]:
        """The same for machines, with its bytes."""
        return {"time": self.at, **self.said.model_dump(mode="json")}


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one that was to be published again."""

    origin: str
    published: bool
    text: str

    @property
    def sentence(self) -> str:
        """In one line."""
        return f"{self.origin}: {self.text}"

    def json(self) -> dict[str, Any]:
        """The same for machines."""
        return {"origin": self.origin, "published": self.published, "text": self.text}


async def letters(site: Site) -> AsyncIterator[Letter]:
    """Every dead letter that is kept, each origin once, by time."""
    seen = set[str]()
    wanted = Selection(frozenset((DeadLetter.TYPE,)), (), narrowed=False, journal=False, since=None)
    async for entry in stream(site.log, wanted.topics(site.settings.topics), None, follow=False):
        event = wanted.chosen(entry)
        said = None if event is None else _said(event)
        if event is not None and said is not None and said.origin not in seen:
            seen.add(said.origin)
            yield Letter(str(event["time"]), said)


def _said(event: Envelope) -> DeadLetter | None:
    try:
        return DeadLetter.model_validate(event["data"])
    except ValidationError:
        return None  # anybody may write to that topic: what is no letter of ours isn't listed, and hides no other


def chosen(found: Sequence[Letter], origins: Sequence[str] | None) -> list[Letter]:
    """Those of these origins; all if none is said. Raises UsedWrongly for one that isn't there."""
    by_origin = {one.said.origin: one for one in found}
    for origin in origins or ():
        if origin not in by_origin:
            raise UsedWrongly(f"no dead letter came from {origin!r}; {meant(origin, by_origin)}")
    return [by_origin[origin] for origin in origins or by_origin]


async def publish_again(site: Site, letter: Letter) -> Told:
    """Append the change to the changes topic once more; what is none, or not whole, stays where it is."""
    origin, said = letter.said.origin, letter.said
    if said.truncated:
        return Told(origin, False, "only its beginning is kept, so its sender has to publish it again")
    value = await _value(site, said)
    if value is None:
        return Told(origin, False, "it isn't kept any more, so its sender has to publish it again")
    try:
        event = _from_outside(value)
    except BadEvent as error:
        return Told(origin, False, f"it would be refused again: {error}; its sender has to publish it anew")
    topic, key = site.settings.topics.changes.name, str(event["subject"]).encode()
    stamp = (await site.log.log.append([Record(topic, value, key, HEADERS)]))[0]
    return Told(origin, True, f"published again, at {topic}/{stamp.partition}/{stamp.offset}")


async def _value(site: Site, said: DeadLetter) -> bytes | None:
    """The bytes of what was refused: what a reactor refused stands in its journal, as long as that is kept."""
    if not said.origin.startswith(IN_JOURNAL):
        return b64decode(said.value_base64)
    domain, _, offset = said.origin.removeprefix(IN_JOURNAL).partition("/")
    if not offset.isdecimal():
        return None
    journal = site.settings.topics.journal(domain).name
    try:
        found = await site.log.log.read(journal, 0, int(offset), limit=1)
    except Gap:
        return None
    return found[0].value if found else None


def _from_outside(value: bytes) -> Envelope:
    """The change, or the report, that these bytes are. Raises BadEvent."""
    event = decode(value, HEADERS)
    if event["type"] not in FROM_OUTSIDE:
        raise BadEvent(f"it is {event['type']!r}, nothing that a publisher says")
    if not event.get("subject"):
        raise BadEvent("it has no subject")
    parse(event)
    return event
