"""Sinks that tell people: by mail, and whatever apprise can reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from everfresh.destination_settings import secret_of
from sinks.io.delivery import Route
from sinks.mail import Sender
from sinks.ports import Destination
from streams.errors import SettingError

if TYPE_CHECKING:
    from everfresh.config import Settings


def messengers(settings: Settings) -> Iterator[tuple[Route, Destination]]:
    """What the settings name. Raises SettingError for one that can't be."""
    if settings.mail:
        from sinks.io.mail import Mail, Mailbox

        for name, said in settings.mail.items():
            server = said.host(secret_of(said.password, said.password_env, f"mail.{name}.password"))
            choice = settings.routing.choice(f"mail-{name}", said.choice)
            mailbox = Mailbox(name, server, Sender(said.sender, said.to, said.domain), choice, said.per_minute)
            yield mailbox.route(settings.topics), Mail(mailbox)
    for name, told in settings.apprise.items():
        try:
            from sinks.io.apprise import Apprise, Notice
        except ImportError as error:
            raise SettingError(
                f"setting 'apprise.{name}' takes apprise, which isn't there ({error}): pip install 'everfresh[apprise]'"
            ) from None
        wanted = settings.routing.choice(f"apprise-{name}", told.choice)
        notice = Notice(name, told.addresses(name), wanted, told.timeout_ms, told.per_minute)
        yield notice.route(settings.topics), Apprise(notice)
