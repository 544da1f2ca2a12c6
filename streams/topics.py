"""Every topic: its name, key, partitions and retention. docs/contract and the checks at start are made from this."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as it must be. `retention_ms=None` keeps everything; `key` says what orders it."""

    name: str
    key: str
    partitions: int = 4
    cleanup: Literal["delete", "compact"] = "delete"
    retention_ms: int | None = None
    log_append_time: bool = False

    @property
    def settings(self) -> dict[str, str]:
        """The topic's Kafka settings."""
        found: dict[str, str] = {"cleanup.policy": self.cleanup}
        if self.cleanup == "delete":
            found["retention.ms"] = str(-1 if self.retention_ms is None else self.retention_ms)
        if self.cleanup == "delete" and self.retention_ms is None:
            found["retention.bytes"] = "-1"  # a cluster may cut by size where nothing is said
        if self.log_append_time:
            found["message.timestamp.type"] = "LogAppendTime"
        return found


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics under one prefix."""

    prefix: str = "everfresh."

    def group(self, role: str) -> str:
        """A consumer group, or a writer's name, of this installation: another one on the cluster has another prefix.

        >>> Topics().group("reactors")
        'everfresh.reactors'
        """
        return f"{self.prefix}{role}"

    @property
    def changes(self) -> Topic:
        return Topic(f"{self.prefix}changes.v1", "asset", retention_ms=7 * DAY_MS)

    def journal(self, domain: str) -> Topic:
        """The one order of all that happens in a domain. Never deleted by age: trimmed behind a snapshot."""
        return Topic(f"{self.prefix}journal.v1.{domain}", "", partitions=1, log_append_time=True)

    def runs(self, domain: str) -> Topic:
        return Topic(f"{self.prefix}runs.v1.{domain}", "worker", partitions=1, retention_ms=DAY_MS)

    @property
    def snapshots(self) -> Topic:
        return Topic(f"{self.prefix}snapshots.v1", "domain/offset/chunk", cleanup="compact")

    @property
    def overrides(self) -> Topic:
        return Topic(f"{self.prefix}overrides.v1", "domain", partitions=1, cleanup="compact")

    @property
    def materializations(self) -> Topic:
        return Topic(f"{self.prefix}materializations.v1", "asset", retention_ms=30 * DAY_MS)

    @property
    def freshness(self) -> Topic:
        return Topic(f"{self.prefix}freshness.v1", "asset", cleanup="compact")

    @property
    def checks(self) -> Topic:
        return Topic(f"{self.prefix}checks.v1", "asset", retention_ms=90 * DAY_MS)

    @property
    def costs(self) -> Topic:
        return Topic(f"{self.prefix}costs.v1", "asset", retention_ms=90 * DAY_MS)

    @property
    def alerts(self) -> Topic:
        return Topic(f"{self.prefix}alerts.v1", "fingerprint", retention_ms=90 * DAY_MS)

    @property
    def alert_state(self) -> Topic:
        return Topic(f"{self.prefix}alert-state.v1", "fingerprint", cleanup="compact")

    @property
    def sink_state(self) -> Topic:
        """What sinks must still know after a restart, like the message that they'd edit."""
        return Topic(f"{self.prefix}sink-state.v1", "sink/name", partitions=1, cleanup="compact")

    @property
    def dead_letters(self) -> Topic:
        return Topic(f"{self.prefix}dead-letters.v1", "original key", retention_ms=30 * DAY_MS)

    def shared(self) -> tuple[Topic, ...]:
        """The topics that all domains share."""
        return (
            self.changes,
            self.snapshots,
            self.overrides,
            self.materializations,
            self.freshness,
            self.checks,
            self.costs,
            self.alerts,
            self.alert_state,
            self.sink_state,
            self.dead_letters,
        )

    def of(self, domain: str) -> tuple[Topic, ...]:
        """All topics that a domain needs."""
        return (*self.shared(), self.journal(domain), self.runs(domain))

    def output(self, event_type: str) -> Topic:
        """Where the reactor publishes an event of this type."""
        return _outputs(self)[event_type.split(".")[1]]


@lru_cache  # asked for each event
def _outputs(topics: Topics) -> Mapping[str, Topic]:
    """The noun in an event's type → its topic."""
    return {
        "asset": topics.materializations,
        "run": topics.materializations,
        "backfill": topics.materializations,
        "freshness": topics.freshness,
        "check": topics.checks,
        "cost": topics.costs,
        "alert": topics.alerts,
        "dead": topics.dead_letters,
    }
