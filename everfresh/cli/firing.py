"""What fires in a domain, as rows of a table and as JSON."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, get_args

from everfresh.cli.words import moment, span
from everfresh.reading import Reading
from everfresh.site import Site
from reactors.domain import Domain
from reactors.io.clock import SystemClock
from reactors.stops import FoldFailed, alert
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
    acknowledged_by: str | None = None
    silenced_until: int | None = None
    inhibited_by: str | None = None

    def cells(self) -> tuple[str, ...]:
        """The table's cells."""
        age = span(max(0, SystemClock().now_ms() - self.since))
        what = f"{self.summary} ({self.actual})" if self.actual else self.summary
        return self.severity, self.rule, self.asset or "", self.owner or "", age, what

    def known(self) -> str:
        """Who needs not be told of it again, and why; empty where everybody does."""
        said = [f"by {self.acknowledged_by}"] if self.acknowledged_by else []
        said += ["silenced"] if self.silenced_until else []
        return ", ".join([*said, *(["explained by another"] if self.inhibited_by else [])])

    def json(self) -> dict[str, object]:
        """The same for machines."""
        until = moment(self.silenced_until) if self.silenced_until is not None else None
        return {**self._asdict(), "since": moment(self.since), "silenced_until": until}


def cells(found: Sequence[Firing]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The table's columns and rows; with one more where somebody knows of an alert."""
    if not any(one.known() for one in found):
        return COLUMNS, [one.cells() for one in found]
    return (*COLUMNS, "known"), [(*one.cells(), one.known()) for one in found]


def rows(domain: Domain) -> list[Firing]:
    """Every alert of the domain that is open."""
    found = []
    for alarm in domain.state.alerts.values():
        if not alarm.is_told:
            continue
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
                fingerprint=cause.fingerprint(domain.name),
                episode=alarm.episode,
                acknowledged_by=alarm.acknowledged_by or None,
                silenced_until=alarm.silenced_until,
                inhibited_by=trouble.inhibited_by,
            )
        )
    return found


async def fires(site: Site, name: str) -> list[Firing]:
    """What fires in a domain; of one that stands still, that alone is known."""
    reading = Reading(site.log, site.settings.topics, name)
    await reading.begin()
    try:
        async for _ in reading.to_end():
            pass
    except FoldFailed as failed:
        told = alert(reading.domain, name, failed.said)
        return [Firing(*(getattr(told, field) for field in Firing._fields))]
    return rows(reading.domain)


def worst_first(found: Iterable[Firing]) -> list[Firing]:
    """Critical ones first, and of those the oldest."""
    order = get_args(Severity)
    return sorted(found, key=lambda one: (-order.index(one.severity), one.since))
