"""Spoils a real export in one place: what was lost or counted twice, as it would stand in the topics."""

import random
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

from tests.checker import check, read
from tests.checker.violation import Violation

Json = dict[str, Any]
Found = list[Violation]
Spoil = Callable[[list[Json], random.Random], list[Json]]


def broken_by(kind: str, records: Sequence[Json], acked: Sequence[dict[str, str]], dice: random.Random) -> Found:
    """What the checker says once an export is spoilt in this way; `records` stay as they are."""
    if kind == "an acked change that stands nowhere":
        return check(read(records), quiet=True, acked=[*acked, {**acked[0], "id": "never"}]).violations
    return check(read(SPOILS[kind](list(records), dice)), quiet=True, acked=acked).violations


def _of(records: list[Json], kind: str, journal: bool) -> list[Json]:
    name = f"everfresh.{kind}.v1"
    return [one for one in records if (".journal.v1." in one["topic"]) is journal and one["event"]["type"] == name]


def _lost(kind: str, journal: bool) -> Spoil:
    """One event isn't there, nor its repetitions."""

    def spoil(records: list[Json], dice: random.Random) -> list[Json]:
        gone = dice.choice(_of(records, kind, journal))
        key = gone["topic"], gone["event"]["source"], gone["event"]["id"]
        return [one for one in records if (one["topic"], one["event"]["source"], one["event"]["id"]) != key]

    return spoil


def _lost_change(records: list[Json], dice: random.Random) -> list[Json]:
    """A change whose version differs from the one before, or nothing would have come of it."""
    return _lost("asset.changed", journal=True)(records, dice)


def _altered(kind: str, journal: bool, **changed: Any) -> Spoil:
    """One more event like one that stands there, but for this."""

    def spoil(records: list[Json], dice: random.Random) -> list[Json]:
        other = deepcopy(dice.choice(_of(records, kind, journal)))
        other["event"]["id"] = changed.get("id", other["event"]["id"])
        other["event"]["data"].update({name: value for name, value in changed.items() if name != "id"})
        return [*records, other]

    return spoil


def _replaced(kind: str, journal: bool, change: Callable[[Json], None]) -> Spoil:
    """One event says something else, and so do its repetitions."""

    def spoil(records: list[Json], dice: random.Random) -> list[Json]:
        victim = dice.choice(_of(records, kind, journal))["event"]
        other = deepcopy(victim)
        change(other["data"])
        return [{**one, "event": other} if one["event"] == victim else one for one in records]

    return spoil


def _skip_a_commit(data: Json) -> None:
    source, (first, last) = next(iter(sorted(data["covers"].items())))
    data["covers"] = data["covers"] | {source: [first + 1, last]}


def _go_back(data: Json) -> None:
    source = min(source for source, (_, last) in data["covers"].items() if last)
    data["cut"] = data["cut"] | {source: 0}


def _other_input(data: Json) -> None:
    name, pin = next((name, pin) for name, pin in sorted(data["inputs"].items()) if not name.startswith("code:"))
    data["inputs"] = data["inputs"] | {name: pin | {"version": "another", "fingerprint": "another"}}


def _uncovered(records: list[Json], dice: random.Random) -> list[Json]:
    """A change at the journal's end that nothing came of."""
    last = max((one for one in records if ".journal.v1." in one["topic"]), key=lambda one: one["offset"])
    change = deepcopy(dice.choice(_of(records, "asset.changed", journal=True)))
    change["event"] |= {"id": "uncovered", "data": {"version": "uncovered"}}
    return [*records, change | {"offset": last["offset"] + 1, "timestamp": last["timestamp"]}]


SPOILS: dict[str, Spoil] = {
    "an acked change that stands nowhere": lambda records, _: records,
    "an acked change lost": _lost_change,
    "a change that nothing covers": _uncovered,
    "a materialization lost": _lost("asset.materialized", journal=False),
    "a verification lost": _lost("asset.verified", journal=False),
    "a grant lost": _lost("run.granted", journal=False),
    "the fact of a grant lost": _lost("run.granted", journal=True),
    "a report lost": _lost("run.succeeded", journal=True),
    "a second accepted result": _altered("asset.materialized", journal=False, id="second"),
    "a repeated output with another content": _altered("asset.materialized", journal=False, version="another"),
    "one attempt granted to two workers": _altered("run.granted", journal=False, id="second", worker="nobody"),
    "one attempt sent twice": _altered("run.granted", journal=False, id="second"),
    "a commit left out": _replaced("asset.materialized", journal=False, change=_skip_a_commit),
    "a cut that goes back": _replaced("asset.materialized", journal=False, change=_go_back),
    "a result from other inputs": _replaced("asset.materialized", journal=False, change=_other_input),
}
