"""Who is told of alerts: the destinations that the settings name, each with what runs beside its delivery."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

from everfresh.destination_settings import secret_of
from sinks.io.alertmanager import Alertmanager, Pager, Resending
from sinks.io.delivery import Delivery

if TYPE_CHECKING:
    from everfresh.site import Site
    from sinks.io.attempts import Observe


class Beside(Protocol):
    """What a destination needs beside its delivery."""

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`."""

    def trouble(self) -> str | None:
        """Why it doesn't do its work."""


class Part(NamedTuple):
    """One destination at work."""

    delivery: Delivery
    beside: tuple[Beside, ...] = ()

    def trouble(self) -> str | None:
        """Why nothing moves, or not all of it; None while all is well."""
        return next((why for one in (self.delivery, *self.beside) if (why := one.trouble())), None)


def alert_parts(site: Site, observe: Observe) -> Iterator[Part]:
    """All that get nothing but alerts. Raises SettingError for one that can't be."""
    settings, log, topics = site.settings, site.log.log, site.settings.topics
    for name, said in settings.alertmanager.items():
        token = secret_of(said.token, said.token_env, f"alertmanager.{name}.token")
        pager = Pager(name, said.url, said.choice, token, said.allow_private, said.timeout_ms, said.resend_ms)
        destination = Alertmanager(pager)
        delivery = Delivery(pager.route(topics), destination, log, topics, observe)
        yield Part(delivery, (Resending(pager, destination, log, topics, observe),))
