"""What is told again: what fires, whatever order two topics are read in; and how often anybody is called."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.firing import RESOLVED_MS, Firing, is_over
from sinks.pacing import Pacing
from streams.cloudevents import Envelope
from streams.errors import BadEvent
from tests.core.sinks_samples import EIGHT, event

NAMES = ("f1", "f2")

Read = tuple[str, Envelope | None]
"""an entry of either topic: its key, and what it holds; None is a tombstone"""


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Read], list[Read]]:
    """What alerts.v1 holds, and what became of it in alert-state.v1, where some states never stood."""
    transitions: list[Read] = []
    states: list[Read] = []
    open_now: set[str] = set()
    for offset in range(1, draw(st.integers(1, 12)) + 1):
        name = draw(st.sampled_from(NAMES))
        how = draw(st.sampled_from(("updated", "resolved"))) if name in open_now else "opened"
        open_now = open_now - {name} if how == "resolved" else open_now | {name}
        wrapped = event(f"alert.{how}", offset, fingerprint=name, sequence=offset)
        transitions.append((name, wrapped))
        states.append((name, None if how == "resolved" else wrapped))
    last = {name: at for at, (name, _) in enumerate(states)}
    kept = [one for at, one in enumerate(states) if at in last.values() or draw(st.booleans())]
    return transitions, kept


@st.composite
def readings(draw: st.DrawFn) -> tuple[list[Read], list[Read], list[Read]]:
    """Both topics, and one way of reading them to their ends, some of it twice."""
    transitions, states = draw(histories())
    rest, found = [list(transitions), list(states)], []
    while any(rest):
        one = draw(st.sampled_from([part for part in rest if part]))
        found.append(one.pop(0))
    return transitions, states, found + draw(st.sampled_from([[], transitions, states]))


def read(entries: Sequence[Read]) -> Firing:
    firing = Firing()
    for name, wrapped in entries:
        if wrapped is None:
            firing.forget(name)
        else:
            firing.take(wrapped)
    return firing


@given(readings())
def test_what_fires_is_what_the_last_transition_says_in_whatever_order_it_is_read(
    reading: tuple[list[Read], list[Read], list[Read]],
) -> None:
    transitions, _, entries = reading
    newest = dict(transitions)
    told = {one["data"]["fingerprint"]: one for one in read(entries).told(EIGHT)}
    assert told == newest


@given(readings(), st.integers(0, 30))
def test_nothing_is_told_as_firing_once_its_end_was_read(
    reading: tuple[list[Read], list[Read], list[Read]], upto: int
) -> None:
    part = reading[2][:upto]
    for one in read(part).told(EIGHT):
        name = one["data"]["fingerprint"]
        ends = [int(two["journaloffset"]) for key, two in part if key == name and two is not None and is_over(two)]
        assert is_over(one) or int(one["journaloffset"]) > max(ends, default=0)


def test_what_is_over_for_long_is_forgotten() -> None:
    firing = read([("f1", event("alert.resolved", 1))])
    assert firing.told(EIGHT + RESOLVED_MS)
    assert firing.told(EIGHT + RESOLVED_MS + 2) == []
    assert firing.newest("f1") is None


def test_what_is_no_alert_is_named() -> None:
    with pytest.raises(BadEvent, match="materialized"):
        Firing().take(event("asset.materialized"))


@given(st.floats(1, 6_000), st.lists(st.floats(0, 5_000), max_size=200))
def test_no_minute_has_more_calls_than_was_said_but_for_a_few_after_a_pause(
    per_minute: float, pauses: list[float]
) -> None:
    pacing, now, calls = Pacing(per_minute), 0.0, []
    for pause in pauses:
        now += pause
        calls.append(now + pacing.wait_ms(now))
    assert calls == sorted(calls)
    for at in calls:
        in_minute = sum(at <= one < at + 60_000 for one in calls)
        assert in_minute <= per_minute + max(1, per_minute / 10) + 1


def test_without_a_limit_nobody_waits() -> None:
    pacing = Pacing(0)
    assert {pacing.wait_ms(0) for _ in range(1_000)} == {0.0}
