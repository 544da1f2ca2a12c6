"""An alert as PagerDuty's Events API v2 takes it: `POST /v2/enqueue`.

Source: https://github.com/PagerDuty/api-schema/blob/main/reference/events-v2/openapiv3.json
"""

from typing import Any, Literal

from sinks.firing import is_over
from sinks.reading import domain_named
from streams.cloudevents import Envelope
from streams.events import Alert
from streams.units import rfc3339

URL = "https://events.pagerduty.com/v2/enqueue"

SEVERITIES = {"info": "info", "warn": "warning", "error": "error", "critical": "critical"}

KEY_LENGTH = 32

SUMMARY_MAX = 1_024
"""characters; more of it is refused"""

Action = Literal["trigger", "acknowledge", "resolve"]


def action_of(wrapped: Envelope) -> Action:
    """What the transition is there: an alert that somebody took on is acknowledged."""
    if is_over(wrapped):
        return "resolve"
    return "acknowledge" if wrapped["data"].get("acknowledged_by") else "trigger"


def enqueued(wrapped: Envelope, alert: Alert, routing_key: str) -> dict[str, Any]:
    """The call's body. The key is the alert's and its episode's, so that a repeat changes nothing there."""
    action = action_of(wrapped)
    said: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": f"{alert.fingerprint}/{alert.episode}",
    }
    if action != "trigger":
        return said
    links = [{"href": link, "text": name} for name, link in sorted(alert.links.items()) if link.startswith("http")]
    return said | {"client": "everfresh", "links": links, "payload": _payload(wrapped, alert)}


def is_about_the_key(body: bytes) -> bool:
    """Whether a 400 says that the key is wrong, and not the event."""
    return b"routing_key" in body or b"routing key" in body.lower()


def _payload(wrapped: Envelope, alert: Alert) -> dict[str, Any]:
    domain = domain_named(wrapped)
    details = {
        "owner": alert.owner,
        "expected": alert.expected,
        "actual": alert.actual,
        "labels": dict(alert.labels) or None,
        "fingerprint": alert.fingerprint,
        "episode": alert.episode,
        "event": wrapped["id"],
    }
    return {
        "summary": alert.summary[:SUMMARY_MAX] or alert.rule,
        "severity": SEVERITIES[alert.severity],
        "source": alert.asset or domain or "everfresh",
        "timestamp": rfc3339(alert.since),
        "component": alert.asset or domain,
        "group": domain,
        "class": alert.rule,
        "custom_details": {name: value for name, value in details.items() if value is not None},
    }
