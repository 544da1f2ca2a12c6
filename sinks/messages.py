"""An event as a message to people: a title and some lines, as mail and chat take them."""

from typing import Literal, NamedTuple

from sinks.lines import clean, line
from sinks.reading import event_of
from sinks.routing import ALERTS
from streams.cloudevents import Envelope
from streams.events import Alert
from streams.units import rfc3339

Mood = Literal["info", "success", "warning", "failure"]
"""what a chat colours a message by"""

_MOODS: dict[str, Mood] = {"info": "info", "warn": "warning", "error": "failure", "critical": "failure"}
_LEVELS: dict[str, Mood] = {"info": "info", "warning": "warning", "error": "failure"}
_STEPS = {"opened": "Opened", "updated": "Still open", "resolved": "Resolved"}


class Message(NamedTuple):
    """What is said. `thread` is the same for all of one alert's episode, whose first message is `begins`."""

    title: str
    mood: Mood
    lead: str
    """in one sentence"""
    facts: tuple[tuple[str, str], ...]
    """name → value, each on a line of its own"""
    thread: str | None
    begins: bool

    @property
    def text(self) -> str:
        """The body as plain text, without the title."""
        return "\n".join([self.lead, "", *(f"{name}: {value}" for name, value in self.facts)]).rstrip() + "\n"


def message_of(wrapped: Envelope) -> Message:
    """What people are told of an event. Raises BadEvent for an alert that can't be read."""
    if wrapped["type"] in ALERTS:
        return _alert(event_of(wrapped))
    said = line(wrapped)
    facts = (("when", said.at), ("event", clean(wrapped["type"])))
    lead = f"{said.what}: {said.why}" if said.why else said.what
    return Message(f"{said.who} {said.what}", _LEVELS[said.level], lead, facts, None, begins=True)


def _alert(alert: Alert) -> Message:
    step = alert.TYPE.split(".")[2]
    found = {
        "severity": alert.severity,
        "asset": alert.asset,
        "owner": alert.owner,
        "expected": alert.expected,
        "actual": alert.actual,
        "since": rfc3339(alert.since),
        "episode": alert.episode,
        "explained by": alert.inhibited_by,
        "looked after by": alert.acknowledged_by,
        "flapping": "it opens again and again" if alert.flapping else None,
        **alert.labels,
        **alert.links,
    }
    return Message(
        title=clean(f"{alert.asset or alert.rule}: {alert.rule}" if alert.asset else alert.rule),
        mood="success" if step == "resolved" else _MOODS[alert.severity],
        lead=f"{_STEPS[step]} ({alert.severity}): {clean(alert.summary)}",
        facts=tuple((clean(name), clean(value)) for name, value in found.items() if value is not None),
        thread=f"{alert.fingerprint}.{alert.episode}",
        begins=step == "opened",
    )
