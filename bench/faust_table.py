"""A Faust agent that counts events in a table, as its manual shows it: `python -m bench.faust_table ADDRESS EVENTS`."""

import asyncio
import sys
import time

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

TOPIC = "faust-in"


def counting(address: str, count: int) -> faust.App:
    app = faust.App(
        "bench-table", broker=f"kafka://{address}", store="memory://", web_enabled=False, topic_partitions=1
    )
    table = app.Table("counts", default=int, partitions=1)
    state = {"seen": 0, "begun": 0.0}

    @app.agent(app.topic(TOPIC, value_serializer="json", partitions=1))
    async def agent(stream):  # type: ignore[no-untyped-def]
        async for event in stream:
            state["begun"] = state["begun"] or time.perf_counter()
            table[event["subject"]] += 1
            state["seen"] += 1
            if state["seen"] == count:
                print(count / (time.perf_counter() - state["begun"]), flush=True)
                app._bench_done.set()

    app._bench_done = asyncio.Event()
    return app


async def main(address: str, count: int) -> None:
    from bench.journals import _change

    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, 1, 1), NewTopic("bench-table-counts-changelog", 1, 1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=address, linger_ms=20)
    await producer.start()
    for number in range(count):
        await producer.send(TOPIC, _change(number % 10_000, number, number), key=str(number % 10_000).encode())
    await producer.stop()
    app = counting(address, count)
    app.finalize()
    await app.start()
    await app._bench_done.wait()
    await app.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
