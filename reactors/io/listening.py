"""A worker's intake on the embedded log: the grants and cancels that name it. On Kafka it is `intake.Intake`."""

import asyncio

from reactors.io.worker import Worker
from streams.cloudevents import decode, parse
from streams.errors import BadEvent
from streams.events import RunCancelled, RunGranted
from streams.ports import Entry, EventLog
from streams.topics import Topics


class Listening:
    """Hands one worker what is addressed to it, from the end of the topic on. See Intake."""

    def __init__(self, worker: Worker, log: EventLog, topics: Topics, domain: str) -> None:
        self._worker, self._log, self._topic = worker, log, topics.runs(domain).name
        self._name = worker.terms.name
        self._group = topics.group(f"worker-{self._name}")
        self._listening = asyncio.Event()

    async def ready(self) -> None:
        """Return once whatever is granted is taken."""
        await self._listening.wait()

    async def run(self, stop: asyncio.Event) -> None:
        """Take until `stop` is set."""
        subscription = await self._log.subscribe(self._group, [self._topic], "latest")
        self._listening.set()
        try:
            while not stop.is_set():
                for entries in (await subscription.fetch(500, 1_000)).values():
                    for entry in entries:
                        self._hand_over(entry)
        finally:
            await subscription.close()

    def _hand_over(self, entry: Entry) -> None:
        try:
            event = parse(decode(entry.value, entry.headers))
        except BadEvent:
            return  # not a grant that can be run: its lease will tell
        if isinstance(event, RunGranted) and event.worker == self._name:
            self._worker.take(event)
        elif isinstance(event, RunCancelled) and event.worker == self._name:
            self._worker.cancel(event.run, event.attempt)
