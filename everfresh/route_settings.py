"""`[[routes]]` in everfresh.toml: which alerts go to which destinations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from everfresh.options import meant
from sinks.routing import AlertRoute, Routing
from streams.events import Severity


class RouteSettings(BaseModel):
    """One route. Every criterion that is said must hold; each is a pattern like "growth-*", or several."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    to: tuple[str, ...] = Field(min_length=1)  # sinks by their names: "slack-growth" is [slack.growth]
    owner: tuple[str, ...] = ()
    domain: tuple[str, ...] = ()
    asset: tuple[str, ...] = ()
    rule: tuple[str, ...] = ()
    labels: dict[str, str] = Field(default_factory=dict)
    least: Severity = "info"

    @field_validator("to", "owner", "domain", "asset", "rule", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    def route(self) -> AlertRoute:
        """As the sinks ask it."""
        labels = tuple(sorted(self.labels.items()))
        return AlertRoute(frozenset(self.to), self.owner, self.domain, self.asset, self.rule, labels, self.least)


PREFIXES = {"webhooks": "webhook"} | {name: name for name in ("alertmanager", "pagerduty", "slack", "apprise", "mail")}
"""table of destinations that take alerts → what their sinks' names begin with"""


def sink_names(tables: Mapping[str, Any]) -> list[str]:
    """The sinks that a route may name.

    >>> sink_names({"slack": {"growth": ...}, "slots": 4})
    ['slack-growth']
    """
    return [f"{prefix}-{name}" for table, prefix in PREFIXES.items() for name in tables.get(table, {})]


def must_know(named: Iterable[str], sinks: Collection[str]) -> None:
    """Raises ValueError for a sink that is named and isn't there."""
    for name in named:
        if name not in sinks:
            raise ValueError(f"there is no sink {name!r}; {meant(name, sinks) or 'no destination of alerts is set'}")


def routing(routes: Iterable[RouteSettings], unrouted: Collection[str]) -> Routing:
    """All routes."""
    return Routing(tuple(one.route() for one in routes), frozenset(unrouted))
