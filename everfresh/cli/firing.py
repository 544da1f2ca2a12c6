"""What fires in a domain, as rows of a table and as JSON."""

from collections.abc import Iterable
from typing import NamedTuple, get_args

from everfresh.cli.words import moment, span
from reactors.domain import Domain
from reactors.io.clock import SystemClock
from streams.events import Severity

COLUMNS = ("severity", "rule", "asset", "owner", "for", "what is wrong")


class Firing(NamedTuple):
    """An alert that is open; `since` is an instant in ms. Fields as in the contract's alert events."""

    severity: Severity
    since: int
    rule: str
    asset: str | None
    owner: str | None
    summary: str
    expected: str | None
    actual: str | None
    fingerprint: str
    episode: int

    def cells(self) -> tuple[str, ...]:
        """The table's cells."""
        age = span(max(0, SystemClock().now_ms() - self.since))
        what = f"{self.summary} ({self.actual})" if self.actual else self.summary
        return self.severity, self.rule, self.asset or "", self.owner or "", age, what

    def json(self) -> dict[str, object]:
        """The same for machines."""
        return {**self._asdict(), "since": moment(self.since)}


def rows(domain: Domain) -> list[Firing]:
    """Every alert of the domain that is open."""
    found = []
    for alarm in domain.state.alerts.values():
        cause, trouble = alarm.cause, alarm.trouble
        declared = domain.graph.assets.get(cause.asset)
        found.append(
            Firing(
                severity=trouble.severity,
                since=trouble.since,
                rule=cause.rule,
                asset=cause.asset or None,
                owner=declared.owner if declared is not None else None,
                summary=trouble.summary,
                expected=trouble.expected,
                actual=trouble.actual,
                fingerprint=cause.fingerprint,
                episode=alarm.episode,
            )
        )
    return found


def worst_first(found: Iterable[Firing]) -> list[Firing]:
    """Critical ones first, and of those the oldest."""
    order = get_args(Severity)
    return sorted(found, key=lambda one: (-order.index(one.severity), one.since))
