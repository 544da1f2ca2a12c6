"""One process of the bare chain: what comes in on one topic goes out on the next, by aiokafka alone."""

import asyncio
import sys

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer


async def relay(servers: str, read: str, write: str) -> None:
    consumer = AIOKafkaConsumer(read, bootstrap_servers=servers, group_id=f"bare-{read}", auto_offset_reset="earliest")
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True)
    await consumer.start()
    await producer.start()
    print("ready", flush=True)
    while True:
        for batch in (await consumer.getmany(timeout_ms=1_000)).values():
            for record in batch:
                event = orjson.loads(record.value)
                await producer.send_and_wait(write, orjson.dumps(event))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(relay(*sys.argv[1:]))
