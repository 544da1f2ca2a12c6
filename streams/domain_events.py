"""What one domain's reactor writes into another's journal: that it reads there, and what was published for it."""

from typing import Any, ClassVar

from streams.event import Cut, Event


class DomainSubscribed(Event):
    """A domain reads these assets of the one in whose journal this stands: all of them, each time; none ends it."""

    TYPE: ClassVar[str] = "everfresh.domain.subscribed.v1"
    to: str  # the domain in whose journal it stands
    subscriber: str
    deploy: int  # of the subscriber: what comes late from an older one changes nothing
    assets: tuple[str, ...] = ()


class DomainDelivered(Event):
    """An asset's version as its own domain published it, for a subscriber. The subject is the asset."""

    TYPE: ClassVar[str] = "everfresh.domain.delivered.v1"
    to: str  # the domain in whose journal it stands
    asset: str
    partition: str = ""
    version: str | None = None
    fingerprint: str | None = None
    uri: str | None = None
    format: str | None = None
    metadata: dict[str, Any] | None = None
    cut: Cut  # at which it is right: sources of all domains above it by their numbers, looks by those that found it
    consistent: bool = True
    incarnation: str  # of the journal it comes from
    offset: int  # of the entry there that published it: what isn't higher is a repeat


CROSSING = (DomainSubscribed, DomainDelivered)
"""what is for another domain's journal"""
