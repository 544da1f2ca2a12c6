"""Who is told of alerts: the destinations that the settings name, each with what runs beside its delivery."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

from everfresh.destination_settings import needed, secret_of
from sinks.io.alertmanager import Alertmanager, Pager, Resending
from sinks.io.attempts import Manner
from sinks.io.delivery import Delivery
from sinks.io.pagerduty import PagerDuty, Service
from sinks.io.slack import Channel, Slack
from sinks.pagerduty import KEY_LENGTH
from sinks.retries import PATIENT
from streams.errors import SettingError

if TYPE_CHECKING:
    from everfresh.config import Settings
    from everfresh.destination_settings import AlertSettings
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

    def failing(self) -> str | None:
        """Why its destination isn't told of everything now; None while all is well."""
        found = (self.delivery.failing(), *(one.trouble() for one in self.beside))
        return next((why for why in found if why), None)


def alert_parts(site: Site, observe: Observe) -> Iterator[Part]:
    """All that get nothing but alerts. Raises SettingError for one that can't be."""
    log, topics = site.log.log, site.settings.topics
    for pager in _pagers(site.settings):
        destination = Alertmanager(pager)
        delivery = Delivery(pager.route(topics), destination, log, topics, observe)
        yield Part(delivery, (Resending(pager, destination, log, topics, observe),))
    for service in _services(site.settings):
        yield Part(Delivery(service.route(topics), PagerDuty(service), log, topics, observe))
    for channel in _channels(site.settings):
        yield Part(Delivery(channel.route(topics), Slack(channel, log, topics), log, topics, observe))


def _pagers(settings: Settings) -> Iterator[Pager]:
    for name, said in settings.alertmanager.items():
        token = secret_of(said.token, said.token_env, f"alertmanager.{name}.token")
        choice = settings.routing.choice(f"alertmanager-{name}", said.choice)
        yield Pager(name, said.url, choice, token, said.allow_private, _manner(said), said.resend_ms)


def _services(settings: Settings) -> Iterator[Service]:
    for name, said in settings.pagerduty.items():
        setting = f"pagerduty.{name}.routing_key"
        key = needed(said.routing_key, said.routing_key_env, setting)
        if len(key) != KEY_LENGTH:
            raise SettingError(f"setting {setting!r} is wrong: an Integration Key has {KEY_LENGTH} characters")
        choice = settings.routing.choice(f"pagerduty-{name}", said.choice)
        yield Service(name, key, choice, said.url, said.allow_private, _manner(said))


def _channels(settings: Settings) -> Iterator[Channel]:
    for name, said in settings.slack.items():
        token = needed(said.token, said.token_env, f"slack.{name}.token")
        choice = settings.routing.choice(f"slack-{name}", said.choice)
        yield Channel(name, token, said.channel, choice, said.url, said.allow_private, _manner(said))


def _manner(said: AlertSettings) -> Manner:
    return Manner(PATIENT, try_ms=said.timeout_ms, per_minute=said.per_minute)
