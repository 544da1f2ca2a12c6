"""Times, policies and events in the words of the screen."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from sinks.lines import line
from streams.cloudevents import Envelope
from streams.keys import node_key
from streams.policies import Cron, Eager, Policy, Within
from streams.units import readable, rfc3339

Json = Mapping[str, Any]

COMMANDS = ("materialize", "pause", "resume", "release", "cancel", "backfill", "backfill-steered")


def span(duration_ms: int | None) -> str:
    """A duration, no finer than one reads it; empty for None.

    >>> span(90_061_001), span(1_234), span(None)
    ('1d1h1m', '1.2s', '')
    """
    if duration_ms is None:
        return ""
    size = abs(duration_ms)
    if 1_000 <= size < 10_000:
        return f"{duration_ms / 1_000:.1f}s".replace(".0s", "s")
    for least, unit in ((86_400_000, 60_000), (10_000, 1_000)):
        if size >= least:
            return readable(duration_ms // unit * unit)
    return readable(duration_ms)


def counted(number: int, noun: str) -> str:
    """How many there are.

    >>> counted(1, "change"), counted(0, "run")
    ('1 change', '0 runs')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def moment(at_ms: int | None) -> str | None:
    """An instant as machines read it."""
    return None if at_ms is None else rfc3339(at_ms)


def seconds(duration_ms: int | None) -> float | None:
    """A duration as machines read it."""
    return None if duration_ms is None else duration_ms / 1_000


def money(amounts: Mapping[str, float] | Mapping[str, Decimal]) -> str:
    """Amounts by their currency.

    >>> money({"USD": 2, "EUR": 0.5})
    '0.50 EUR, 2.00 USD'
    """
    return ", ".join(f"{amount:.2f} {currency}" for currency, amount in sorted(amounts.items()))


def promised(policy: Policy) -> str:
    """What a policy says.

    >>> promised(Within("5m")), promised(Eager(quiet="1s").at_most_every("1m"))
    ('within 5m', 'eager, quiet 1s, at most every 1m')
    >>> promised(Within("5m").ignore("shop/prices").require("all").on_code_change("now").on_missing())
    'within 5m, all inputs, ignores shop/prices, new code now, first at once'
    """
    said = [_promise(policy)]
    said += [f"at most every {readable(policy.every_ms)}"] if policy.every_ms is not None else []
    said += [f"{policy.hours.text} only"] if policy.hours is not None else []
    said += [f"the newest {counted(policy.newest, 'window')} only"] if policy.newest is not None else []
    said += ["all inputs"] if policy.requires == "all" else []
    said += [f"ignores {' and '.join(policy.ignored)}"] if policy.ignored else []
    said += [{"now": "new code now", "ignore": "ignores new code"}[policy.on_code]] if policy.on_code != "later" else []
    return ", ".join([*said, "first at once"] if policy.first_now else said)


def _promise(policy: Policy) -> str:
    if isinstance(policy, Within):
        return f"within {readable(policy.lag_ms)}"
    if isinstance(policy, Eager):
        quiet = f", quiet {readable(policy.quiet_ms)}" if policy.quiet_ms else ""
        bound = f", at most {readable(policy.max_wait_ms)}" if policy.max_wait_ms is not None else ""
        return f"eager{quiet}{bound}"
    if isinstance(policy, Cron):
        by = f", within {readable(policy.within_ms)}" if policy.within_ms is not None else ""
        return f"cron {policy.expression} {policy.tz}{by}"
    return policy.kind.replace("_", " ")


def short(event_type: str) -> str:
    """An event's type without what all have in common.

    >>> short("everfresh.asset.materialized.v1")
    'asset.materialized'
    """
    return event_type.removeprefix("everfresh.").removesuffix(".v1")


def about(event: Envelope) -> str:
    """What an event is about: the asset it names, with its partition, or else its subject."""
    data = event["data"]
    asset = data.get("asset")
    return node_key(asset, data.get("partition") or "") if asset else str(event.get("subject") or "")


