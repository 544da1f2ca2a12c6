"""Which alerts go to which sinks.

Routes are asked one by one, and an alert goes wherever one of those that match leads. What no route matches goes to the
sinks that are named for it, or else to all that any route names, so that no alert is told to nobody. A sink that isn't
named at all gets what its own settings say.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, Protocol

from sinks.choosing import SEVERITIES, Choice, is_quiet
from sinks.reading import domain_named
from streams.cloudevents import Envelope
from streams.events import AlertOpened, AlertResolved, AlertUpdated, Severity
from streams.topics import Topics

ALERTS = frozenset((AlertOpened.TYPE, AlertUpdated.TYPE, AlertResolved.TYPE))


class Wanted(Protocol):
    """Which events a sink gets."""

    def wants(self, wrapped: Envelope) -> bool:
        """Whether it gets this event."""

    def topics(self, topics: Topics) -> tuple[str, ...]:
        """Where such events stand."""


class AlertRoute(NamedTuple):
    """Where alerts like this go. Each criterion holds if one of its patterns fits; an empty one always does."""

    to: frozenset[str]
    owners: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    """each label must be there and fit its pattern"""
    least: Severity = "info"

    def matches(self, wrapped: Envelope) -> bool:
        """Whether the alert goes this way. Its end goes wherever it would at any severity: there it may have begun."""
        alert: dict[str, Any] = wrapped["data"]
        domain = domain_named(wrapped)
        found = (
            (self.owners, alert.get("owner")),
            (self.domains, domain),
            (self.assets, alert.get("asset")),
            (self.rules, alert.get("rule")),
        )
        said = alert.get("labels") or {}
        return (
            (wrapped["type"] == AlertResolved.TYPE or _is_enough(alert.get("severity"), self.least))
            and all(_fits(patterns, value) for patterns, value in found)
            and all(_fits((pattern,), said.get(name)) for name, pattern in self.labels)
        )


class Routing(NamedTuple):
    """All routes, and where what none matches goes; nobody said: `otherwise` is empty."""

    routes: tuple[AlertRoute, ...] = ()
    otherwise: frozenset[str] = frozenset()

    def sinks_of(self, wrapped: Envelope) -> frozenset[str]:
        """The sinks that get an alert, of those that are named at all."""
        matched = [route.to for route in self.routes if route.matches(wrapped)]
        return frozenset().union(*matched) or self.otherwise or self.named

    @property
    def named(self) -> frozenset[str]:
        """Every sink that a route names, or what none matches."""
        return self.otherwise.union(*(route.to for route in self.routes))

    def choice(self, sink: str, own: Choice) -> Wanted:
        """What a sink gets: if it is named, alerts by the routes only, and of other events what its settings say."""
        return Routed(self, sink, own) if sink in self.named else own

    def unknown(self, sinks: Iterable[str]) -> list[str]:
        """What is named and is none of the sinks that there are."""
        return sorted(self.named - frozenset(sinks))


class Routed(NamedTuple):
    """A sink that routes name."""

    routing: Routing
    sink: str
    own: Choice

    def wants(self, wrapped: Envelope) -> bool:
        """Whether it gets this event."""
        if wrapped["type"] in ALERTS:
            return self.sink in self.routing.sinks_of(wrapped) and not (self.own.for_people and is_quiet(wrapped))
        return self.own.wants(wrapped)

    def topics(self, topics: Topics) -> tuple[str, ...]:
        """Where such events stand."""
        return tuple(sorted({topics.alerts.name, *self.own.topics(topics)}))


def _fits(patterns: Sequence[str], value: str | None) -> bool:
    return not patterns or (value is not None and any(fnmatchcase(value, pattern) for pattern in patterns))


def _is_enough(severity: str | None, least: str) -> bool:
    """A severity that nobody knows hides nothing."""
    return severity not in SEVERITIES or SEVERITIES.index(severity) >= SEVERITIES.index(least)
