"""A morning of the domain `shop`, out of which the golden examples are: its revenue reads its orders.

The envelopes are made as those who write such events make them: same source, same id from its cause, same attributes.
"""

from streams.cloudevents import Envelope, envelope, event_id
from streams.event import Event, Pin
from streams.events import DefinitionsDeclared
from streams.units import instant

ORDERS, REVENUE, DAILY = "shop/orders", "shop/revenue", "shop/daily"
CODE = f"code:{REVENUE}"
WORKER = "worker-1"
CHECK = "no_negative_days"


def at(clock: str) -> int:
    """The instant of a time on that day.

    >>> at("08:00:00")
    1767254400000
    """
    return instant(f"2026-01-01T{clock}Z")


DEPLOYED = "deploy-shop-1-7c028a948791cc6173865420eb8fa757-0"
"""the id of the journal's first event"""

JOURNALS = {
    "shop": event_id("journal", DEPLOYED, "everfresh/cli", at("08:00:00")),
    "finance": event_id("journal", "deploy-finance-1", "everfresh/cli", at("07:00:00")),
}
"""domain → its journal's incarnation"""

_NODE = "944befd85a"


def run(number: int) -> str:
    """The name of revenue's n-th run.

    >>> run(3)
    '3-944befd85a'
    """
    return f"{number}-{_NODE}"


def pins(commit: int) -> dict[str, Pin]:
    """What a run reads at a commit of the orders: their version 40 + `commit`, and revenue's own code."""
    orders = Pin(version=f"{40 + commit}", cut={ORDERS: commit})
    code = Pin(version="2", fingerprint="c8e78166379516bc3c8db5bd4ce0df26", cut={CODE: 1})
    return {ORDERS: orders, CODE: code}


def cut(commit: int) -> dict[str, int]:
    """Revenue's cut at a commit of the orders."""
    return {CODE: 1, ORDERS: commit}


def output(event: Event, entry: tuple[int, int], clock: str, subject: str = REVENUE, domain: str = "shop") -> Envelope:
    """What follows from an entry of a domain's journal: `entry` is its offset, and which of its outputs this is."""
    offset, number = entry
    name = event_id(JOURNALS[domain], offset, event.TYPE, subject, number)
    return envelope(event, name, f"everfresh/{domain}", subject, at(clock)) | {
        "partitionkey": subject,
        "sequence": f"{offset:012d}.{number:06d}",
        "journaloffset": str(offset),
    }


def fact(event: Event, clock: str, subject: str = REVENUE) -> Envelope:
    """What the reactor proposed and the journal accepted."""
    name = event_id(JOURNALS["shop"], event.TYPE, subject, event.model_dump_json())
    return envelope(event, name, "everfresh/shop/reactor", subject, at(clock))


def report(event: Event, clock: str, *cause: object) -> Envelope:
    """What a worker says of an attempt, or of itself."""
    subject = getattr(event, "asset", WORKER)
    return envelope(event, event_id(*cause, event.TYPE), f"everfresh/worker/{WORKER}", subject, at(clock))


def said(event: Event | DefinitionsDeclared, name: str, subject: str, clock: str) -> Envelope:
    """What was said on the command line."""
    return envelope(event, name, "everfresh/cli", subject, at(clock))
