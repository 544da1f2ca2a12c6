"""Another process at the same SQLite log: `python -m tests.conformance.sqlite_process DOING PATH TOPIC [COUNT]`."""

import asyncio
import sys
from pathlib import Path

from streams.io.sqlite import SqliteLog
from streams.ports import Record


async def append(log: SqliteLog, topic: str, count: int) -> None:
    """Each as an append of its own, said when it is acknowledged."""
    for number in range(count):
        (stamp,) = await log.append([Record(topic, b"%d" % number)])
        print(stamp.offset, flush=True)


async def join(log: SqliteLog, topic: str, _count: int) -> None:
    """Own what nobody else does, and never let go."""
    member = await log.subscribe("group", [topic])
    while True:
        await member.fetch(wait_ms=50)
        print(len(member.owned()), flush=True)


async def main() -> None:
    doing, path, topic, *count = sys.argv[1:]
    log = SqliteLog(Path(path))
    await {"append": append, "join": join}[doing](log, topic, int(count[0]) if count else 0)
    await log.close()


if __name__ == "__main__":
    asyncio.run(main())
