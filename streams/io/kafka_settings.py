"""How the Kafka log behaves; every field has a default that suits a cluster on a local network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """What a KafkaLog is told beside its address."""

    replication_factor: int = -1  # of topics it creates; -1 is the broker's own default
    deadline_ms: int = 10_000  # how long anything may take before it is LogUnavailable
    session_timeout_ms: int = 10_000  # a member not heard of for so long loses its partitions
    starving_ms: int = 20_000  # a reader that gets nothing for so long, though there is something, is started anew
    isolation: Literal["read_committed", "read_uncommitted"] = "read_committed"
    client: Mapping[str, Any] = field(default_factory=dict)  # security_protocol, ssl_context, sasl_…: to every client


FETCH_BYTES = 8 * 1024 * 1024
"""bytes of one partition in one fetch: some 40,000 small events, and any single event everfresh writes"""

BATCH_BYTES = 128 * 1024
"""bytes of one batch, of which aiokafka keeps one in flight per partition; a bigger record makes a batch of its own"""

TRANSACTION_MS = 10_000
"""a dead writer's open transaction holds up committed readers for so long at most"""
