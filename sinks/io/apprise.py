"""Whatever apprise can reach: chats, phones, desktops. Needs apprise, which `pip install 'everfresh[apprise]'` brings.

Apprise waits for the network where it is called, so it is called in threads of its own.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import apprise

from sinks.answers import NotTaken
from sinks.io.attempts import Manner
from sinks.io.delivery import Route
from sinks.messages import Message, message_of
from sinks.ports import Refused
from sinks.reached import Reached
from sinks.retries import Retries
from sinks.routing import Wanted
from streams.cloudevents import Envelope
from streams.errors import BadEvent, SettingError
from streams.topics import Topics

RETRIES = Retries(patience_ms=86_400_000, longest_ms=120_000)
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Notice:
    """One destination: which events, and apprise's URLs of who gets them."""

    name: str
    urls: tuple[str, ...] = field(repr=False)  # they hold tokens
    choice: Wanted
    try_ms: int = 30_000
    per_minute: float = 0

    def route(self, topics: Topics) -> Route:
        """A new one isn't told what is long over."""
        manner = Manner(RETRIES, AT_ONCE, self.try_ms, self.per_minute)
        return Route(f"apprise-{self.name}", self.choice.topics(topics), "latest", manner)


class Apprise:
    """Tells each URL; who was reached isn't told again where another wasn't.

    Raises SettingError for what is no URL of apprise's. URLs are named by their place in the list, never by their text.
    """

    def __init__(self, notice: Notice) -> None:
        self._notice = notice
        self._servers = {f"url {at}": _server(notice, at, url) for at, url in enumerate(notice.urls, 1)}
        self._reached = Reached()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="everfresh-apprise")

    async def lets_pass(self, envelope: Envelope) -> bool:
        return not self._notice.choice.wants(envelope)

    async def deliver(self, envelope: Envelope) -> None:
        name = envelope["id"]
        if await self.lets_pass(envelope):
            return
        try:
            said = message_of(envelope)
        except BadEvent as error:
            raise Refused(str(error)) from None
        missed = []
        for one in self._reached.left(name, tuple(self._servers)):
            if await asyncio.get_running_loop().run_in_executor(self._threads, self._told, one, said):
                self._reached.mark(name, one)
            else:
                missed.append(one)
        if missed:
            raise NotTaken(f"apprise didn't reach {', '.join(missed)}; its own log says why")
        self._reached.forget(name)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _told(self, server: str, said: Message) -> bool:
        kind = apprise.NotifyType(said.mood)
        return bool(self._servers[server].notify(body=said.text, title=said.title, notify_type=kind))


def _server(notice: Notice, at: int, url: str) -> apprise.Apprise:
    made = apprise.Apprise()
    if not made.add(url):
        scheme = url.partition(":")[0] if ":" in url else ""
        raise SettingError(
            f"setting 'apprise.{notice.name}.urls' is wrong: apprise knows no such thing as the {scheme[:20]!r} URL "
            f"in place {at}; https://github.com/caronc/apprise lists them"
        )
    return made
