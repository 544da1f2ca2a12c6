"""A process with an agent that writes down what it handled, to be killed.

python -m tests.kafka.faust_victim HOST:PORT TOPIC FILE
"""

import asyncio
import sys
from pathlib import Path

from streams.cloudevents import Envelope
from streams.io.faust import FaustSettings, event_topic, faust_app, guarded, running
from streams.io.kafka_settings import KafkaSettings
from streams.ports import Entry


async def main(bootstrap: str, topic: str, file: Path) -> None:
    kafka = KafkaSettings(session_timeout_ms=2_000)  # it is waited for before another gets its partitions
    app = faust_app(f"{topic}.victims", bootstrap, FaustSettings(commit_seconds=0.2, kafka=kafka))

    async def handle(event: Envelope, _entry: Entry) -> None:
        await asyncio.sleep(0.002)
        with file.open("a") as handled:
            handled.write(f"{event['id']}\n")

    async def letter(_entry: Entry, _error: str) -> None:
        raise OSError("none is expected")

    app.agent(event_topic(app, topic), name="victim")(guarded(handle, letter, app.give_up))
    async with running(app) as faust:
        await faust.ended()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
