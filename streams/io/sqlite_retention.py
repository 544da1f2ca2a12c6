"""Retention and compaction of the embedded log: what a Kafka broker does by itself."""

from functools import partial

import apsw

from streams.io.sqlite_partitions import SqlitePartitions
from streams.io.sqlite_schema import OFFSET_BITS
from streams.topics import DAY_MS, Topic

TOMBSTONE_MS = DAY_MS
"""how long a tombstone stays, so that every reader hears of it; as Kafka's delete.retention.ms"""


async def tidy(partitions: SqlitePartitions, now_ms: int) -> int:
    """Go through all topics; returns the number of entries that went."""
    gone = 0
    for (name,) in partitions.file.read("SELECT name FROM topics ORDER BY name"):
        topic = partitions.declared(name)
        for partition in range(topic.partitions):
            log = partitions.log(name, partition)
            if topic.cleanup == "compact":
                gone += await partitions.file.write(partial(_compact, log=log, now_ms=now_ms))
            else:
                gone += await _expire(partitions, topic, partition, now_ms)
    return gone


async def _expire(partitions: SqlitePartitions, topic: Topic, partition: int, now_ms: int) -> int:
    if topic.retention_ms is None:
        return 0
    first, end = partitions.bounds_of(topic.name, partition)
    start = partitions.log(topic.name, partition) << OFFSET_BITS
    rows = partitions.file.read(
        "SELECT id FROM entries WHERE id >= ? AND id < ? AND at_ms >= ? ORDER BY id LIMIT 1",
        (start + first, start + end, now_ms - topic.retention_ms),
    )
    before = rows[0][0] - start if rows else end
    if before > first:
        await partitions.trim(topic.name, partition, before)
    return before - first


def _compact(db: apsw.Connection, log: int, now_ms: int) -> int:
    """Keep the newest entry of each key, and no tombstone that is older than a day."""
    ends = (log << OFFSET_BITS, (log + 1) << OFFSET_BITS)
    db.execute(
        "DELETE FROM entries WHERE id IN (SELECT id FROM (SELECT id, "
        "row_number() OVER (PARTITION BY key ORDER BY id DESC) AS age FROM entries WHERE id >= ? AND id < ?) "
        "WHERE age > 1)",
        ends,
    )
    gone = db.changes()
    db.execute(
        "DELETE FROM entries WHERE id >= ? AND id < ? AND value IS NULL AND at_ms < ?", (*ends, now_ms - TOMBSTONE_MS)
    )
    return gone + db.changes()
