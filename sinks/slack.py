"""An alert as a message in Slack: posted when it opens, edited when it changes or is over.

Sources: https://docs.slack.dev/reference/methods/chat.postMessage and
https://docs.slack.dev/reference/methods/chat.update
"""

from typing import Any, NamedTuple, Self

import orjson

from sinks.answers import NotTaken
from sinks.firing import is_over
from sinks.ports import Refused, Retry
from sinks.reading import time_ms
from streams.cloudevents import Envelope
from streams.errors import EverfreshError
from streams.events import Alert
from streams.units import instant, readable, rfc3339

URL = "https://slack.com/api"

POST, UPDATE = "chat.postMessage", "chat.update"

TEXT_MAX = 600
"""characters of any one text that somebody else chose"""

_SIGNS = {"info": ":information_source:", "warn": ":warning:", "error": ":red_circle:", "critical": ":rotating_light:"}
_OVER = ":large_green_circle:"

_THE_EVENTS = {
    "invalid_blocks",
    "invalid_blocks_format",
    "invalid_metadata_format",
    "metadata_too_large",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_text",
}
_GONE = {"cant_update_message", "edit_window_closed", "message_not_found"}
_BUSY = {"rate_limited", "ratelimited"}


class Gone(EverfreshError):
    """The message can't be edited any more."""


class Mark(NamedTuple):
    """How far an alert was told: later ones are news. A journal that was made anew counts from 1 again, later."""

    at_ms: int
    episode: int
    sequence: int


class Message(NamedTuple):
    """What stands in a channel about an alert."""

    mark: Mark
    channel: str
    ts: str
    told_ms: int
    over: bool = False

    def encoded(self) -> bytes:
        """As it is kept."""
        return orjson.dumps([*self.mark, self.channel, self.ts, self.told_ms, self.over])

    @classmethod
    def decoded(cls, value: bytes) -> Self:
        """Raises ValueError for what is none."""
        at_ms, episode, sequence, channel, ts, told_ms, over = orjson.loads(value)
        mark = Mark(int(at_ms), int(episode), int(sequence))
        return cls(mark, str(channel), str(ts), int(told_ms), bool(over))

    def is_newer(self, than: Self) -> bool:
        """Whether it tells of a later transition."""
        return self.mark > than.mark


def mark_of(wrapped: Envelope, alert: Alert) -> Mark:
    """Where a transition stands among those of its alert."""
    return Mark(time_ms(wrapped), alert.episode, alert.sequence)


def said(wrapped: Envelope, alert: Alert) -> dict[str, Any]:
    """What the message says: `text` for notifications, `blocks` to be read."""
    over = is_over(wrapped)
    head = f"{_OVER if over else _SIGNS[alert.severity]} *{'resolved' if over else alert.severity}*"
    lasted = f" after {readable(max(0, instant(wrapped.get('time', 0)) - alert.since))}" if over else ""
    summary = _escaped(alert.summary)
    facts = {
        "Rule": alert.rule,
        "Asset": alert.asset,
        "Owner": alert.owner,
        "Since": rfc3339(alert.since),
        "Expected": alert.expected,
        "Actual": alert.actual,
        "Acknowledged by": alert.acknowledged_by,
        "Silenced until": None if alert.silenced_until is None else rfc3339(alert.silenced_until),
        "Explained by": alert.inhibited_by,
    }
    rows = [f"*{name}* {_escaped(value)}" for name, value in facts.items() if value]
    rows += [f"*{_escaped(name)}* {_escaped(value)}" for name, value in sorted(alert.labels.items())]
    links = [f"<{_escaped(link)}|{_escaped(name)}>" for name, link in sorted(alert.links.items()) if _is_link(link)]
    return {
        "text": f"{'resolved' if over else alert.severity}{lasted}: {summary}",
        "blocks": [
            _section(f"{head}{lasted}: {summary}"),
            {"type": "context", "elements": [_text(" · ".join([*rows, *links])[:2_900])]},
        ],
    }


def post(channel: str, wrapped: Envelope, alert: Alert) -> dict[str, Any]:
    """The body of a call that posts a message."""
    names = {"fingerprint": alert.fingerprint, "episode": alert.episode, "event": str(wrapped["id"])}
    metadata = {"event_type": "everfresh_alert", "event_payload": names}
    return {"channel": channel, "unfurl_links": False, "metadata": metadata, **said(wrapped, alert)}


def update(message: Message, wrapped: Envelope, alert: Alert) -> dict[str, Any]:
    """The body of a call that edits it."""
    return {"channel": message.channel, "ts": message.ts, **said(wrapped, alert)}


def judge(body: bytes) -> dict[str, Any]:
    """What a 200 of Slack's means: its body says whether the call was good. Raises Retry, Refused, Gone, NotTaken.

    A wrong token or channel is mended by whoever runs this, and until then nothing is given up for it: NotTaken.
    """
    try:
        answer = orjson.loads(body)
        good = answer["ok"] is True
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise NotTaken("an answer that isn't Slack's") from None
    if good:
        return dict(answer)
    why = str(answer.get("error", "no reason given"))[:100]
    if why in _BUSY:
        raise Retry(why)
    if why in _THE_EVENTS:
        raise Refused(why)
    raise Gone(why) if why in _GONE else NotTaken(why)


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _text(text)}


def _text(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text}


def _escaped(text: str) -> str:
    """What others wrote is shown, and never obeyed: no mention, no link of theirs.

    >>> _escaped("<!channel> & co")
    '&lt;!channel&gt; &amp; co'
    """
    cut = text if len(text) <= TEXT_MAX else text[: TEXT_MAX - 1] + "…"
    return cut.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _is_link(link: str) -> bool:
    return link.startswith(("https://", "http://")) and "|" not in link
