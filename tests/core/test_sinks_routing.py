"""Which alerts go where: no alert is told to nobody, and an end reaches whoever was told of the beginning."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.choosing import SEVERITIES, Choice, types_of
from sinks.routing import AlertRoute, Routing
from streams.cloudevents import Envelope
from tests.core.sinks_samples import event

SINKS = ("pagerduty-oncall", "slack-growth", "webhook-catalog")
OWNERS = ("growth", "sales", "checkout")

names = st.frozensets(st.sampled_from(SINKS), min_size=1)
patterns = st.lists(st.sampled_from([*OWNERS, "g*", "*"]), max_size=2).map(tuple)
routes = st.builds(
    AlertRoute,
    to=names,
    owners=patterns,
    domains=st.lists(st.sampled_from(["shop", "f*"]), max_size=1).map(tuple),
    rules=st.lists(st.sampled_from(["freshness.*", "run.failing"]), max_size=1).map(tuple),
    labels=st.lists(st.tuples(st.sampled_from(["check", "by"]), st.sampled_from(["*", "no_*"])), max_size=1).map(tuple),
    least=st.sampled_from(SEVERITIES),
)
routings = st.builds(Routing, st.lists(routes, max_size=4).map(tuple), st.frozensets(st.sampled_from(SINKS)))


@st.composite
def alerts(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "subject": draw(st.sampled_from(["shop/revenue", "finance/p", "shop"])),
        "owner": draw(st.sampled_from([None, *OWNERS])),
        "rule": draw(st.sampled_from(["freshness.overdue", "run.failing"])),
        "severity": draw(st.sampled_from(SEVERITIES)),
        "labels": draw(st.dictionaries(st.sampled_from(["check", "by"]), st.sampled_from(["no_nulls", "x"]))),
    }


def said(how: str, fields: dict[str, Any]) -> Envelope:
    rest = {name: value for name, value in fields.items() if name != "subject"}
    return event(f"alert.{how}", 1, fields["subject"], **rest)


@given(routings, alerts())
def test_no_alert_is_told_to_nobody(routing: Routing, fields: dict[str, Any]) -> None:
    found = routing.sinks_of(said("opened", fields))
    assert found <= routing.named
    assert bool(found) == bool(routing.named)


@given(routings, alerts(), st.sampled_from(SEVERITIES))
def test_an_end_goes_wherever_a_route_led_the_beginning(
    routing: Routing, fields: dict[str, Any], severity: str
) -> None:
    opened, resolved = said("opened", fields), said("resolved", fields | {"severity": severity})
    led = {sink for route in routing.routes if route.matches(opened) for sink in route.to}
    assert led <= routing.sinks_of(resolved)


@given(routings, routes, alerts())
def test_another_route_takes_no_alert_from_those_that_a_route_led_it_to(
    routing: Routing, more: AlertRoute, fields: dict[str, Any]
) -> None:
    opened = said("opened", fields)
    led = {sink for route in routing.routes if route.matches(opened) for sink in route.to}
    assert led <= routing._replace(routes=(*routing.routes, more)).sinks_of(opened)


@given(alerts(), st.sampled_from(SEVERITIES))
def test_a_severity_or_one_above_it(fields: dict[str, Any], least: Any) -> None:
    routing = Routing((AlertRoute(frozenset({"a"}), least=least),), frozenset({"b"}))
    enough = SEVERITIES.index(fields["severity"]) >= SEVERITIES.index(least)
    assert routing.sinks_of(said("opened", fields)) == ({"a"} if enough else {"b"})


@pytest.mark.parametrize(
    ("criteria", "is_its"),
    [
        ({"owners": ("growth",)}, True),
        ({"owners": ("gr*", "sales")}, True),
        ({"owners": ("sales",)}, False),
        ({"domains": ("shop",)}, True),
        ({"domains": ("sho",)}, False),
        ({"assets": ("shop/rev*",)}, True),
        ({"assets": ("shop",)}, False),
        ({"rules": ("check.*",)}, True),
        ({"rules": ("freshness.*",)}, False),
        ({"labels": (("check", "no_*"),)}, True),
        ({"labels": (("check", "no_*"), ("by", "*"))}, False),
        ({"owners": ("growth",), "domains": ("finance",)}, False),
        ({"least": "critical"}, False),
    ],
)
def test_each_criterion_is_asked_and_all_must_hold(criteria: dict[str, Any], is_its: bool) -> None:
    opened = event("alert.opened", rule="check.failed", labels={"check": "no_nulls"})
    assert AlertRoute(frozenset({"a"}), **criteria).matches(opened) is is_its


def test_an_end_is_asked_no_severity_for_where_it_began_nobody_knows() -> None:
    routing = Routing((AlertRoute(frozenset({"a"}), least="error"),), frozenset({"b"}))
    assert routing.sinks_of(event("alert.opened", severity="critical")) == {"a"}
    assert routing.sinks_of(event("alert.updated", severity="info")) == {"b"}
    assert routing.sinks_of(event("alert.resolved", severity="info")) == {"a"}


def test_what_has_no_owner_fits_no_owner() -> None:
    assert not AlertRoute(frozenset({"a"}), owners=("*",)).matches(event("alert.opened", owner=None))


def test_a_sink_that_nobody_names_gets_what_its_own_settings_say() -> None:
    routing = Routing((AlertRoute(frozenset({"slack-growth"}), owners=("growth",)),), frozenset({"slack-rest"}))
    own = Choice(types_of(["alert.*", "asset.quarantined"]), "critical")
    assert routing.choice("webhook-catalog", own) is own
    named = routing.choice("slack-growth", own)
    assert named.wants(event("alert.opened", severity="info"))
    assert not named.wants(event("alert.opened", severity="critical", owner="sales"))
    assert named.wants(event("asset.quarantined"))
    assert not named.wants(event("asset.materialized"))


def test_where_nobody_says_where_the_rest_goes_it_goes_to_all_that_routes_name() -> None:
    routing = Routing((AlertRoute(frozenset({"a"}), owners=("x",)), AlertRoute(frozenset({"b"}), owners=("y",))))
    assert routing.sinks_of(event("alert.opened")) == {"a", "b"}


@pytest.mark.parametrize("why", [{"inhibited_by": "another"}, {"silenced_until": 9_000}])
def test_people_are_not_told_of_what_is_explained_or_silenced_but_of_its_end(why: dict[str, Any]) -> None:
    own = Choice(types_of(["alert.*"]), for_people=True)
    routed = Routing((AlertRoute(frozenset({"slack-growth"})),)).choice("slack-growth", own)
    for wanted in (own, routed):
        assert wanted.wants(event("alert.opened"))
        assert not wanted.wants(event("alert.opened", **why))
        assert not wanted.wants(event("alert.updated", **why))
        assert wanted.wants(event("alert.resolved", **why))
    assert Choice(types_of(["alert.*"])).wants(event("alert.opened", **why))  # another service reads all of it