def told(event: Envelope) -> str:
    """What an event says, in one line; empty where its type says it all. Never raises on a decoded event."""
    tell = _TOLD.get(short(event["type"]))
    if tell is None:
        said = line(event)
        return f"{said.what}: {said.why}" if said.why else said.what
    try:
        return tell(event["data"])
    except (KeyError, TypeError, ValueError) as error:
        return f"can't be read: {error!r}"


def _attempt(data: Json) -> str:
    return f"run {data['run']} attempt {data['attempt']}"


def _ended(name: str) -> Callable[[Json], str]:
    return lambda data: f"{_attempt(data)}: {data[name]}"


def _changed(data: Json) -> str:
    said = [f"version {data['version']}"] if data.get("version") is not None else []
    said += [f"{name} {data[name]}" for name in ("data_time", "count", "uri") if data.get(name) is not None]
    return ", ".join(said)


def _reported(data: Json) -> str:
    return ": ".join(one for one in (f"run {data['run']} {data['outcome']}", data.get("error")) if one)


def _billed(data: Json) -> str:
    money = f", {data['amount']} {data['currency']}" if data.get("amount") is not None else ""
    return f"{data['quantity']:g} {data['unit']} of {data['resource']}{money}, revision {data.get('revision', 1)}"


def _commanded(data: Json) -> str:
    by = f"by {data['by']}" if data.get("by") else ""
    return ": ".join(one for one in (by, data.get("reason")) if one)


def _backfill(data: Json) -> str:
    ranged = [f"{data['first']} to {data['last']}"] if data["first"] else []
    what = ", ".join([*ranged, *data["partitions"], f"{data['slots']} at once"])
    return f"{what} {said}" if (said := _commanded(data)) else what


def _steered(data: Json) -> str:
    return f"{data['action']} {data['backfill']} {_commanded(data)}".rstrip()


def _silenced(data: Json) -> str:
    of = f" of {data['asset']}" if data.get("asset") else ""
    return f"{data['rule']}{of} until {data['until']} {_commanded(data)}".rstrip()


_TOLD: Mapping[str, Callable[[Json], str]] = {
    "asset.changed": _changed,
    "definitions.declared": lambda data: f"deploy {data['deploy']}: {counted(len(data['assets']), 'asset')}",
    "definitions.part": lambda data: f"deploy {data['deploy']}, part {data['index'] + 1} of {data['count']}",
    "run.granted": lambda data: f"{_attempt(data)} on {data['worker']}: {data['reason']}",
    "run.failed": _ended("error"),
    **dict.fromkeys(("run.started", "run.succeeded"), _attempt),
    **dict.fromkeys(("run.lost", "run.rejected", "run.cancelled"), _ended("reason")),
    **dict.fromkeys((f"command.{name}" for name in COMMANDS), _commanded),
    "command.backfill": _backfill,
    "command.backfill-steered": _steered,
    "command.acknowledge": lambda data: f"alert {data['fingerprint']} {_commanded(data)}".rstrip(),
    "command.silence": _silenced,
    "command.silence-lifted": lambda data: f"silence {data['silence']} {_commanded(data)}".rstrip(),
    "run.reported": _reported,
    "cost.reported": _billed,
    "timer.fired": lambda data: f"up to {data['at']}",
    "worker.heartbeat": lambda data: f"{counted(data['slots'], 'slot')}, holds {len(data.get('holds', ()))}",
    "journal.gap": lambda data: f"{data['topic']}/{data['partition']} lost {data['first']} to {data['last']}",
    "reactor.stopped": lambda data: f"can't be folded past {data['at']}: {data['error']}",
    "delivery.failed": lambda data: f"{data['sink']}: {data['error']}",
    "domain.subscribed": lambda data: f"{data['subscriber']} reads {', '.join(data['assets']) or 'nothing any more'}",
    "domain.delivered": lambda data: f"version {data['version']}, for {data['to']}",
    "overrides.set": lambda data: f"skips {', '.join(map(str, data['skip']))}: {data['reason']}",
}
"""what stands in a journal; what a reactor tells the world, sinks tell too, in the same words"""
