"""An alert as Alertmanager takes it: `POST /api/v2/alerts`.

Source: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

import re
from collections.abc import Mapping
from typing import Any

from sinks.firing import is_over
from sinks.reading import domain_named, time_ms
from streams.cloudevents import Envelope
from streams.events import Alert
from streams.units import rfc3339

PATH = "api/v2/alerts"

VALID_SPANS = 4
"""an alert that wasn't told again for so many spans is over for Alertmanager: as Prometheus does it"""

TEXT_MAX = 1_024

_UNFIT = re.compile(r"[^a-zA-Z0-9_]")


def posted(wrapped: Envelope, alert: Alert, now_ms: int, resend_ms: int) -> dict[str, Any]:
    """One alert of a call: it ends when it did, or soon if nobody tells of it again.

    Fingerprint and episode are among its labels, so that each episode is an alert of its own there.
    """
    ends_ms = time_ms(wrapped) if is_over(wrapped) else now_ms + VALID_SPANS * resend_ms
    said = {
        "labels": labels(wrapped, alert),
        "annotations": _without_empty(
            {"summary": alert.summary, "expected": alert.expected, "actual": alert.actual, "event": str(wrapped["id"])}
        ),
        "startsAt": rfc3339(alert.since),
        "endsAt": rfc3339(max(alert.since, ends_ms)),
    }
    link = generator(alert)
    return said | ({"generatorURL": link} if link else {})


def labels(wrapped: Envelope, alert: Alert) -> dict[str, str]:
    """What names the alert there. A label of the rule's never takes the place of one of ours.

    Label names are letters, digits and `_`; one with another character would have the whole call refused.
    """
    own = {
        "alertname": alert.rule,
        "severity": alert.severity,
        "asset": alert.asset,
        "owner": alert.owner,
        "domain": domain_named(wrapped),
        "fingerprint": alert.fingerprint,
        "episode": str(alert.episode),
    }
    return _without_empty({_label(name): value for name, value in alert.labels.items()} | own)


def generator(alert: Alert) -> str | None:
    """Where one reads more, if the alert says so."""
    links = [link for _, link in sorted(alert.links.items()) if link.startswith(("https://", "http://"))]
    return links[0] if links else None


def _label(name: str) -> str:
    """A label's name that Alertmanager takes.

    >>> _label("data-class"), _label("1st")
    ('data_class', '_1st')
    """
    fit = _UNFIT.sub("_", name)
    return f"_{fit}" if fit[:1].isdigit() else fit


def _without_empty(said: Mapping[str, str | None]) -> dict[str, str]:
    """An empty label is none there."""
    return {name: value[:TEXT_MAX] for name, value in said.items() if name and value}
